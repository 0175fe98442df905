"""Takes a connector's call budget, brings the day's count back after a restart and tells when it will end, never more than once an hour."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from wellhead.clock import Clock
from wellhead.config.http import HttpSettings
from wellhead.http import CallRecord
from wellhead.http.budget import CallBudget
from wellhead.runtime.budgetshare import BudgetShare
from wellhead.runtime.pastcalls import PastCalls
from wellhead.telemetry.logs import get_logger
from wellhead.telemetry.tally import Quota

TOLD_AGAIN_SECS: Final = 3600.0
NEARLY: Final = 0.9  # calls that are spread end at about the renewal: that is as meant
_DAY_MS: Final = 86_400_000


class ConnectorQuota:
    """The call budget that all tasks of one connector share.

    Args:
        settings: The connector's `http.*` options.
        clock: Its time.
        labels: What its log lines carry.
        shared: Its part in a budget that it shares with others, if any.
    """

    def __init__(
        self, settings: HttpSettings, clock: Clock, labels: Mapping[str, str], shared: BudgetShare | None = None
    ) -> None:
        self._shared = shared
        self._users = 0
        self._budget = CallBudget(settings, clock)
        self._clock = clock
        self._log = get_logger("runtime").bind(**labels)
        self._counts_days = settings.budget_calls_per_day is not None
        self._restoring = asyncio.Lock()
        self._restored = False
        self._told_at_secs = float("-inf")

    @property
    def waiting(self) -> str:
        """Why a vendor call is held back right now, else ""."""
        return self._budget.waiting or (self._shared.waiting if self._shared is not None else "")

    def join(self) -> None:
        """Note one more task that asks by this quota."""
        self._users += 1

    def leave(self) -> None:
        """Note one task less; the last one leaves the shared budget."""
        self._users -= 1
        if not self._users and self._shared is not None:
            self._shared.leave()

    def now(self) -> Quota:
        """Give what is left, from any thread."""
        quota = self._budget.quota()
        return quota if self._shared is None else replace(quota, group=self._shared.quota())

    async def restore(self, read: Callable[[int], Awaitable[PastCalls]]) -> None:
        """Take over what former processes asked today: a crash loop must not burn the quota. Does nothing without a daily budget.

        Args:
            read: Gives the calls since an epoch time (ms); called once, by the first task that starts.
        """
        async with self._restoring:
            if self._restored or not self._counts_days:
                return
            midnight_ms = self._clock.now_ms() // _DAY_MS * _DAY_MS
            past = await read(midnight_ms)
            self._budget.restore(past.calls, midnight_ms, past.last_ms)
            self._restored = True
        if past.calls:
            self._log.info("budget_restored", api_calls=past.calls, quota_remaining=self.now().remaining)

    async def take(self) -> bool:
        """Return once a vendor call may start; give whether it had to wait. See `CallBudget.take`."""
        if self._shared is not None:
            self._shared.check()  # before the call is counted
        return await self._budget.take()

    async def take_along(self) -> None:
        """Return once the connector as a whole may make a call that a quota of its own has let through, a backfill's."""
        await self._budget.take()

    def answered_along(self, call: CallRecord) -> None:
        """Learn from an attempt of `take_along` that has ended."""
        self._budget.answered(call)

    async def share(self) -> bool:
        """Take a call of the shared budget, to be begun at once.

        Returns:
            True where there was one, or no budget is shared; nothing was awaited then. Else False, once there may be one.

        Raises:
            TemporaryError, PermanentError: See `BudgetShare.check`.
        """
        if self._shared is None or self._shared.take():
            return True
        await self._shared.wait()
        return False

    def answered(self, call: CallRecord) -> None:
        """Learn from an attempt that has ended, and say so when the budget will not last."""
        self._budget.answered(call)
        if self._shared is not None:
            self._shared.answered(call)
        if self._budget.binds and self._clock.monotonic_secs() - self._told_at_secs >= TOLD_AGAIN_SECS:
            self._foretell(self.now())

    def _foretell(self, quota: Quota) -> None:
        if quota.ends_in_secs is None or quota.renews_in_secs is None or quota.ends_in_secs >= NEARLY * quota.renews_in_secs:
            return
        slows = "once half of it is spent the calls are spread over the time until it renews, so data comes later"
        then = slows if quota.budget else "nothing is fetched from then on until it renews"
        self._told_at_secs = self._clock.monotonic_secs()
        self._log.warning(
            "budget_ends",
            at=self._time_in(quota.ends_in_secs),
            renews_at=self._time_in(quota.renews_in_secs),
            quota_remaining=quota.remaining,
            budget=quota.budget,
            calls_last_hour=quota.last_hour,
            message=f"budget ends at {self._time_in(quota.ends_in_secs)} at the rate of the last hour; no record is lost, but {then}. "
            "Poll less often, or raise http.budget.calls.per.day if the vendor allows more",
        )

    def _time_in(self, secs: float) -> str:
        return f"{datetime.fromtimestamp(self._clock.now_ms() / 1000 + secs, UTC):%H:%MZ}"
