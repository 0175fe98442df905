"""Takes how connections to one destination went, says whether another may be tried; after many failures only one at a time, and not at once."""

from __future__ import annotations

from typing import Literal

from wellhead.clock import Clock
from wellhead.errors import TemporaryError

BreakerState = Literal["closed", "open", "half_open"]


class Breaker:
    """A circuit breaker: closed while all is well, open after failures in a row, half open while one tries.

    Args:
        destination: For messages.
        failures: So many in a row open it.
        open_secs: For so long.
        clock: Measures that.
    """

    def __init__(self, destination: str, failures: int, open_secs: float, clock: Clock) -> None:
        self._destination = destination
        self._most = failures
        self._open_secs = open_secs
        self._clock = clock
        self._failures = 0
        self._until_secs: float | None = None
        self._trying = False

    @property
    def state(self) -> BreakerState:
        """How it stands."""
        if self._until_secs is None:
            return "closed"
        return "half_open" if self._trying or self._clock.monotonic_secs() >= self._until_secs else "open"

    def ask(self, call: str) -> bool:
        """Return where a connection may be tried; True where it is the one that finds out for all, and must tell.

        Raises:
            TemporaryError: It may not, for `after_secs`.
        """
        if self._until_secs is None:
            return False
        left_secs = self._until_secs - self._clock.monotonic_secs()
        if left_secs <= 0 and not self._trying:
            self._trying = True
            return True
        wait_secs = max(left_secs, 1.0)
        raise TemporaryError(
            f"{call}: {self._failures} connections to {self._destination} failed one after the other; it is left alone for {wait_secs:.0f} s",
            after_secs=wait_secs,
        )

    def failed(self) -> None:
        """Note that no connection was made."""
        self._failures += 1
        self._trying = False
        if self._failures >= self._most:
            self._until_secs = self._clock.monotonic_secs() + self._open_secs

    def gave_up(self) -> None:
        """Note that the one that was to find out did not: the next may."""
        self._trying = False

    def worked(self) -> None:
        """Note that one was."""
        self._failures, self._until_secs, self._trying = 0, None, False
