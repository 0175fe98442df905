"""Takes the wish to wait from code that blocks, gives time that jumps there at once, never sleeps for real."""

from __future__ import annotations

import threading


class SteppingClock:
    """A `wellhead.targets.BlockingClock` whose waits cost no time; also a `wellhead.clock.Clock` for a simulator to share. Thread-safe.

    Args:
        start_ms: Wall-clock epoch milliseconds at the start (2026-01-01T00:00:00Z).

    Attributes:
        waits: Every wish to wait so far, in seconds, in the order asked.
    """

    def __init__(self, start_ms: int = 1_767_225_600_000) -> None:
        self.waits: list[float] = []
        self._start_ms = start_ms
        self._elapsed_secs = 0.0
        self._lock = threading.Lock()

    def now_ms(self) -> int:
        return self._start_ms + round(self._elapsed_secs * 1000)

    def monotonic_secs(self) -> float:
        return self._elapsed_secs

    def wait(self, secs: float) -> None:
        self.waits.append(secs)
        self.advance(secs)

    async def sleep(self, secs: float) -> None:
        self.wait(secs)

    def advance(self, secs: float) -> None:
        """Move time forward by `secs`."""
        with self._lock:
            self._elapsed_secs += max(0.0, secs)
