"""A vendor with an org-wide sliding window, a log with its own clock, and processes that share the budget, all in simulated time."""

from __future__ import annotations

import heapq
import itertools
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from wellhead.http import CallRecord
from wellhead.http.account import GroupAccount
from wellhead.http.reports import from_bytes, to_bytes
from wellhead.http.share import Share


@dataclass
class World:
    """Simulated seconds, and what is to happen.

    Attributes:
        random: Where delays come from.
        calls: The vendor's limit within `window_secs`.
        slow_secs: The longest of the ordinary delays, of broker and vendor alike.
    """

    random: Random
    calls: int = 40
    window_secs: float = 20.0
    slow_secs: float = 0.05
    now: float = 0.0
    broker_skew_secs: float = 1_000_000.0
    log: list[tuple[int, bytes]] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)
    made: dict[str, list[float]] = field(default_factory=dict)
    refused: int = 0
    foreign: list[float] = field(default_factory=list)
    broker_away: Callable[[float], bool] = lambda _now: False
    says_remaining: bool = False

    def __post_init__(self) -> None:
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()

    def at(self, secs: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._events, (secs, next(self._count), do))

    def later(self, secs: float, do: Callable[[], None]) -> None:
        self.at(self.now + secs, do)

    def delay(self) -> float:
        """Give a delay: mostly short, at times ten times as long as usual."""
        return self.random.random() * self.slow_secs * (10 if self.random.random() < 0.02 else 1)

    def run(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            self.now, _, do = heapq.heappop(self._events)
            do()
        self.now = until

    def append(self, value: bytes) -> None:
        if not self.broker_away(self.now):
            self.log.append((int((self.now + self.broker_skew_secs) * 1000), value))

    def arrive(self, who: str) -> tuple[int, int]:
        """Take a call at the vendor; give its status and how many are left."""
        counted = self.arrivals + self.foreign
        used = sum(1 for at in counted if self.now - self.window_secs < at <= self.now)
        if used >= self.calls:
            self.refused += 1
            return 429, 0
        self.arrivals.append(self.now)
        self.made.setdefault(who, []).append(self.now)
        return 200, self.calls - used - 1

    def within(self, who: str, start: float, end: float) -> int:
        made = self.made.get(who, [])
        return bisect_right(made, end) - bisect_right(made, start)

    def most_in_any_window(self) -> int:
        arrivals = sorted(self.arrivals)
        return max((bisect_right(arrivals, at + self.window_secs - 1e-9) - i for i, at in enumerate(arrivals)), default=0)


class Sharer:
    """One process: reads the log late, reports late, and calls as often as it may.

    Args:
        demand_secs: Between the ends of a call and the next wish for one; 0 is as fast as possible.
        callers: How many calls it makes at once.
    """

    def __init__(self, world: World, name: str, *, live: bool = True, demand_secs: float = 0.0, callers: int = 2) -> None:
        self.world = world
        self.name = name
        self.skew_secs = world.random.uniform(-1e5, 1e5)
        self.account = GroupAccount(name)
        self.share = Share("feed", live, world.calls, int(world.window_secs * 1000))
        self.account.add(self.share)
        self.demand_secs = demand_secs
        self.callers = callers
        self.dead = False
        self.frozen_until = 0.0
        self._read = 0
        self._join()
        self._turn()
        for _ in range(callers):
            self._want()

    @property
    def now(self) -> float:
        """The process's own monotonic clock."""
        return self.world.now + self.skew_secs

    def _join(self) -> None:
        """Begin near the log's end, and go back until a state is found."""
        back, end = 20, len(self.world.log)
        while True:
            first = max(0, end - back)
            self.account.begin(first, is_start=first == 0)
            for offset in range(first, end):
                self._give(offset)
            if self.account.is_based:
                break
            back *= 8
        self._read = end

    def _give(self, offset: int) -> None:
        stamp_ms, value = self.world.log[offset]
        report = from_bytes(value)
        assert report is not None
        self.account.read(offset, stamp_ms, report)

    def _turn(self) -> None:
        """Read what is there, report when due; a turn comes late at times."""
        if self.dead:
            return
        if self.world.now < self.frozen_until:
            self.world.at(self.frozen_until, self._turn)
            return
        if not self.world.broker_away(self.world.now):
            for offset in range(self._read, len(self.world.log)):
                self._give(offset)
            self._read = len(self.world.log)
        report = self.account.report(self.now)
        if report is not None:
            value = to_bytes(report)
            self.world.later(self.world.delay(), lambda: self.world.append(value))
        self.world.later(0.005 + self.world.delay() / 2, self._turn)

    def _want(self) -> None:
        self.share.callers += 1
        self._try()

    def _try(self) -> None:
        if self.dead:
            return
        if self.world.now < self.frozen_until:
            self.world.at(self.frozen_until, self._try)
        elif self.account.take(self.share, self.now):
            self.share.callers -= 1
            started = self.now
            self.world.later(self.world.delay(), lambda: self._arrive(started))
        else:
            self.world.later(0.01, self._try)

    def _arrive(self, started: float) -> None:
        status, left = self.world.arrive(self.name)
        self.world.later(self.world.delay(), lambda: self._answered(started, status, left))

    def _answered(self, started: float, status: int, left: int) -> None:
        if self.dead:
            return
        remaining = left if self.world.says_remaining else None
        call = CallRecord(
            "v.example", "GET", status, self.now - started, 0, retried=False, quota_remaining=remaining,
            quota_renews_in_secs=self.world.window_secs if remaining is not None else None,
        )  # fmt: skip
        self.account.answered(self.share, call, self.now)
        self.world.later(self.demand_secs, self._want)
