"""Tests of one run: which stage a batch spends its time in, and which one fails."""

import asyncio
import re
import threading

import pyarrow as pa
import pytest
from scripted_source import BORN_MS, FeedConfig, FeedCursor, connector

from wellhead import Batch, SourceTask
from wellhead.api import TaskContext
from wellhead.avro.encode import Encoder
from wellhead.avro.schema import Schema
from wellhead.config import ConnectorSettings
from wellhead.errors import PermanentError, TemporaryError
from wellhead.kafka.errors import Fenced
from wellhead.runtime.prepare import Prepared, Preparer
from wellhead.runtime.resting import RestAfter
from wellhead.runtime.runner import TaskRunner
from wellhead.runtime.runs import RunTally
from wellhead.runtime.states import Outcome
from wellhead.telemetry.metrics import TaskTelemetry
from wellhead.telemetry.setup import Telemetry, TelemetrySettings
from wellhead.testing.clock import FakeClock
from wellhead.transforms import Transform

STREAM = connector.streams[0]
SCHEMA = Schema(
    "scripted.event",
    1,
    """{"type": "record", "name": "Event", "fields": [
        {"name": "time", "type": {"type": "long", "logicalType": "timestamp-millis"}, "doc": "d"},
        {"name": "number", "type": "long", "doc": "d"}]}""",
)


class Ledger:
    def __init__(self):
        self.commits = []
        self.is_open = True
        self.cursor = None
        self.said = []

    async def write(self, batch, headers):
        return 0

    async def commit(self, cursor, extra=(), **_told):
        if cursor is not None:
            self.commits.append(cursor)
            self.cursor = cursor

    async def close(self):
        self.is_open = False
        self.said.append("closed")

    async def open(self):
        self.is_open = True
        self.said.append("opened")
        return self.cursor


class Same:
    def apply(self, table, rows):
        return table


class Broken:
    def apply(self, table, rows):
        raise pa.ArrowInvalid("no")


class Streaming(SourceTask):
    """Gives what the generator function `source` gives."""

    def __init__(self, source, clock):
        super().__init__(FeedConfig(), "event", TaskContext(Http(), clock, None, lambda *_a, **_k: None))
        self.source = source

        self.heard = []

    def poll(self, cursor):
        return self.source(cursor)

    async def committed(self, cursor):
        self.heard.append(cursor.next)


class Http:
    async def close_idle(self):
        """There are no connections."""


class Bench:
    """One run, its ledger and its telemetry."""

    def __init__(self, source, preparer, rest_after=None, **settings):
        self.clock = FakeClock()
        self.process = Telemetry(TelemetrySettings("0"), self.clock)
        self.ledger = Ledger()
        self.task = Streaming(source, self.clock)
        self.runner = TaskRunner(
            task=self.task,
            preparer=preparer,
            ledger=self.ledger,
            settings=ConnectorSettings.model_validate({"name": "feed", "connector.class": "x", **settings}),
            runs_topic="runs",
            telemetry=TaskTelemetry(self.process, connector="feed", task=0, stream="event", tenant="acme"),
            clock=self.clock,
            redact=str,
            live=rest_after is not None,
            rest_after=rest_after,
        )

    async def run(self):
        return await self.runner.run(None, RunTally("feed", 0, "event", "acme", 0, None), None)

    @property
    def committed(self):
        return [commit["next"] for commit in self.ledger.commits]


async def one_batch(_cursor):
    yield Batch([{"time": BORN_MS, "number": 1}], FeedCursor(next=1))


def run(change):
    """Run one batch through `change`; gives the end, the committed cursors and, by stage, the names of its errors."""
    bench = Bench(one_batch, Preparer(STREAM, Encoder(SCHEMA, 7), [Transform("redact", change)]))
    try:
        end = asyncio.run(bench.run())
        page = bench.process.render()[0].decode()
    finally:
        bench.process.shutdown()
    timed = re.findall(r"^wellhead_stage_duration_seconds_count\{(.*)\}", page, re.MULTILINE)
    stages = [dict(re.findall(r'(\w+)="([^"]*)"', labels)) for labels in timed]
    return end, bench.ledger.commits, {stage["wellhead_stage"]: stage.get("error_type", "") for stage in stages}


@pytest.mark.parametrize(
    ("change", "outcome", "commits", "stages"),
    [
        (Same(), Outcome.CAUGHT_UP, [{"next": 1, "replay_from": None, "quiet_until": None}], ["poll", "transform", "encode", "produce", "commit"]),
        (Broken(), Outcome.FAILED, [], ["poll", "transform", "commit"]),
    ],
)  # fmt: skip
def test_a_failed_transform_fails_its_own_stage(change, outcome, commits, stages):
    """Each stage is timed by itself; a transform that fails ends the run there, and the cursor stays."""
    end, committed, timed = run(change)
    assert (end.outcome, committed) == (outcome, commits)
    assert sorted(timed) == sorted(stages)
    failed = {stage: error for stage, error in timed.items() if error}
    assert failed == ({"transform": "PermanentError"} if outcome is Outcome.FAILED else {})
    assert outcome is not Outcome.FAILED or "transform redact" in str(end.error)


class Gated:
    """A preparer that holds each batch until it is let go, and fails at one if told so."""

    def __init__(self, *, fails_at=None):
        self.let_go = threading.Semaphore(0)
        self.begun = []
        self.fails_at = fails_at

    def transform(self, batch, seen):
        self.begun.append(batch.cursor.next)
        assert self.let_go.acquire(timeout=30)
        if batch.cursor.next == self.fails_at:
            raise PermanentError("transform mask failed")
        return batch

    def encode(self, batch):
        return Prepared(cursor=batch.cursor, values=[b"x"])


async def until(true):
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - encoding happens on a thread, which sets no asyncio.Event
            await asyncio.sleep(0.001)


@pytest.fixture
def bench():
    made = []

    def make(source, preparer, **settings):
        made.append(Bench(source, preparer, **{"transaction.boundary": "poll", **settings}))
        return made[-1]

    yield make
    for one in made:
        one.process.shutdown()


def test_the_next_batch_is_polled_while_one_is_encoded(bench):
    """While a batch is encoded the source is asked for the next one, and only for that; the order stays."""
    asked = []

    async def source(_cursor):
        for number in range(1, 5):
            asked.append(number)
            yield Batch([], FeedCursor(next=number))

    async def scenario():
        gate = Gated()
        one = bench(source, gate)
        running = asyncio.create_task(one.run())
        for number in range(1, 4):
            await until(lambda number=number: gate.begun == list(range(1, number + 1)) and len(asked) > number)
            for _ in range(20):
                await asyncio.sleep(0)
            assert asked == list(range(1, number + 2))
            gate.let_go.release()
        gate.let_go.release()
        return await running, one.committed

    end, committed = asyncio.run(scenario())
    assert (end.outcome, committed) == (Outcome.CAUGHT_UP, [1, 2, 3, 4])


def test_a_batch_that_cannot_be_encoded_ends_a_poll_that_waits(bench):
    """Where a transform fails while the source waits for its vendor, the run fails at once, what came before is committed, and the source is closed."""
    closed = []

    async def source(_cursor):
        try:
            yield Batch([], FeedCursor(next=1))
            yield Batch([], FeedCursor(next=2))
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async def scenario():
        gate = Gated(fails_at=2)
        gate.let_go.release(2)
        one = bench(source, gate)
        return await asyncio.wait_for(one.run(), 30), one.committed

    end, committed = asyncio.run(scenario())
    assert (end.outcome, committed, closed) == (Outcome.FAILED, [1], [True])
    assert "transform mask failed" in str(end.error)


@pytest.mark.parametrize(
    ("failure", "outcome"), [(TemporaryError("busy"), Outcome.RETRYING), (PermanentError("denied"), Outcome.FAILED)]
)
def test_what_was_polled_before_an_error_is_committed(bench, failure, outcome):
    """Batches that wait to be encoded when the source fails are encoded and committed before the run ends."""

    async def source(_cursor):
        yield Batch([], FeedCursor(next=1))
        yield Batch([], FeedCursor(next=2))
        raise failure

    async def scenario():
        gate = Gated()
        one = bench(source, gate)
        running = asyncio.create_task(one.run())
        await until(lambda: gate.begun == [1])
        gate.let_go.release(2)
        return await running, one.committed

    end, committed = asyncio.run(scenario())
    assert (end.outcome, end.error, committed) == (outcome, failure, [1, 2])


def test_a_stop_commits_what_is_being_encoded(bench):
    """A stop closes the source at once; the batch that is being encoded is still committed."""
    closed = asyncio.Event()

    async def source(_cursor):
        try:
            yield Batch([], FeedCursor(next=1))
            await asyncio.Event().wait()
        finally:
            closed.set()

    async def scenario():
        gate = Gated()
        one = bench(source, gate)
        running = asyncio.create_task(one.run())
        await until(lambda: gate.begun == [1])
        one.runner.stop()
        await asyncio.wait_for(closed.wait(), 30)
        gate.let_go.release()
        return await running, one.committed

    end, committed = asyncio.run(scenario())
    assert (end.outcome, committed) == (Outcome.STOPPED, [1])


def test_no_batch_is_polled_beyond_the_limit(bench):
    """After `run.max.batches` batches the source is not asked again, though the last of them is still being encoded."""
    asked = []

    async def source(_cursor):
        for number in range(1, 5):
            asked.append(number)
            yield Batch([], FeedCursor(next=number))

    async def scenario():
        gate = Gated()
        gate.let_go.release(5)
        one = bench(source, gate, **{"run.max.batches": 2})
        return await one.run(), one.committed

    end, committed = asyncio.run(scenario())
    assert (end.outcome, committed, asked) == (Outcome.LIMIT_REACHED, [1, 2], [1, 2])


@pytest.mark.parametrize(
    ("boundary", "heard"), [({"transaction.boundary": "poll"}, [1, 2, 3]), ({"transaction.boundary": "interval"}, [3])]
)
def test_a_task_hears_of_each_transaction_after_it_was_committed(bench, boundary, heard):
    """A task is told the last cursor of each transaction that held a batch, in order, and none before it was committed."""

    async def source(_cursor):
        for number in range(1, 4):
            yield Batch([], FeedCursor(next=number))

    async def scenario():
        gate = Gated()
        gate.let_go.release(3)
        one = bench(source, gate, **boundary)
        at_commit = []

        async def commit(cursor, extra=(), **_told):
            await asyncio.sleep(0)  # whoever told too early would have told by now
            at_commit.append((None if cursor is None else cursor["next"], list(one.task.heard)))

        one.ledger.commit = commit
        await one.run()
        return one.task.heard, [(cursor, told) for cursor, told in at_commit if cursor is not None]

    told, at_commit = asyncio.run(scenario())
    assert told == heard
    assert at_commit == [(cursor, heard[:place]) for place, cursor in enumerate(heard)]


def test_a_task_hears_nothing_of_a_transaction_that_failed(bench):
    """Where Kafka does not take a transaction, its task is never told that what it gave is committed."""

    async def source(_cursor):
        yield Batch([], FeedCursor(next=1))
        yield Batch([], FeedCursor(next=2))

    async def scenario():
        gate = Gated()
        gate.let_go.release(2)
        one = bench(source, gate)

        async def commit(cursor, extra=(), **_told):
            if cursor is not None and cursor["next"] == 2:
                raise TemporaryError("the broker is away")

        one.ledger.commit = commit
        with pytest.raises(TemporaryError, match="away"):
            await one.run()
        return one.task.heard

    assert asyncio.run(scenario()) == [1]


def test_a_stopped_task_hears_of_what_is_committed_after_its_poll_was_closed(bench):
    """What was polled before a stop and is committed after it is told to the task, though its generator is closed by then."""
    order = []

    async def source(_cursor):
        try:
            yield Batch([], FeedCursor(next=1))
            await asyncio.Event().wait()
        finally:
            order.append("closed")

    async def scenario():
        gate = Gated()
        one = bench(source, gate)

        async def committed(cursor):
            order.append(cursor.next)

        one.task.committed = committed
        running = asyncio.create_task(one.run())
        await until(lambda: gate.begun == [1])
        one.runner.stop()
        await until(lambda: order == ["closed"])
        gate.let_go.release()
        return await running

    assert asyncio.run(scenario()).outcome is Outcome.STOPPED
    assert order == ["closed", 1]


def passing(cursor, rows=1):
    return Batch([{"time": BORN_MS, "number": 1}] * rows, FeedCursor(next=cursor))


def live(source, rest_after, during=None):
    """Run a live source to its end; gives its bench."""
    bench = Bench(source, Preparer(STREAM, Encoder(SCHEMA, 7), []), rest_after, **{"transaction.boundary": "poll"})
    if during is not None:
        during(bench)
    bench.end = asyncio.run(bench.run())
    bench.process.shutdown()
    return bench


SOON = RestAfter(unused_secs=0.01, idle_secs=0.01)


def test_a_live_stream_rests_while_nothing_comes():
    """Its producer is closed while nothing comes, opened for what does, and what comes then is committed like anything else."""
    closed = asyncio.Event()

    def during(bench):
        close = bench.ledger.close

        async def told():
            await close()
            closed.set()

        bench.ledger.close = told

    async def source(_cursor):
        await closed.wait()
        yield passing(1)
        yield passing(2)
        closed.clear()
        await closed.wait()
        yield passing(3)

    bench = live(source, SOON, during)
    assert bench.ledger.said[:4] == ["closed", "opened", "closed", "opened"]
    assert (bench.end.outcome, bench.committed) == (Outcome.CAUGHT_UP, [1, 2, 3])


def test_signs_of_life_are_not_committed_until_it_is_time_for_a_proof():
    """A batch that says nothing new costs no transaction, but is a sign of life; now and then one does, to see whether another took over."""
    prove_secs = 600

    async def source(_cursor):
        for minutes in range(25):
            yield passing(1, rows=int(minutes == 0))
            bench.clock.advance(60)

    bench = Bench(
        source, Preparer(STREAM, Encoder(SCHEMA, 7), []), RestAfter(1e9, 1e9, prove_secs), **{"transaction.boundary": "poll"}
    )
    asyncio.run(bench.run())
    assert len(bench.committed) == 3
    counts = bench.runner._telemetry.snapshot()
    assert bench.clock.now_ms() - counts.last_poll_ms <= 60_000
    assert bench.clock.now_ms() - counts.last_commit_ms <= 60_000
    bench.process.shutdown()


def test_a_cursor_that_was_moved_while_it_rested_is_not_overwritten():
    """What comes to a stream whose cursor somebody moved meanwhile is not published from there: the run ends, and begins anew."""
    closed = asyncio.Event()

    def during(bench):
        async def told():
            bench.ledger.is_open = False
            bench.ledger.cursor_found = {"next": 99}
            closed.set()

        async def opened():
            return bench.ledger.cursor_found

        bench.ledger.close, bench.ledger.open = told, opened

    async def source(_cursor):
        await closed.wait()
        yield passing(1)

    with pytest.raises(Fenced, match="was moved"):
        live(source, SOON, during)


def test_one_that_rests_stops_without_a_word():
    """A stream that is stopped while it rests opens no producer for it."""
    started = asyncio.Event()

    def during(bench):
        async def told():
            bench.ledger.is_open = False
            bench.runner.stop()

        bench.ledger.close = told

    async def source(_cursor):
        started.set()
        await asyncio.Event().wait()
        yield passing(1)

    bench = live(source, SOON, during)
    assert (bench.end.outcome, bench.ledger.said, bench.committed) == (Outcome.STOPPED, [], [])
