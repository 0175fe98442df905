"""Takes the wish to wait, gives time that only a test moves, never sleeps for real.

Two modes. By hand: sleepers wake when the test calls `advance` or `pass_time`. Automatic (`auto=True`): as soon as the
event loop has nothing else ready, time jumps to the earliest sleeper, so that a backoff of an hour costs no time at all.
Waiting for a socket or a thread is not "ready": automatic time does not wait for it.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools

YIELDS_BEFORE_JUMP = 3  # loop turns granted to other tasks before automatic time moves, so that ready work runs first


class FakeClock:
    """A `wellhead.clock.Clock` under a test's control; for one event loop, readable from any thread.

    Args:
        start_ms: Wall-clock epoch milliseconds at the start (2026-01-01T00:00:00Z).
        auto: Whether time jumps by itself to the earliest sleeper.

    Attributes:
        auto: May be switched while the test runs; it takes effect at the next sleep.
        sleeps: Every wish to sleep so far, in seconds, in the order asked.
    """

    def __init__(self, start_ms: int = 1_767_225_600_000, *, auto: bool = False) -> None:
        self.auto = auto
        self.sleeps: list[float] = []
        self._start_ms = start_ms
        self._elapsed_secs = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._watchers: list[tuple[int, asyncio.Future[None]]] = []

    def now_ms(self) -> int:
        """Wall-clock epoch milliseconds, UTC."""
        return self._start_ms + round(self._elapsed_secs * 1000)

    def monotonic_secs(self) -> float:
        """Seconds of fake time since this clock was made."""
        return self._elapsed_secs

    @property
    def sleeping(self) -> int:
        """How many tasks wait on this clock now."""
        return sum(not waiter.done() for _, _, waiter in self._sleepers)

    async def sleep(self, secs: float) -> None:
        """Return once fake time has moved on by `secs`; cancellable; 0 or less only yields to the loop."""
        self.sleeps.append(secs)
        if secs <= 0:
            await asyncio.sleep(0)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed_secs + secs, next(self._order), waiter))
        self._tell_watchers()
        if self.auto:
            self._jump_when_idle(YIELDS_BEFORE_JUMP)
        await waiter

    def advance(self, secs: float) -> None:
        """Move time by `secs` in one step and wake every sleeper that is then due, earliest first.

        Woken tasks run when the caller next awaits; what they sleep after that counts from the new time.
        """
        self._elapsed_secs += secs
        self._wake_due()

    async def pass_time(self, secs: float) -> None:
        """Move time by `secs`, stopping at each sleeper's moment so that what it wakes runs, and may sleep again, on time."""
        end = self._elapsed_secs + secs
        await self._let_others_run()
        while (due := self._earliest()) is not None and due <= end:
            self._elapsed_secs = max(due, self._elapsed_secs)
            self._wake_due()
            await self._let_others_run()
        self._elapsed_secs = end

    async def until_sleeping(self, count: int = 1) -> None:
        """Return once at least `count` tasks wait on this clock, however long (in real time) they take to get there."""
        if self.sleeping >= count:
            return
        watcher: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watchers.append((count, watcher))
        await watcher

    async def _let_others_run(self) -> None:
        for _ in range(YIELDS_BEFORE_JUMP):
            await asyncio.sleep(0)

    def _jump_when_idle(self, turns: int) -> None:
        loop = asyncio.get_running_loop()
        if turns:
            loop.call_soon(self._jump_when_idle, turns - 1)
        elif (due := self._earliest()) is not None:
            self._elapsed_secs = max(due, self._elapsed_secs)
            self._wake_due()

    def _earliest(self) -> float | None:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def _wake_due(self) -> None:
        while (due := self._earliest()) is not None and due <= self._elapsed_secs:
            heapq.heappop(self._sleepers)[2].set_result(None)

    def _tell_watchers(self) -> None:
        for count, watcher in self._watchers:
            if self.sleeping >= count and not watcher.done():
                watcher.set_result(None)
        self._watchers = [entry for entry in self._watchers if not entry[1].done()]
