"""Takes a source and a simulator of its vendor, gives what the source reads from it, without Kafka; never hides an error it meets."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, cast

import pyarrow as pa

from wellhead.api import Batch, Config, Cursor, Reject, SourceConnector, SourceTask, Stream, TaskContext
from wellhead.avro import schema as schemas
from wellhead.avro.conform import conform
from wellhead.avro.rows import to_batch
from wellhead.config.http import HttpSettings
from wellhead.errors import CursorExpired, TemporaryError, WellheadError
from wellhead.http import CallRecord, HttpClient
from wellhead.runtime.replay import SeenRecords
from wellhead.testing.clock import FakeClock
from wellhead.testing.topic import CompactedTopic, Key, Step

MAX_ERRORS = 50
# Small enough that a stalled or silent vendor is noticed within a test.
HTTP = HttpSettings(
    connect_timeout_secs=5, read_timeout_secs=5, retry_max_attempts=2, retry_in_place_max_secs=0, min_free_bytes=0
)


@dataclass(slots=True)
class Drained:
    """What a source gave until it was caught up, in order, and the errors it met on the way.

    Attributes:
        steps: What was committed.
        past: What stood in the stream's compacted topic before, in order; nothing for a log.
        kept: The rejects in it, with all that a dead letter keeps of them.
    """

    steps: list[Step] = field(default_factory=list)
    past: Sequence[Step] = ()
    errors: list[WellheadError] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    calls: list[CallRecord] = field(default_factory=list)
    kept: list[Reject] = field(default_factory=list)

    def rejects(self) -> list[bytes]:
        return [raw for step in self.steps for raw in step.rejects]

    def rows(self, columns: tuple[str, ...], since: int = 0) -> Iterator[dict[str, Any]]:
        """Give the records' named columns, from step number `since` on."""
        for step in self.steps[since:]:
            yield from step.table.select(list(columns)).to_pylist()


class Driver:
    """Polls one stream as the runtime does: waits, retries and de-duplicates, on a clock that costs no time.

    Args:
        source: The connector.
        stream: Which of its streams.
        config: Its options, pointing at a simulator.
        clock: The time of the task, and of the simulator where it shares it.
    """

    def __init__(self, source: SourceConnector, stream: Stream, config: Config, clock: FakeClock) -> None:
        self.source = source
        self.stream = stream
        self.config = config
        self.clock = clock
        self.schema = schemas.load(stream.subject)

    @contextlib.asynccontextmanager
    async def task(self, drained: Drained) -> AsyncIterator[SourceTask[Any, Any]]:
        """Give a task with a client of its own; on leaving, the client is closed, as the runtime does."""

        def report(event: str, message: str, **fields: str | float) -> None:
            drained.reports.append(f"{event}: {message} {fields}")

        with tempfile.TemporaryDirectory(prefix="wellhead-drive-") as spool:
            http = HttpClient(HTTP, clock=self.clock, on_call=drained.calls.append, random=Random(1))  # noqa: S311 - jitter
            try:
                topic = CompactedTopic(self.stream, self._committed(drained))
                context = TaskContext(
                    http=http, clock=self.clock, spool_dir=Path(spool), report=report, published=topic.read_back
                )  # fmt: skip
                yield self.stream.task(self.config, self.stream.name, context)
            finally:
                await http.aclose()

    async def probe(self) -> str:
        """Ask the vendor the source's cheapest question; give what was asked."""
        async with self.task(Drained()) as task:
            return await task.probe()

    async def poll_once(self, cursor: Cursor | None, drained: Drained, seen: SeenRecords | None = None) -> Cursor | None:
        """Poll from `cursor` until the generator ends; errors pass through, batches are kept in `drained`."""
        async with self.task(drained) as task:
            batches = cast("Any", task.poll(cursor))
            async with aclosing(batches):
                async for batch in batches:
                    cursor = self._keep(batch, drained, seen)
                    await task.committed(cursor)
                    seen = None if cursor.replay_from_ms() is None else seen
        return cursor

    async def drain(
        self, cursor: Cursor | None = None, *, before: Callable[[], None] = lambda: None, past: Sequence[Step] = ()
    ) -> Drained:  # fmt: skip
        """Poll from `cursor` until caught up, with the runtime's patience; `past` is what the topic holds already.

        Raises:
            PermanentError: The source says that a person must act.
            AssertionError: It met more errors than any simulator's faults explain.
        """
        drained = Drained(past=past)
        before()
        while True:
            self._wait_for(cursor)
            seen = self._seen(cursor, drained)
            try:
                await self.poll_once(cursor, drained, seen)
            except TemporaryError as error:
                cursor = drained.steps[-1].cursor if drained.steps else cursor
                drained.errors.append(error)
                self.clock.advance(max(1.0, error.after_secs or 0.0))
            except CursorExpired as expired:
                drained.errors.append(expired)
                cursor = expired.restart
                self.clock.advance(1.0)
                empty = self.schema.arrow.empty_table().to_batches() or [
                    pa.RecordBatch.from_pylist([], schema=self.schema.arrow)
                ]
                drained.steps.append(Step(empty[0], [], 0, cursor))
            else:
                return drained
            assert len(drained.errors) <= MAX_ERRORS, f"{self.source.name} never got past: {drained.errors[-1]}"

    def _keep(self, batch: Batch[Any], drained: Drained, seen: SeenRecords | None) -> Cursor:
        given = batch.table
        table, bad = conform(given, self.schema) if isinstance(given, pa.RecordBatch) else to_batch(given, self.schema)
        if seen is not None:
            table = seen.unseen(table)
        rejects = [reject.raw for reject in batch.rejects]
        drained.kept += batch.rejects
        drained.steps.append(Step(table, rejects, len(bad), batch.cursor, self._ended(batch), self.clock.now_ms()))
        return cast("Cursor", batch.cursor)

    def _ended(self, batch: Batch[Any]) -> list[Key]:
        rows = batch.deletes.to_pylist() if isinstance(batch.deletes, pa.RecordBatch) else batch.deletes
        assert not rows or self._is_state, f"{self.stream.name} ends records, but has no key or no compacted topic"
        ended = [tuple(row[name] for name in self.stream.key) for row in rows]
        assert not [key for key in ended if None in key], f"{self.stream.name} ends a record without naming its key"
        return ended

    @property
    def _is_state(self) -> bool:
        return bool(self.stream.key) and self.stream.cleanup == "compact"

    def _committed(self, drained: Drained) -> list[Step]:
        return [*drained.past, *drained.steps] if self._is_state else []

    def _wait_for(self, cursor: Cursor | None) -> None:
        wait_ms = ((cursor.not_before_ms() or 0) if cursor else 0) - self.clock.now_ms()
        if wait_ms > 0:
            self.clock.advance(wait_ms / 1000)

    def _seen(self, cursor: Cursor | None, drained: Drained) -> SeenRecords | None:
        from_ms = None if cursor is None else cursor.replay_from_ms()
        if from_ms is None:
            return None
        if self._is_state:
            return CompactedTopic(self.stream, self._committed(drained)).seen(from_ms)
        return SeenRecords(self.stream.identity, [step.table for step in drained.steps])
