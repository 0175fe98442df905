"""Takes a cursor, gives one run: poll, transform, encode, produce, commit, pipelined; never commits records without their cursor."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from wellhead.api import Batch, Cursor, SourceTask, in_thread
from wellhead.clock import Clock
from wellhead.config.connector import ConnectorSettings
from wellhead.errors import CursorExpired, PermanentError, TemporaryError, WellheadError
from wellhead.kafka.errors import Fenced
from wellhead.kafka.messages import Headers, Message
from wellhead.runtime.bytequeue import ByteQueue
from wellhead.runtime.ledger import Ledger
from wellhead.runtime.prepare import OVERSIZE, Prepared, Preparer
from wellhead.runtime.replay import SeenRecords
from wellhead.runtime.resting import RestAfter, Resting
from wellhead.runtime.runs import RunTally
from wellhead.runtime.states import Outcome
from wellhead.telemetry.metrics import TaskTelemetry
from wellhead.telemetry.spans import Trace
from wellhead.telemetry.stage import Stage

# The text of a foreign exception may hold a whole page of the vendor's data.
MOST_TOLD_CHARS = 500


B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Traced(Generic[B]):
    """A batch and the trace it is followed by."""

    batch: B
    trace: Trace


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended; `error` is None unless it failed."""

    outcome: Outcome
    error: WellheadError | None = None


PolledQueue = ByteQueue[Traced[Batch[Cursor]] | RunEnd]
PreparedQueue = ByteQueue[Traced[Prepared] | RunEnd]


class TaskRunner:
    """Runs one task from a cursor until it is caught up, stopped, limited or failed.

    Three sides work at once, each in order: one polls a batch while the next one transforms and encodes the batch before it and
    the last one produces and commits what came before that, up to `pipeline.max.bytes` of it. A polled batch is handed on only when
    the former one is encoded. Whatever was polled before the polling side ended is committed.
    """

    def __init__(
        self,
        *,
        task: SourceTask[Any, Any],
        preparer: Preparer,
        ledger: Ledger,
        settings: ConnectorSettings,
        runs_topic: str,
        telemetry: TaskTelemetry,
        clock: Clock,
        redact: Callable[[str], str],
        headers: Headers | None = None,
        live: bool = False,
        rest_after: RestAfter | None = None,
    ) -> None:
        self._live = live
        self._rest = Resting(clock, rest_after or RestAfter(), live=live)
        self._redact = redact
        self._headers = headers or []
        self._task = task
        self._preparer = preparer
        self._ledger = ledger
        self._settings = settings
        self._runs_topic = runs_topic
        self._telemetry = telemetry
        self._clock = clock
        self._before = telemetry.snapshot()
        self._stopping = False
        self._stands: Cursor | None = None
        self._polling: asyncio.Task[RunEnd] | None = None

    def stop(self) -> None:
        """Stop asking the vendor now; what is already here is still committed."""
        self._stopping = True
        if self._polling is not None:
            self._polling.cancel()

    async def run(self, cursor: Cursor | None, tally: RunTally, seen: SeenRecords | None) -> RunEnd:
        """Run once from `cursor`; errors of the source come back in the end, errors of Kafka are raised.

        Raises:
            TemporaryError: Kafka did not take the transaction; nothing of it is visible.
            PermanentError: Kafka refuses us, or another worker took over.
        """
        self._before = self._telemetry.snapshot()
        # I4: a write that succeeds proves that no other worker owns the task; only then is the vendor asked.
        await self._ledger.commit(None, [self._run_record(tally, RunEnd(Outcome.RUNNING))])
        self._rest.committed(published=False)
        self._stands = cursor
        self._telemetry.run_began()
        polled: PolledQueue = ByteQueue(0)
        prepared: PreparedQueue = ByteQueue(self._settings.pipeline_max_bytes)
        self._polling = asyncio.create_task(self._poll(cursor, polled))
        # However it ends, even cancelled before its first step, the next side hears of it.
        self._polling.add_done_callback(lambda polling: polled.put_last(_end_of(polling, stopping=self._stopping)))
        if self._stopping:
            self._polling.cancel()
        preparing = asyncio.create_task(self._prepare_all(polled, prepared, seen))
        preparing.add_done_callback(lambda preparing: prepared.put_last(_end_of(preparing, stopping=self._stopping)))
        end = RunEnd(Outcome.RETRYING)
        try:
            end = await self._commit_all(prepared, tally)
        finally:
            self._polling.cancel()
            preparing.cancel()
            await asyncio.wait([self._polling, preparing])
            self._telemetry.active(0, 0)
            self._telemetry.run_ended(end.outcome.value, end.error)
        return end

    async def _poll(self, cursor: Cursor | None, polled: PolledQueue) -> RunEnd:
        """Hand on what the source gives; the run's connections end with it."""
        try:
            return RunEnd(await self._poll_all(cursor, polled))
        finally:
            with suppress(Exception):
                await asyncio.shield(self._task.http.close_idle())

    async def _poll_all(self, cursor: Cursor | None, polled: PolledQueue) -> Outcome:
        deadline = self._clock.monotonic_secs() + (self._settings.run_max_secs or float("inf"))
        batches = 0
        async with aclosing(cast("AsyncGenerator[Batch[Cursor]]", self._task.poll(cursor))) as source:
            while True:
                trace = self._telemetry.batch()
                with self._telemetry.stage(Stage.POLL, trace):
                    batch = await anext(source, None)
                if batch is None:
                    return Outcome.CAUGHT_UP
                await polled.put(Traced(batch, trace), 0)
                batches += 1
                over = self._settings.run_max_batches is not None and batches >= self._settings.run_max_batches
                if over or self._clock.monotonic_secs() >= deadline:
                    return Outcome.LIMIT_REACHED

    async def _prepare_all(self, polled: PolledQueue, prepared: PreparedQueue, seen: SeenRecords | None) -> RunEnd:
        """Prepare batches as they come; give the end that came after the last one."""
        while not isinstance(item := await polled.get(), RunEnd):
            batch = await self._prepare(item, seen)
            if batch.cursor.replay_from_ms() is None:
                seen = None
            self._telemetry.polled(batch.accounted, batch.nbytes, batch.newest_ms)
            await prepared.put(Traced(batch, item.trace), batch.nbytes)
            del item, batch  # or their megabytes would be held until the next ones are there
        return item

    async def _prepare(self, item: Traced[Batch[Cursor]], seen: SeenRecords | None) -> Prepared:
        with self._telemetry.stage(Stage.TRANSFORM, item.trace):
            transformed = await in_thread(self._preparer.transform, item.batch, seen)
        with self._telemetry.stage(Stage.ENCODE, item.trace):
            return await in_thread(self._preparer.encode, transformed)

    async def _commit_all(self, queue: PreparedQueue, tally: RunTally) -> RunEnd:
        """Commit batches as they come until the end, grouped by the transaction boundary."""
        open_batches: list[_Written] = []
        due = float("inf")
        while True:
            item = self._unless_refused(await self._next(queue, due if open_batches else self._closes_at_secs()))
            if isinstance(item, RunEnd):
                if item.outcome is Outcome.STOPPED and not self._ledger.is_open:
                    return item  # a thousand that rest would open a thousand producers, only to say that they stop
                await self._reopen()
                await self._commit(open_batches, tally, item)
                return item
            if item is None and not open_batches:
                await self._ledger.close()
                continue
            if item is not None and not open_batches and self._is_only_alive(item.batch):
                self._telemetry.rested()
                item.trace.end(None)
                continue
            if item is not None:
                await self._reopen()
                with self._telemetry.stage(Stage.PRODUCE, item.trace):
                    oversize = await self._ledger.write(item.batch, [*self._headers, *self._telemetry.headers(item.trace)])
                if not open_batches:
                    due = self._clock.monotonic_secs() + self._settings.transaction_boundary_interval_ms / 1000
                open_batches.append(_Written.of(item, oversize))
                self._telemetry.active(sum(b.records for b in open_batches), sum(b.nbytes for b in open_batches))
            if self._is_due(open_batches, due):
                await self._commit(open_batches, tally, None)
                open_batches, due = [], float("inf")

    def _closes_at_secs(self) -> float:
        return self._rest.closes_at_secs() if self._ledger.is_open else float("inf")

    def _is_only_alive(self, batch: Prepared) -> bool:
        """Tell whether a batch says no more than that its stream is well."""
        return not (batch.accounted or batch.deletes) and self._rest.may_skip(moves=batch.cursor != self._stands)

    async def _reopen(self) -> None:
        """Open what was closed while nothing came."""
        if self._ledger.is_open:
            return
        stood = self._ledger.cursor
        if await self._ledger.open() != stood:
            raise Fenced(
                "the cursor was moved while nothing came to this stream: what came now is read again from where it stands"
            )

    async def _next(self, queue: PreparedQueue, due: float) -> Traced[Prepared] | RunEnd | None:
        """Give the next item, or None when the open transaction is due first."""
        wait_secs = None if due == float("inf") else max(0.0, due - self._clock.monotonic_secs())
        try:
            async with asyncio.timeout(wait_secs):
                return await queue.get()
        except TimeoutError:
            return None

    def _is_due(self, written: list[_Written], due: float) -> bool:
        if self._settings.transaction_boundary == "poll":
            return True
        held = sum(batch.nbytes for batch in written)
        return held >= self._settings.transaction_max_bytes or self._clock.monotonic_secs() >= due

    async def _commit(self, written: list[_Written], tally: RunTally, end: RunEnd | None) -> None:
        """Commit the open transaction, and the run record with it; `end` is None while the run goes on."""
        cursor = written[-1].cursor if written else None
        expired = end.error if end is not None and isinstance(end.error, CursorExpired) else None
        if expired is not None:
            cursor = expired.restart
        position = None if cursor is None else cursor.model_dump(mode="json")
        caught_up = end is not None and end.outcome is Outcome.CAUGHT_UP
        if caught_up and position is None and tally.backfill:
            position = tally.cursor_to  # even one that found nothing says that it is done
        for batch in written:
            batch.count(tally)
        if position is not None:
            tally.cursor_to = position
        started = self._clock.monotonic_secs()
        traces = [batch.trace for batch in reversed(written)]
        with self._telemetry.stage(Stage.COMMIT, traces[0] if traces else None, traces[1:]):
            record = self._run_record(tally, end or RunEnd(Outcome.RUNNING))
            await self._ledger.commit(
                position, [record], run_id=tally.run_id, expired=expired is not None, run_open=not caught_up
            )
        secs = self._clock.monotonic_secs() - started
        self._account(written, secs)
        self._telemetry.active(0, 0)
        if position is not None:
            self._telemetry.cursor_moved(self._clock.now_ms())
        self._rest.committed(published=any(batch.accounted for batch in written))
        if written:
            self._stands = written[-1].cursor
            await self._task.committed(written[-1].cursor)

    def _account(self, written: list[_Written], secs: float) -> None:
        self._telemetry.committed(sum(b.records for b in written), sum(b.nbytes for b in written), secs)
        if self._live and written and not any(batch.accounted for batch in written):
            self._telemetry.caught_up()  # nothing came, and the whole way to Kafka is well
        for batch in written:
            batch.trace.end(None)
            for (stage, reason), count in batch.rejects.items():
                self._telemetry.rejected(count, stage, reason)
            for reason, count in batch.filtered.items():
                self._telemetry.filtered(count, reason)
            if batch.deletes:
                self._telemetry.deleted(batch.deletes)
            if batch.drifted:
                self._telemetry.drift(batch.drifted)

    def _run_record(self, tally: RunTally, end: RunEnd) -> Message:
        tally.api_calls = self._telemetry.snapshot().minus(self._before).api_calls
        value = tally.record(end.outcome, self._redact(str(end.error or "")), self._clock.now_ms())
        return Message(
            topic=self._runs_topic, value=value, key=f"{tally.connector}/{tally.stream}/{tally.tenant}/{tally.run_id}".encode()
        )

    def _unless_refused(self, item: Traced[Prepared] | RunEnd | None) -> Traced[Prepared] | RunEnd | None:
        """Give a failed end in place of a batch with refused records where the operator wants to stop at them."""
        if self._settings.on_error != "stop" or not isinstance(item, Traced) or not item.batch.letters:
            return item
        first = item.batch.letters[0]
        msg = (
            f"a record was refused at {first.stage}: {first.reason}; on.error is 'stop', so its batch is not published. "
            "Mend the source or the schema, or set on.error to 'dead_letter'"
        )
        return RunEnd(Outcome.FAILED, PermanentError(msg))


@dataclass(frozen=True, slots=True)
class _Written:
    """What is remembered of a batch until its transaction commits; not its bytes."""

    cursor: Cursor
    trace: Trace
    records: int
    nbytes: int
    rejects: dict[tuple[Stage, str], int]
    filtered: dict[str, int]
    drifted: int
    deletes: int

    @classmethod
    def of(cls, item: Traced[Prepared], oversize: int) -> _Written:
        batch = item.batch
        rejects: Counter[tuple[Stage, str]] = Counter((letter.stage, letter.word) for letter in batch.letters)
        if oversize:
            rejects[Stage.PRODUCE, OVERSIZE] = oversize
        return cls(
            cursor=batch.cursor,
            trace=item.trace,
            records=len(batch.values) - oversize,
            nbytes=batch.nbytes,
            rejects=rejects,
            filtered=batch.filtered,
            drifted=batch.drifted,
            deletes=len(batch.deletes),
        )

    @property
    def accounted(self) -> int:
        return self.records + sum(self.rejects.values()) + sum(self.filtered.values()) + self.deletes

    def count(self, tally: RunTally) -> None:
        tally.batches += 1
        tally.records += self.records
        tally.rejects += sum(self.rejects.values())
        tally.filtered += sum(self.filtered.values())
        tally.deletes += self.deletes


def _end_of(side: asyncio.Task[RunEnd], *, stopping: bool) -> RunEnd:
    """Give how a side ended, whatever ended it."""
    if side.cancelled() and not stopping:
        return RunEnd(Outcome.RETRYING, TemporaryError("the poll was cancelled, though nobody stopped it; polling again"))
    if side.cancelled():
        return RunEnd(Outcome.STOPPED)
    match side.exception():
        case None:
            return side.result()
        case CursorExpired() as expired:
            return RunEnd(Outcome.CURSOR_EXPIRED, expired)
        case TemporaryError() as error:
            return RunEnd(Outcome.RETRYING, error)
        case WellheadError() as error:
            return RunEnd(Outcome.FAILED, error)
        case error:
            return RunEnd(Outcome.FAILED, defect(error))


class Defect(PermanentError):  # noqa: N818 - it says what it is
    """An error nobody foresaw; its trace belongs into the log."""


def defect(error: BaseException) -> Defect:
    """Give an error nobody foresaw as one that fails its task, and only that."""
    told = str(error)
    told = told if len(told) <= MOST_TOLD_CHARS else f"{told[:MOST_TOLD_CHARS]}…"
    permanent = Defect(
        f"the connector raised {type(error).__name__}: {told}. This is a defect, in the connector or in Wellhead; "
        "whoever mends it needs the trace in the log"
    )
    permanent.__cause__ = error
    return permanent
