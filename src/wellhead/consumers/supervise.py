"""Takes one part of a service, runs it again after whatever ends it, waiting as the error says; never lets an error out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from wellhead.clock import Clock
from wellhead.errors import ConfigError, PermanentError, TemporaryError
from wellhead.telemetry.logs import get_logger
from wellhead.telemetry.parts import PartTally

FIRST_WAIT_SECS = 1.0
LONGEST_WAIT_SECS = 30.0
FAILED_WAIT_SECS = 60.0
"""A part that a person must help is tried again so often, since what they change is mostly not here."""
STEADY_SECS = 60.0
"""Who has run for so long begins with short waits again."""


class Runs(Protocol):
    """What a part does, in a thread of its own."""

    def run(self) -> None:
        """Return soon after the process was told to stop; raise what made it impossible to go on."""
        ...


class Supervised:
    """One part and the thread it lives in.

    Args:
        name: What logs call it, such as `wallarm/group`.
        make: Makes the part anew for each run, and closes what it opened.
        tally: Where its state is told.
        clock: Tells how long a run lasted.
        log: Under which name it logs.
        stop: Set when the process is to end.
        wait: Waits some seconds and gives whether it was told to stop; `stop.wait` unless given.
        redact: Takes every secret out of a text.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], AbstractContextManager[Runs]],
        tally: PartTally,
        *,
        clock: Clock,
        stop: threading.Event,
        log: str,
        wait: Callable[[float], bool] | None = None,
        redact: Callable[[str], str] = str,
    ) -> None:
        self.name = name
        self.tally = tally
        self._make = make
        self._clock = clock
        self._stop = stop
        self._wait = wait or stop.wait
        self._redact = redact
        self._log = get_logger(log).bind(part=name)
        self._thread = threading.Thread(target=self.run, name=f"wellhead-{name}", daemon=True)

    def start(self) -> None:
        """Run it in its thread until `stop` is set."""
        self._thread.start()

    def join(self, timeout_secs: float) -> bool:
        """Wait for its end; True where it has ended, or was never started."""
        if self._thread.ident is not None:
            self._thread.join(max(0.0, timeout_secs))
        return not self._thread.is_alive()

    def run(self) -> None:
        """Run it here until `stop` is set."""
        wait_secs = FIRST_WAIT_SECS
        while not self._stop.is_set():
            began_secs = self._clock.monotonic_secs()
            least_secs = self._once()
            if self._stop.is_set():
                break
            if self._clock.monotonic_secs() - began_secs >= STEADY_SECS:
                wait_secs = FIRST_WAIT_SECS
            if self._wait(max(wait_secs, least_secs)):
                break
            wait_secs = min(2 * wait_secs, LONGEST_WAIT_SECS)
        self.tally.state("stopped")

    def _once(self) -> float:
        """Run it until it ends, tell why it did, and give the least seconds until it makes sense to try again."""
        try:
            with self._make() as part:
                part.run()
        except TemporaryError as error:
            self.tally.state("waiting", self._redact(str(error)))
            return error.after_secs or 0.0
        except (PermanentError, ConfigError) as error:
            self.tally.state("failed", self._redact(str(error)))
            return FAILED_WAIT_SECS
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - told in log and health; the other parts go on
            # A defect of ours, or a panic of a library in Rust, which is no Exception: whoever reads the log needs the place, whoever reads
            # /health that there is one.
            self._log.exception("part broke")
            self.tally.state("failed", f"{type(error).__name__}: see the log; it is tried again")
            return FAILED_WAIT_SECS
        if not self._stop.is_set():
            self.tally.state("waiting", "ended by itself; it is started again")
        return 0.0
