"""Takes one task, keeps it running: open, wait, run, retry, restart; never polls before its time nor without its ledger."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

from wellhead.api import Cursor
from wellhead.backoff import Backoff
from wellhead.clock import Clock
from wellhead.config.connector import ConnectorSettings
from wellhead.errors import CursorExpired, TemporaryError, WellheadError
from wellhead.kafka.errors import Fenced
from wellhead.runtime.doors import Door
from wellhead.runtime.identity import TaskIdentity
from wellhead.runtime.ledger import Ledger
from wellhead.runtime.replay import SeenRecords
from wellhead.runtime.runner import Defect, RunEnd, TaskRunner, defect
from wellhead.runtime.runs import RunTally
from wellhead.runtime.schedule import Schedule
from wellhead.runtime.states import Outcome, State, TaskState
from wellhead.runtime.turns import Turns
from wellhead.telemetry.logs import get_logger
from wellhead.telemetry.metrics import TaskTelemetry
from wellhead.telemetry.stage import Stage

# A producer costs half a MiB and four threads; it is not kept for a poll that is minutes away.
IDLE_CLOSE_MS = 300_000
# Reading the cursor again costs a client and milliseconds.
LOOK_AGAIN_SECS = 10.0
_ALIVE = frozenset({State.UNASSIGNED, State.RUNNING, State.RESTARTING})
RETRY_INITIAL_SECS = 1.0
# A cursor that wants to be left alone for longer was written by a clock that ran ahead.
LONGEST_QUIET_MS = 86_400_000
# Whatever a server asks for, a day later it is asked again.
LONGEST_WAIT_SECS = 86_400.0


class TaskSupervisor:
    """Runs one task until it is stopped.

    Args:
        identity: Whose task this is.
        ledger: Its account in Kafka.
        start: Prepares schema, topics and connector, and gives what makes a run's `TaskRunner`; may be called again.
        forget: Has the next start make the source's task anew, whatever it outlives.
        seen: Reads back which records the topic holds from a time on (epoch ms), for replay.
        waiting: Gives what the task waits for while a server keeps it waiting, else "".
        turns: Shared with the connector's other streams.
        starting: Taken while the task starts and reads its cursor for the first time.
        owned: Says whether a group's word proves that the task is ours; being fenced is then no reason to end.
        once: End after the task is caught up once.
        door: Shared with the stream's backfills.
    """

    def __init__(
        self,
        *,
        identity: TaskIdentity,
        ledger: Ledger,
        start: Callable[[], Awaitable[Callable[[], TaskRunner]]],
        forget: Callable[[], None],
        seen: Callable[[int], Awaitable[SeenRecords]],
        waiting: Callable[[], str],
        turns: Turns,
        settings: ConnectorSettings,
        telemetry: TaskTelemetry,
        clock: Clock,
        random: Random,
        once: bool = False,
        owned: Callable[[], bool] = lambda: False,
        starting: asyncio.Semaphore | None = None,
        door: Door | None = None,
    ) -> None:
        self._door = door or Door()
        self._starting = starting or asyncio.Semaphore(1)
        self._owned = owned
        self._identity = identity
        self._ledger = ledger
        self._start = start
        self._forget = forget
        self._load_seen = seen
        self._waiting = waiting
        self._settings = settings
        self._telemetry = telemetry
        self._clock = clock
        self._once = once
        self._schedule = Schedule.of(settings, identity, random)
        self._retries = Backoff(RETRY_INITIAL_SECS, settings.retry_backoff_max_secs, random)
        self._expiries = Backoff(RETRY_INITIAL_SECS, settings.retry_backoff_max_secs, random)
        self._restarts = Backoff(settings.restart_backoff_initial_secs, settings.restart_backoff_max_secs, random)
        self._log = get_logger("runtime").bind(**identity.labels)
        self._stop = asyncio.Event()
        self._new_runner: Callable[[], TaskRunner] | None = None
        self._runner: TaskRunner | None = None
        self._started_ms = clock.now_ms()
        self._due_ms = self._started_ms if once else self._schedule.first_ms(self._started_ms)
        self._expected_ms = self._due_ms
        telemetry.awaits(lambda: self._expected_ms, settings.freshness_target_secs)
        self._ended_ms = self._started_ms
        self._waited_ms = 0
        self._unseen = True
        self._looked_secs = clock.monotonic_secs()
        self._turns = turns
        self._state = TaskState(State.UNASSIGNED, "", self._started_ms)

    @property
    def failed(self) -> bool:
        """True where the task ended with an error that nobody retries any more."""
        return self._state.state is State.FAILED

    def state(self) -> TaskState:
        """Give the task's state; one that lives is DEGRADED when the last good poll is older than the freshness target."""
        state, waiting = self._state, self._waiting()
        if state.state not in _ALIVE:
            return state
        if waiting:
            state = replace(state, message=waiting)
        target_ms = int(self._settings.freshness_target_secs * 1000)
        age_ms = self._telemetry.overdue_ms()
        if age_ms > target_ms:
            why = state.message or "the vendor has not answered"
            message = f"no successful poll for {age_ms / 1000:.0f} s (freshness.target.secs is {target_ms / 1000:g}): {why}"
            return replace(state, state=State.DEGRADED, message=message)
        return state

    def stop(self) -> None:
        """Ask the task to end: it closes its upstream connection now and commits what it has."""
        self._stop.set()
        if self._runner is not None:
            self._runner.stop()

    async def run(self) -> None:
        """Run until stopped, or caught up where `once`, or failed for good."""
        try:
            while not self._stop.is_set() and not (self._once and self._identity.stream.live):
                if await self._attempt():
                    break
        finally:
            self._turns.pass_over(self._identity.task)
            await self._ledger.close()
            self._leave()
        if not self.failed:
            self._enter(State.STOPPED)

    async def _attempt(self) -> bool:
        """Start if need be and poll when due; True when there is nothing more to do."""
        try:
            known_before = self._ledger.is_open
            if self._new_runner is None and not await self._begin():
                return True
            return await self._poll_when_due(known_before=known_before)
        except TemporaryError as error:
            self._turns.pass_over(self._identity.task)
            await self._retry_after(error)
        except Fenced as error:
            if not self._owned():
                return await self._fail(error)
            await self._go_on()
        except WellheadError as error:
            return await self._fail(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this task's alone
            return await self._fail(defect(error))
        return False

    async def _go_on(self) -> None:
        """Begin again after somebody fenced a task that is ours: a tool that moved its cursor does, and means no more than that."""
        await self._drop()
        wait_secs = self._retries.next_secs()
        message = "its cursor was moved, as by 'wellhead offsets apply'; it reads the cursor and goes on"
        self._log.warning("fenced", message=message, after_secs=round(wait_secs, 1))
        self._enter(State.RESTARTING, message)
        await self._pause(wait_secs)

    async def _begin(self) -> bool:
        """Start in one's turn and open the ledger; False where stopped before it came."""
        if not await self._unless_stopped(asyncio.ensure_future(self._starting.acquire())):
            return False
        try:
            self._new_runner = await self._start()
            await self._open()
        finally:
            self._starting.release()
        return True

    async def _poll_when_due(self, *, known_before: bool) -> bool:
        cursor = self._identity.cursor_of(await self._open())
        if self._stop.is_set():
            return True
        now_ms = self._clock.now_ms()
        if self._unseen and (cursor is None or self._ledger.interrupted):
            # The very first run of a stream waits for no cron expression, nor does one that was cut short here or elsewhere.
            self._due_ms = self._expected_ms = now_ms
        self._unseen = False
        quiet_until_ms = (cursor.not_before_ms() or 0) if cursor else 0
        due_ms = max(self._due_ms, min(quiet_until_ms, self._ended_ms + LONGEST_QUIET_MS))
        wait_ms = due_ms - now_ms
        # What was waited for is not waited for again: a wall clock that was set back would make it a day.
        if wait_ms <= 0 or due_ms == self._waited_ms:
            return await self._run_from(cursor, look_again=known_before and self._may_have_changed())
        self._turns.pass_over(self._identity.task)
        # A backfill may ask now, but for a stream that stopped on its way: the vendor may take the one for the other.
        self._door.quiet_until_ms = quiet_until_ms if self._ledger.at_rest else None
        if wait_ms > IDLE_CLOSE_MS:
            self._log.info("next_poll", at=datetime.fromtimestamp(due_ms / 1000, UTC).isoformat(timespec="seconds"))
            await self._ledger.close()
        self._enter(State.RUNNING, self._told_failure(), next_poll_ms=due_ms)
        await self._pause(wait_ms / 1000)
        self._waited_ms = due_ms
        return False

    def _may_have_changed(self) -> bool:
        """Say whether the cursor is to be read again: of a state always, of a log not for runs that follow each other within seconds."""
        now_secs = self._clock.monotonic_secs()
        if self._identity.stream.cleanup != "compact" and now_secs - self._looked_secs < LOOK_AGAIN_SECS:
            return False
        self._looked_secs = now_secs
        return True

    async def _open(self, *, look_again: bool = False) -> dict[str, object] | None:
        try:
            return await self._ledger.open(look_again=look_again)
        except TemporaryError:
            self._new_runner = None  # topics may be gone, and are looked after at a start
            raise

    async def _run_from(self, cursor: Cursor | None, *, look_again: bool) -> bool:
        if self._identity.stream.live:  # it would keep its turn for ever
            self._turns.pass_over(self._identity.task)
            return await self._run_behind_door(self._identity.cursor_of(await self._open(look_again=look_again)))
        others = self._turns.taken
        if others:
            waits = f"waits for its turn: tasks.max is {self._settings.tasks_max}, and others are being polled"
            self._enter(State.RUNNING, self._told_failure() or waits)
        if not await self._unless_stopped(asyncio.ensure_future(self._turns.take(self._identity.task))):
            return True
        try:
            if others or look_again:
                cursor = self._identity.cursor_of(await self._open(look_again=True))
            return await self._run_behind_door(cursor)
        finally:
            self._turns.give_back()

    async def _run_behind_door(self, cursor: Cursor | None) -> bool:
        """Run once no backfill of the stream is being polled."""
        if self._door.lock.locked():
            self._enter(State.RUNNING, self._told_failure() or "waits for its turn behind a backfill")
        if not await self._unless_stopped(asyncio.ensure_future(self._door.lock.acquire())):
            return True
        try:
            self._door.quiet_until_ms = None
            return await self._run_now(cursor)
        finally:
            self._door.lock.release()

    def _leave(self) -> None:
        """Let no backfill ask while the live stream is elsewhere."""
        self._door.quiet_until_ms = None

    async def _run_now(self, cursor: Cursor | None) -> bool:
        assert self._new_runner is not None
        self._enter(State.RUNNING, self._told_failure())
        started_ms = self._clock.now_ms()
        seen = await self._seen_for(cursor)
        position = None if cursor is None else cursor.model_dump(mode="json")
        tally = RunTally(
            **self._identity.names,
            started_ms=started_ms,
            cursor_from=position,
            cursor_to=position,
            backfill=self._identity.backfill,
        )
        self._runner = self._new_runner()
        if self._stop.is_set():
            self._runner.stop()
        try:
            end = await self._runner.run(cursor, tally, seen)
        except TemporaryError:
            self._new_runner = None  # Kafka failed: topics may be gone, and are looked after at a start
            raise
        finally:
            self._runner = None
        if tally.records or tally.rejects or tally.filtered:
            self._retries.reset()  # there was progress: what fails now fails for the first time
        if end.error is None and (self._once or tally.records or tally.rejects):
            self._log.info(end.outcome.value, records=tally.records, rejects=tally.rejects, api_calls=tally.api_calls)
        return await self._after(end, started_ms)

    async def _after(self, end: RunEnd, started_ms: int) -> bool:
        now_ms = self._ended_ms = self._clock.now_ms()
        if end.outcome is Outcome.STOPPED:
            return True
        if isinstance(end.error, CursorExpired):
            self._log.warning("cursor_expired", reason=str(end.error), replay_from_ms=end.error.restart.replay_from_ms())
            # The first restart is at once; a vendor that goes on forgetting is asked ever more slowly.
            wait_secs = self._expiries.next_secs() if self._expiries.failures else 0.0
            self._expiries.failures = max(1, self._expiries.failures)
            self._due_ms = now_ms + int(wait_secs * 1000)
            return False
        if end.error is not None:
            raise end.error
        self._telemetry.caught_up()
        for backoff in (self._retries, self._restarts, self._expiries):
            backoff.reset()
        limited = end.outcome is Outcome.LIMIT_REACHED
        self._due_ms = now_ms if limited else self._schedule.next_ms(started_ms, now_ms)
        self._expected_ms = self._due_ms
        return self._once and not limited

    async def _retry_after(self, error: TemporaryError) -> None:
        wait_secs = min(LONGEST_WAIT_SECS, max(error.after_secs or 0.0, self._retries.next_secs()))
        self._telemetry.retried(Stage.POLL)
        self._due_ms = self._clock.now_ms() + int(wait_secs * 1000)
        self._log.warning("retrying", reason=str(error), after_secs=round(wait_secs, 1), attempt=self._retries.failures)
        started = self._new_runner is not None
        state = State.RUNNING if started else self._state.state
        self._enter(state, f"trying again after {wait_secs:.0f} s: {error}", next_poll_ms=self._due_ms)
        if not (started and self._ledger.is_open):
            await self._pause(wait_secs)

    async def _fail(self, error: WellheadError) -> bool:
        """Enter FAILED; True when the task stays so, False when it is to be started again after a wait."""
        await self._drop()
        # I4: whoever took over owns the task now; to start again would take it back, and so for ever.
        if self._settings.restart_policy == "never" or self._once or isinstance(error, Fenced):
            self._log.error("task_failed", reason=str(error), exc_info=error.__cause__ if isinstance(error, Defect) else None)
            self._enter(State.FAILED, str(error))
            return True
        wait_secs = self._restarts.next_secs()
        self._log.error(
            "task_failed",
            reason=str(error),
            restart_in_secs=round(wait_secs),
            exc_info=error.__cause__ if isinstance(error, Defect) else None,
        )
        self._enter(State.FAILED, f"{error} (starts again in {wait_secs:.0f} s)")
        await self._pause(wait_secs)
        self._enter(State.RESTARTING, str(error))
        return False

    async def _drop(self) -> None:
        self._turns.pass_over(self._identity.task)
        self._new_runner = None
        self._forget()
        await self._ledger.close()

    def _told_failure(self) -> str:
        """Give the message of the last failure while it is not overcome."""
        return self._state.message if self._retries.failures or self._restarts.failures else ""

    async def _seen_for(self, cursor: Cursor | None) -> SeenRecords | None:
        """Give the identities the topic holds while `cursor` replays, read anew for each run; None in normal reading."""
        from_ms = cursor.replay_from_ms() if cursor is not None else None
        if from_ms is None:
            return None
        seen = await self._load_seen(from_ms)
        self._log.info("replaying", from_ms=from_ms, known_records=len(seen))
        return seen

    async def _pause(self, secs: float) -> None:
        """Wait `secs` seconds, or until stopped."""
        await self._unless_stopped(asyncio.ensure_future(self._clock.sleep(secs)))

    async def _unless_stopped(self, awaited: asyncio.Future[Any]) -> bool:
        """Wait for what is awaited, or until stopped, which gives it up; True when it came."""
        stopped = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({awaited, stopped}, return_when=asyncio.FIRST_COMPLETED)
            return awaited.done()
        finally:
            for waiter in (awaited, stopped):
                waiter.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await waiter

    def _enter(self, state: State, message: str = "", next_poll_ms: int | None = None) -> None:
        since_ms = self._state.since_ms if state is self._state.state else self._clock.now_ms()
        if state is not self._state.state:
            self._telemetry.state(state.value)
            # At the level of who must act: somebody who filters by it must not miss that a task stands.
            say = self._log.error if state is State.FAILED else self._log.info
            say("task_state", state=state.value)
        self._state = TaskState(state, message, since_ms, next_poll_ms)
