"""Takes any clock, gives one that tests and the admin endpoint can move forward, never moves the clock it stands on."""

from __future__ import annotations

import threading

from wellhead.clock import Clock

MS_PER_SEC = 1_000


class ShiftedClock:
    """Another clock's time plus a shift: on the machine's clock it jumps, on a test's clock it follows the test."""

    def __init__(self, base: Clock) -> None:
        self._base = base
        self._shift_ms = 0
        self._lock = threading.Lock()

    def now_ms(self) -> int:
        return self._base.now_ms() + self._shift_ms

    def monotonic_secs(self) -> float:
        return self._base.monotonic_secs() + self._shift_ms / MS_PER_SEC

    async def sleep(self, secs: float) -> None:
        await self._base.sleep(secs)

    def advance(self, secs: float) -> int:
        """Jump forward by `secs` (never back) and give the new time in epoch milliseconds."""
        if secs < 0:
            raise ValueError(f"a vendor's clock does not run backwards: {secs} s")
        with self._lock:
            self._shift_ms += round(secs * MS_PER_SEC)
        return self.now_ms()
