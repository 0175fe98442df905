"""Takes a connector's wish for a call of a shared budget, gives it one or waits for it, never blocks the loop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from wellhead.clock import Clock
from wellhead.http import CallRecord
from wellhead.http.share import Share
from wellhead.telemetry.tally import GroupQuota

if TYPE_CHECKING:
    from wellhead.runtime.sharedbudget import SharedBudgets

_LOOK_SECS: Final = 0.5
_NOTICED_SECS: Final = 1.0


class BudgetShare:
    """One connector's part in a group's budget; `wait` belongs to an event loop, all else may be called from any thread."""

    def __init__(self, of: SharedBudgets, group: str, share: Share, clock: Clock) -> None:
        self._of = of
        self.group = group
        self.share = share
        self.users = 0
        self._clock = clock
        self._waiters: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._since_secs: float | None = None
        self._waiting = ""

    def is_for(self, share: Share) -> bool:
        """Whether it is the part of who would join by this name and these settings."""
        mine = self.share
        return (mine.name, mine.is_live, mine.calls, mine.window_ms) == (
            share.name,
            share.is_live,
            share.calls,
            share.window_ms,
        )

    @property
    def waiting(self) -> str:
        """Why calls have been held back for a while, else ""."""
        return self._waiting

    def check(self) -> None:
        """Return if a call may be had soon.

        Raises:
            TemporaryError: None comes free for longer than a call may wait; `after_secs` is when.
            PermanentError: The budget topic cannot be used as it is.
        """
        self._of.check(self)

    def take(self) -> bool:
        """Take one call, to be begun at once; False where there is none now."""
        self._of.open()
        if not self._of.take(self):
            return False
        self._since_secs, self._waiting = None, ""
        return True

    async def wait(self) -> None:
        """Return once there may be a call to take.

        Raises:
            TemporaryError, PermanentError: As in `check`.
        """
        now_secs = self._clock.monotonic_secs()
        self._since_secs = now_secs if self._since_secs is None else self._since_secs
        if now_secs - self._since_secs > _NOTICED_SECS:
            self._waiting = self._of.why(self)
        waiter = (asyncio.get_running_loop(), asyncio.Event())
        self._waiters.add(waiter)
        self._of.want(self, 1)
        try:
            self.check()
            if not self._of.has_call(self):
                with suppress(TimeoutError):
                    await asyncio.wait_for(waiter[1].wait(), _LOOK_SECS)
        finally:
            self._of.want(self, -1)
            self._waiters.discard(waiter)

    def answered(self, call: CallRecord) -> None:
        """Learn from an attempt that has ended."""
        self._of.answered(self, call)

    def quota(self) -> GroupQuota:
        """Give the state of the group's budget."""
        return self._of.quota(self)

    def leave(self) -> None:
        """Take part no more."""
        self._of.leave(self)

    def wake(self) -> None:
        """Let whoever waits look again."""
        for loop, event in tuple(self._waiters):
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(event.set)
