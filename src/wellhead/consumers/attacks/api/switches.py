"""Takes the files a read API was started with, gives its settings as the files say now; never takes up what cannot be used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from wellhead.clock import Clock
from wellhead.config.attacks import AttacksSettings, ServeSettings
from wellhead.errors import WellheadError
from wellhead.telemetry.attackreads import ReadTally
from wellhead.telemetry.logs import get_logger

LOOK_SECS: Final = 1.0
_Stamp = tuple[int, int, int] | None


class Switches:
    """The settings in force; for the event loop.

    Args:
        started: What the files said at the start; stores, listeners and the timeout stay as they were then.
        read: Reads the files again, in a thread; raises `WellheadError` where they cannot be used.
        paths: The files.
        clock: Says when to look at them again.
        tally: Counts the readings.

    Attributes:
        current: The settings in force.
        problem: Why the last change was not taken up; empty where it was.
        read_ms: When the settings in force were read (epoch ms).
    """

    def __init__(
        self,
        started: AttacksSettings,
        read: Callable[[], AttacksSettings],
        paths: Sequence[Path],
        clock: Clock,
        tally: ReadTally,
    ) -> None:
        self._started = started
        self._read = read
        self._paths = tuple(paths)
        self._clock = clock
        self._tally = tally
        self._stamps = self._look()
        self.current: ServeSettings = started.serve
        self.first: str = started.read_store or ""
        self.problem = ""
        self.read_ms = clock.now_ms()

    async def follow(self) -> None:
        """Take up changes of the files until cancelled."""
        while True:
            await self._clock.sleep(LOOK_SECS)
            stamps = self._look()
            if stamps != self._stamps:
                self._stamps = stamps
                await self.reread()

    async def reread(self) -> None:
        """Read the files now; what was stays in force where they cannot be used."""
        log = get_logger("attacks.api")
        try:
            found = await asyncio.to_thread(self._read)
        except WellheadError as error:
            self._refuse(str(error))
            return
        fixed = [word for word, value in _fixed(found).items() if value != _fixed(self._started)[word]]
        if "stores" in fixed and set(self._named(found)) - set(self._started.stores):
            self._refuse("serve names a store that was not there when the process started: restart it")
            return
        if fixed:
            log.warning("what changed is taken up by a restart only", words=fixed)
        self._take(found)

    def told(self) -> dict[str, object]:
        """Give what `/health` says of them."""
        now = self.current
        return {
            "reads_from": self.first,
            "mirror_to": now.mirror_to,
            "shift_percent": now.shift_percent,
            "mirror_percent": now.mirror_percent,
            "fallback": now.fallback,
            "read_ms": self.read_ms,
            "problem": self.problem or None,
        }

    def _take(self, found: AttacksSettings) -> None:
        if (found.serve, found.read_store) != (self.current, self.first):
            get_logger("attacks.api").info(
                "the settings changed",
                shift_percent=found.serve.shift_percent,
                mirror_percent=found.serve.mirror_percent,
                reads_from=found.read_store,
                mirror_to=found.serve.mirror_to,
                fallback=found.serve.fallback,
            )
        self.current = found.serve.model_copy(update={"timeout_secs": self._started.serve.timeout_secs})
        self.first = found.read_store or ""
        self.problem, self.read_ms = "", self._clock.now_ms()
        self._tally.reread("taken")

    def _refuse(self, reason: str) -> None:
        self.problem = reason
        self._tally.reread("refused")
        get_logger("attacks.api").error("the files changed and cannot be used; the former settings hold", reason=reason)

    @staticmethod
    def _named(settings: AttacksSettings) -> list[str]:
        return [name for name in (settings.read_store, settings.serve.mirror_to) if name is not None]

    def _look(self) -> tuple[_Stamp, ...]:
        return tuple(map(_stamp, self._paths))


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _fixed(settings: AttacksSettings) -> dict[str, object]:
    serve = settings.serve
    return {"stores": settings.stores, "serve.listeners": serve.listeners, "serve.timeout.secs": serve.timeout_secs}
