"""Takes each call that is let in, gives how many the day has left, never counts one twice."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from connectors.threatstream.simulation.settings import DAY_MS, Settings

_MS_PER_SEC = 1_000


@dataclass(frozen=True, slots=True)
class Left:
    """What a call found: whether it was let in, how many are left, and in how many seconds the day is over."""

    is_in: bool
    remaining: int
    reset_secs: int


class Quota:
    """The calls of one API user, counted a UTC day. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._day = -1
        self._used = 0
        self._lock = threading.Lock()

    def take(self, now_ms: int) -> Left | None:
        """Count a call, if the day has one left; None when there is no quota."""
        limit = self._settings.quota_per_day
        with self._lock:
            self._turn(now_ms)
            is_in = limit is None or self._used < limit
            self._used += is_in
            if limit is None:
                return None
            return Left(is_in, limit - self._used, -(-(DAY_MS - now_ms % DAY_MS) // _MS_PER_SEC))

    def used(self, now_ms: int) -> int:
        """Give how many calls of the day were let in."""
        with self._lock:
            self._turn(now_ms)
            return self._used

    def _turn(self, now_ms: int) -> None:
        if now_ms // DAY_MS != self._day:
            self._day, self._used = now_ms // DAY_MS, 0

    def headers(self, left: Left | None) -> dict[str, str]:
        """Give the headers that tell it, where the settings have them."""
        if left is None or self._settings.quota_headers == "none":
            return {}
        told = {"Limit": self._settings.quota_per_day, "Remaining": left.remaining, "Reset": left.reset_secs}
        return {f"X-RateLimit-{name}": str(value) for name, value in told.items()}
