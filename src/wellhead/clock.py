"""Gives time through the door so that tests can move it; never read `time` elsewhere on a path that tests drive."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What the runtime and connectors ask of time."""

    def now_ms(self) -> int:
        """Wall-clock epoch milliseconds, UTC."""
        ...

    def monotonic_secs(self) -> float:
        """Seconds that never run backwards; only differences mean anything."""
        ...

    async def sleep(self, secs: float) -> None:
        """Return after `secs` seconds of this clock's time; cancellable."""
        ...


class SystemClock:
    """The machine's own time."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_secs(self) -> float:
        return time.monotonic()

    async def sleep(self, secs: float) -> None:
        await asyncio.sleep(secs)
