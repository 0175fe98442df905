"""Takes a backfill's task, runs it in the gaps its live stream leaves until its span is read; never asks while the live one does."""

from __future__ import annotations

import asyncio
from typing import Any

from wellhead.api import Cursor
from wellhead.errors import CursorExpired
from wellhead.runtime.backfill import Backfill
from wellhead.runtime.runner import RunEnd
from wellhead.runtime.states import Outcome, State, TaskState
from wellhead.runtime.supervise import TaskSupervisor

# So shortly before the quiet time ends a backfill stands at the door: a live stream that is due at that moment comes behind it.
EARLY_MS = 200
_LOOK_SECS = 0.2
# A vendor that wants more quiet than this is left to the live stream's own patience.
_HOLD_MAX_SECS = 300.0
_BEHIND_LIVE = "waits until the live stream runs here and has caught up"


class LaneSupervisor(TaskSupervisor):
    """Runs one backfill until it is done or stopped.

    It asks for a slice of time (`run.max.secs`), then leaves the vendor alone for so long that its share of the time is kept.

    Args:
        backfill: What it reads.
        first: The cursor it begins at.
        rest: As for `TaskSupervisor`.
    """

    def __init__(self, *, backfill: Backfill, first: Cursor, **rest: Any) -> None:
        super().__init__(**rest)
        self._backfill = backfill
        self._first = first
        self._read_all = False
        self.done = False

    def state(self) -> TaskState:
        """Give its state; being behind is what it is for, so it is never DEGRADED."""
        return self._state

    async def _poll_when_due(self, *, known_before: bool) -> bool:  # noqa: ARG002 - nobody else moves this cursor
        cursor = self._identity.cursor_of(await self._open())
        if cursor is not None and self._ledger.at_rest:
            self.done = True
        if self.done or self._stop.is_set():
            return True
        await self._wait_for(self._due_ms, "leaves the vendor to the live stream")
        if not await self._come_to_door():
            return True
        try:
            ended = await self._run_now(cursor or self._first)
        finally:
            try:
                await self._hold()
            finally:
                self._door.lock.release()
        self.done = self._read_all  # told only now: whoever hears of it stops this task, and with it the hold
        return ended

    def _leave(self) -> None:
        """Say nothing of the live stream."""

    async def _come_to_door(self) -> bool:
        """Return once the live stream rests, its quiet is over and it is held back; False when stopped before that."""
        while not self._stop.is_set():
            quiet_until_ms = self._door.quiet_until_ms
            if quiet_until_ms is None:
                self._enter(State.RUNNING, self._told_failure() or _BEHIND_LIVE)
                await self._pause(_LOOK_SECS)
                continue
            await self._wait_for(quiet_until_ms - EARLY_MS, "waits for the end of the quiet that the vendor wants")
            if not await self._unless_stopped(asyncio.ensure_future(self._door.lock.acquire())):
                continue
            quiet_until_ms = self._door.quiet_until_ms
            if quiet_until_ms is not None and quiet_until_ms - self._clock.now_ms() <= 2 * EARLY_MS:
                await self._wait_for(quiet_until_ms, "")
                if not self._stop.is_set():
                    return True
            self._door.lock.release()
        return False

    async def _hold(self) -> None:
        """Keep the live stream from asking within the quiet that the vendor told this one to keep: it means the tenant."""
        if not self._ledger.is_open:
            return
        cursor = self._identity.cursor_of(await self._open())
        quiet_ms = (cursor.not_before_ms() or 0) - self._clock.now_ms() if cursor is not None else 0
        if quiet_ms > 0:
            await self._pause(min(quiet_ms / 1000, _HOLD_MAX_SECS))

    async def _wait_for(self, at_ms: int, why: str) -> None:
        wait_ms = at_ms - self._clock.now_ms()
        if wait_ms > 0:
            if why:
                self._enter(State.RUNNING, self._told_failure() or why, next_poll_ms=at_ms)
            await self._pause(wait_ms / 1000)

    async def _after(self, end: RunEnd, started_ms: int) -> bool:
        if end.outcome is Outcome.STOPPED or isinstance(end.error, CursorExpired):
            return await super()._after(end, started_ms)
        if end.error is not None:
            raise end.error
        now_ms = self._ended_ms = self._clock.now_ms()
        self._telemetry.caught_up()
        for backoff in (self._retries, self._restarts, self._expiries):
            backoff.reset()
        self._read_all = end.outcome is Outcome.CAUGHT_UP
        if self._read_all:
            self._log.info("backfill_done", backfill=self._backfill.id)
        self._due_ms = now_ms + int((now_ms - started_ms) * (1 / self._backfill.share - 1))
        return self._read_all
