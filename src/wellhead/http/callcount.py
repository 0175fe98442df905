"""Takes the calls that go out, gives how many went out since midnight UTC and at what rate; a clock that steps back gives none away."""

from __future__ import annotations

from collections import deque
from typing import Final

from wellhead.clock import Clock

DAY_SECS: Final = 86_400
_DAYS_KEPT: Final = 64
_RATE_MINUTES: Final = 60
_LEAST_RATE_MINUTES: Final = 10  # a burst of a minute says nothing of the hour


def day_of(now_ms: int) -> int:
    """Give the number of the UTC day that holds an epoch time."""
    return now_ms // (DAY_SECS * 1000)


def secs_to_midnight(now_ms: int) -> float:
    """Give the seconds left of the UTC day."""
    return (DAY_SECS * 1000 - now_ms % (DAY_SECS * 1000)) / 1000


class SteadyTime:
    """Seconds that never run backwards, whatever the monotonic clock below does."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_secs = clock.monotonic_secs()
        self._added_secs = 0.0

    def now_secs(self) -> float:
        """Give the time now."""
        secs = self._clock.monotonic_secs()
        self._added_secs += max(0.0, self._last_secs - secs)
        self._last_secs = secs
        return secs + self._added_secs


class DayCount:
    """Calls by UTC day of the wall clock, which may step.

    Tomorrow's calls count today, too: a clock that was set back over midnight gives nothing away. Those of days further off were
    made by a clock gone astray, today.
    """

    def __init__(self) -> None:
        self._calls: dict[int, int] = {}

    def add(self, day: int, calls: int = 1) -> None:
        """Count calls of a day."""
        self._calls[day] = self._calls.get(day, 0) + calls
        while len(self._calls) > _DAYS_KEPT:
            # The one that came first, which need not be the earliest day.
            del self._calls[next(iter(self._calls))]

    def on(self, today: int) -> int:
        """Give the calls that count on `today`."""
        astray = [day for day in self._calls if day > today + 1]
        if astray:
            self.add(today, sum(self._calls.pop(day) for day in astray))
        return self._calls.get(today, 0) + self._calls.get(today + 1, 0)


class CallRate:
    """Calls a second over the last hour of the monotonic clock; less where it has counted for less than that."""

    def __init__(self, now_secs: float) -> None:
        self._began_minute = now_secs // 60
        self._minutes: deque[tuple[float, int]] = deque(maxlen=_RATE_MINUTES)

    def add(self, now_secs: float) -> None:
        """Count a call."""
        minute = now_secs // 60
        if self._minutes and self._minutes[-1][0] == minute:
            self._minutes[-1] = (minute, self._minutes[-1][1] + 1)
        else:
            self._minutes.append((minute, 1))

    def last_hour(self, now_secs: float) -> int:
        """Give the calls of the last hour."""
        minute = now_secs // 60
        return sum(calls for of, calls in self._minutes if 0 <= minute - of < _RATE_MINUTES)

    def per_sec(self, now_secs: float) -> float:
        """Give the average of the last hour, or of at least ten minutes while it is younger."""
        counted = min(_RATE_MINUTES, max(_LEAST_RATE_MINUTES, now_secs // 60 - self._began_minute + 1))
        return self.last_hour(now_secs) / (counted * 60)
