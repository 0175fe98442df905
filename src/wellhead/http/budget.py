"""Takes every call a connector is about to make, lets it go when its turn has come, never lets more out than the budget holds."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from threading import Lock
from typing import Final

from wellhead.clock import Clock
from wellhead.config.http import HttpSettings
from wellhead.errors import TemporaryError
from wellhead.http.callcount import DAY_SECS, CallRate, DayCount, SteadyTime, day_of, secs_to_midnight
from wellhead.http.record import CallRecord
from wellhead.http.undated import UndatedCount
from wellhead.telemetry.tally import Quota

LONGEST_PACE_SECS: Final = 1800.0  # a call waits this long for its turn; where it would be longer the task is sent away
LONGEST_RENEWAL_SECS: Final = 60.0  # likewise, where nothing is left
RECHECK_SECS: Final = 30.0  # clocks step, and the vendor's word changes, while a call waits
SHORT_WINDOW_SECS: Final = 3600.0  # a quota that renews sooner says nothing of the day's
FEWEST_SPREAD: Final = 48  # a poll needs some calls in a row: fewer are left to the reserve
REFUSALS_TO_BELIEVE: Final = 3
FIRST_REFUSED_SECS: Final = 60.0
LONGEST_REFUSED_SECS: Final = 3600.0
_STARTS_KEPT: Final = 256


@dataclass(frozen=True, slots=True)
class _Told:
    """What the vendor said last.

    Attributes:
        left: Calls left after the first `calls` ones of this process.
        started_secs: When the call that brought it began.
        is_dated: Whether the vendor also said when there are new ones.
    """

    left: int
    calls: int
    started_secs: float
    at_secs: float
    at_ms: int
    window_secs: float
    is_dated: bool

    @property
    def is_short(self) -> bool:
        """Whether it may be another quota than the day's."""
        return self.is_dated and self.window_secs <= SHORT_WINDOW_SECS

    def renews_in_secs(self, now_ms: int, now_secs: float) -> float:
        """Give the seconds until there are new calls; either clock may have stepped, the one further on is believed."""
        return self.window_secs - max(0.0, (now_ms - self.at_ms) / 1000, now_secs - self.at_secs)


@dataclass(frozen=True, slots=True)
class _Limit:
    """What binds.

    Attributes:
        is_days: Whether it is the day's; else a shorter quota beside it.
        holds_secs: How long it may hold a call back after `since_secs` ago: for ever, unless nobody knows when it renews.
    """

    left: int
    renews_in_secs: float
    is_told: bool
    is_days: bool = True
    holds_secs: float = float("inf")
    since_secs: float = 0.0

    @property
    def is_sure(self) -> bool:
        """Whether it holds until it renews."""
        return self.holds_secs == float("inf")

    @property
    def held_secs(self) -> float:
        """How long nothing goes out when none is left."""
        return self.renews_in_secs if self.is_sure else min(self.renews_in_secs, self.holds_secs - self.since_secs)


@dataclass(frozen=True, slots=True)
class _Wait:
    secs: float
    why: str = ""
    at_most_secs: float = LONGEST_PACE_SECS


class CallBudget:
    """The calls of one connector, all its tasks together: counted, paced, and held back when they run out.

    What is left is what the vendor last said, less the calls since; where it says nothing, the day's budget less the calls
    since midnight UTC. A quota of the vendor that renews within the hour binds beside the day's; a count without a time of
    renewal counts while it can be the day's. `http.interval.secs` paces alone while more than half of the budget is left, or
    while the rate of the last hour lets it last; then, and from the reserve down in any case, the rest is spread over the
    time until it renews. Without `http.budget.*` nothing but the interval holds a call back.

    Use it from one event loop; `quota` may be called from any thread.
    """

    def __init__(self, settings: HttpSettings, clock: Clock) -> None:
        self._interval_secs = settings.interval_secs
        self._budget = settings.budget_calls_per_day
        self._reserve = settings.budget_reserve
        self._clock = clock
        self._turn = asyncio.Lock()
        self._lock = Lock()
        self._days = DayCount()
        self._time = SteadyTime(clock)
        self._rate = CallRate(self._time.now_secs())
        self._calls = 0
        self._starts: deque[float] = deque(maxlen=_STARTS_KEPT)
        self._told: _Told | None = None
        self._undated = UndatedCount()
        self._refusals = 0
        self._refused_secs = 0.0
        self._waiting = ""

    @property
    def binds(self) -> bool:
        """Whether calls are held back by what is left, and not by the interval alone."""
        return self._budget is not None or self._reserve > 0

    @property
    def waiting(self) -> str:
        """Why a call is held back right now, else ""."""
        return self._waiting

    async def take(self) -> bool:
        """Return once a call may start, and count it; give whether it had to wait.

        Raises:
            TemporaryError: None is left, or the turn is too far off to wait for; `after_secs` is when there is one.
        """
        waited = False
        async with self._turn:  # in order of arrival
            try:
                while (wait := self._next()).secs > 0:
                    if wait.secs > wait.at_most_secs:
                        raise TemporaryError(wait.why, after_secs=wait.secs)
                    self._waiting, waited = wait.why, True
                    # Never so little that the clock does not move.
                    await self._clock.sleep(min(max(wait.secs, 0.001), RECHECK_SECS))
            finally:
                self._waiting = ""
        return waited

    def answered(self, call: CallRecord) -> None:
        """Learn from an attempt that has ended."""
        with self._lock:
            now_secs = self._time.now_secs()
            started_secs = now_secs - call.secs
            self._learn_refusal(call.status, started_secs, now_secs)
            if (
                self._told is not None
                and not self._told.is_dated
                and _is_served(call.status)
                and self._undated.refutes(started_secs)
            ):
                self._told = None
            # Of calls that overlap, the one that started last knows most.
            if call.quota_remaining is not None and (self._told is None or started_secs >= self._told.started_secs):
                told = self._said(call.quota_remaining, call.quota_renews_in_secs, started_secs, now_secs)
                self._told = told if told.is_dated or self._is_days(told) else None

    def restore(self, calls: int, since_ms: int, last_ms: int | None) -> None:
        """Count calls that a former process made.

        Args:
            calls: How many.
            since_ms: A moment of the UTC day they belong to.
            last_ms: When the last of them may have been made; None where there was none.
        """
        with self._lock:
            # Calls of tomorrow were made before the clock was set back over midnight: all count then, which counts today, too.
            self._days.add(day_of(max(since_ms, last_ms or 0)), calls)
            if last_ms is not None and not self._starts:
                ago_secs = max(0.0, (self._clock.now_ms() - last_ms) / 1000)
                self._starts.append(self._time.now_secs() - ago_secs)

    def quota(self) -> Quota:
        """Give what is left, and when it ends at the rate of the last hour."""
        with self._lock:
            now_secs = self._time.now_secs()
            limit = min(self._limits(), key=lambda each: each.left, default=None)
            if limit is None:
                return Quota(reserve=self._reserve if self.binds else None)
            per_sec = self._rate.per_sec(now_secs)
            return Quota(
                remaining=limit.left,
                budget=self._budget,
                reserve=self._reserve if self.binds else None,
                ends_in_secs=limit.left / per_sec if per_sec and self.binds else None,
                renews_in_secs=limit.renews_in_secs,
                last_hour=self._rate.last_hour(now_secs),
            )

    def _next(self) -> _Wait:
        """Give how long the next call has to wait; one that has not is counted, so that nobody else takes its place."""
        with self._lock:
            wait = self._spent() or self._refused() or self._pace()
            if wait.secs <= 0:
                now_secs = self._time.now_secs()
                if any(limit.left == 0 and not limit.is_sure for limit in self._limits()):
                    self._undated.probe(now_secs)
                self._calls += 1
                self._starts.append(now_secs)
                self._rate.add(now_secs)
                self._days.add(day_of(self._clock.now_ms()))
            return wait

    def _limits(self) -> list[_Limit]:
        """Give what binds now: the vendor's word, the day's count, or both."""
        now_ms, now_secs = self._clock.now_ms(), self._time.now_secs()
        counted = []
        if self._budget is not None:
            left = max(0, self._budget - self._days.on(day_of(now_ms)))
            counted = [_Limit(left, secs_to_midnight(now_ms), is_told=False)]
        told = self._told
        if told is not None and told.renews_in_secs(now_ms, now_secs) <= 0:
            told = self._told = self._renewed(told, now_ms, now_secs)
        if told is None:
            return counted
        limit = _Limit(
            max(0, told.left - (self._calls - told.calls)),
            told.renews_in_secs(now_ms, now_secs),
            is_told=True,
            is_days=not told.is_short,
            holds_secs=float("inf") if told.is_dated else self._undated.holds_secs(),
            since_secs=min(map(self._since, [told.at_secs, *list(self._starts)[-1:]])),
        )
        return [limit, *counted] if told.is_short else [limit]

    def _said(self, left: int, renews_in_secs: float | None, started_secs: float, now_secs: float) -> _Told:
        now_ms = self._clock.now_ms()
        later = sum(start > started_secs for start in self._starts)  # calls under way that the vendor has not counted yet
        dated = renews_in_secs is not None
        window_secs = secs_to_midnight(now_ms) if renews_in_secs is None else renews_in_secs
        return _Told(left, self._calls - later, started_secs, now_secs, now_ms, window_secs, dated)

    def _is_days(self, told: _Told) -> bool:
        return self._undated.hear(told.left, told.started_secs, told.at_secs, day_of(told.at_ms))

    def _renewed(self, told: _Told, now_ms: int, now_secs: float) -> _Told | None:
        """Give what holds until the vendor speaks again: a day of its own starts anew, for any other the count goes on."""
        if self._budget is None or not told.is_dated or told.is_short:
            return None
        return _Told(self._budget, self._calls, told.started_secs, now_secs, now_ms, DAY_SECS, is_dated=True)

    def _spent(self) -> _Wait | None:
        empty = [limit for limit in self._limits() if limit.left == 0] if self.binds else []
        limit = max(empty, key=lambda each: each.held_secs, default=None)
        if limit is None or limit.held_secs <= 0:
            return None
        at = self._time_in(limit.held_secs)
        if limit.is_told:
            until = f"; goes on at {at}" if limit.is_sure else f", but not until when; asks again at {at}"
            why = (
                f"the vendor says that no call is left{until}. Look for other clients of this account, or have its quota raised"
            )
        else:
            why = f"the daily budget of {self._budget:,} calls is spent; goes on at {at}. Raise http.budget.calls.per.day if the vendor allows more"
        return _Wait(limit.held_secs, why, LONGEST_RENEWAL_SECS if limit.is_sure else LONGEST_PACE_SECS)

    def _refused(self) -> _Wait | None:
        if self._refusals < REFUSALS_TO_BELIEVE or not self.binds:
            return None
        scarce = [limit for limit in self._limits() if limit.left <= self._reserve and limit.is_sure]
        if scarce:
            hold_secs = max(limit.renews_in_secs for limit in scarce)
        else:
            doubled = FIRST_REFUSED_SECS * 2.0 ** min(self._refusals - REFUSALS_TO_BELIEVE, 16)
            hold_secs = min(doubled, LONGEST_REFUSED_SECS) - self._since(self._refused_secs)
        if hold_secs <= 0:
            return None
        why = (
            f"the vendor refused the last {self._refusals} calls (429); asks again at {self._time_in(hold_secs)}. "
            "Look for other clients of this account, or lower http.budget.calls.per.day to what the vendor allows"
        )
        return _Wait(hold_secs, why, LONGEST_RENEWAL_SECS)

    def _pace(self) -> _Wait:
        if not self._starts:
            return _Wait(0.0)
        since_secs = self._since(self._starts[-1])
        slowest = _Wait(self._interval_secs - since_secs)
        for limit in self._limits() if self.binds else []:
            reason = self._spread_for(limit)
            even_secs = (limit.renews_in_secs + since_secs) / (limit.left + 1)  # even from the last start to the renewal
            spread_secs = min(even_secs, limit.holds_secs)
            if reason and spread_secs - since_secs > slowest.secs:
                why = (
                    f"{limit.left:,} calls are left until {self._time_in(limit.renews_in_secs)}, so one goes out every {even_secs:.0f} s ({reason})"
                    if limit.is_sure
                    else f"the vendor says that {limit.left:,} calls are left, but not until when; "
                    f"one goes out every {spread_secs:.0f} s to see whether that is the day's ({reason})"
                )
                slowest = _Wait(spread_secs - since_secs, why)
        return slowest

    def _spread_for(self, limit: _Limit) -> str:
        """Give why what is left is spread over the time until it renews, else ""."""
        if 0 < limit.left <= self._reserve:
            return f"http.budget.reserve is {self._reserve:,}"
        if self._budget is None or not limit.is_days or not FEWEST_SPREAD <= limit.left <= self._budget / 2:
            return ""
        lasts = self._rate.per_sec(self._time.now_secs()) * limit.renews_in_secs < limit.left
        return "" if lasts else "more than half of http.budget.calls.per.day is spent"

    def _learn_refusal(self, status: int | None, started_secs: float, now_secs: float) -> None:
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            if not self._refusals or started_secs >= self._refused_secs:  # calls refused side by side are one refusal
                self._refusals += 1
                self._refused_secs = now_secs
        elif status is not None:
            self._refusals = 0

    def _since(self, moment_secs: float) -> float:
        """Give the seconds since a moment, none where it lies ahead."""
        return max(0.0, self._time.now_secs() - moment_secs)

    def _time_in(self, secs: float) -> str:
        # The next full minute; `secs` were reckoned a moment ago, so that midnight may seem to lie a little behind itself.
        moment = datetime.fromtimestamp(self._clock.now_ms() / 1000 + secs + 59.0, UTC)
        return f"{moment:%H:%MZ}" if secs < DAY_SECS else f"{moment:%Y-%m-%d %H:%MZ}"


def _is_served(status: int | None) -> bool:
    # 207 may carry a refusal in its body.
    return status is not None and status < HTTPStatus.MULTI_STATUS
