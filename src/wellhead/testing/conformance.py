"""Takes any source that has a simulator, proves that it keeps the author's contract; for our sources and those of others alike.

Subclass it in a test module, and pytest does the rest::

    class TestAcme(SourceConformance):
        connector = "acme"
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import pyarrow as pa
import pytest
from pydantic import ValidationError

from wellhead import plugins
from wellhead.api import Config, Cursor, SourceConnector, Stream
from wellhead.avro import schema as schemas
from wellhead.avro.conform import conform
from wellhead.avro.encode import Encoder
from wellhead.avro.rows import to_batch
from wellhead.config.load import shadowing
from wellhead.config.secrets import looks_secret
from wellhead.errors import WellheadError
from wellhead.testing.clock import FakeClock
from wellhead.testing.drive import Drained, Driver
from wellhead.testing.server import serve
from wellhead.testing.simulator import Simulator
from wellhead.testing.topic import CompactedTopic, Key

STOP_SECS = 2.0
# Resuming from each of many cursors reads the rest each time; so many are enough to meet every kind.
MAX_RESUMES = 40


@dataclass(frozen=True, slots=True)
class Scene:
    """A simulator being served, and what drives the source against it."""

    simulator: Simulator
    driver: Driver


class SourceConformance:
    """The contract, one test a clause; `connector` is the entry point's name."""

    connector: ClassVar[str]

    @property
    def source(self) -> SourceConnector:
        return plugins.installed().load(self.connector)

    @contextmanager
    def scene(self, *faults: str, stream: Stream | None = None) -> Iterator[Scene]:
        """Serve the source's simulator with faults armed, on a clock that source and vendor share."""
        module = plugins.installed().simulator_of(self.connector)
        clock = FakeClock(auto=True)
        simulator: Simulator = module.create(module.Settings(faults=faults, **module.CONFORMANCE.settings), clock=clock)
        with serve(simulator) as url:
            config = self.source.config.model_validate(simulator.options(url) | dict(module.CONFORMANCE.options))
            chosen = stream or self.source.streams_of(config)[0]
            yield Scene(simulator, Driver(self.source, chosen, config, clock))

    def drain(self, scene: Scene, cursor: Cursor | None = None, *before: Drained) -> Drained:
        """Read on from `cursor`, where what was committed `before` stands in the topic."""
        return asyncio.run(scene.driver.drain(cursor, past=[step for part in before for step in part.steps]))

    # What the source says of itself

    def test_every_option_is_described(self) -> None:
        """Every option of the config and every field of each cursor tells what it is."""
        models: list[type[Config | Cursor]] = [self.source.config]
        with self.scene() as scene:
            models += [stream.cursor for stream in self.source.streams_of(scene.driver.config)]
        for model in models:
            silent = [name for name, field in model.model_fields.items() if not field.description]
            assert not silent, f"{model.__name__}: fields without a description: {silent}"

    def test_an_unknown_option_is_refused(self) -> None:
        """A mistyped option is an error that names it, not silence."""
        with self.scene() as scene:
            given = scene.driver.config.model_dump() | {"optoin": 1}
        with pytest.raises(ValidationError, match="optoin"):
            self.source.config.model_validate(given)

    def test_secret_options_are_typed_as_secrets(self) -> None:
        """An option whose name says that it holds a secret is a SecretStr, which shows itself as stars (I6)."""
        with self.scene() as scene:
            config = scene.driver.config
        plain = [name for name, value in config if looks_secret(name) and value and not hasattr(value, "get_secret_value")]
        assert not plain, f"{type(config).__name__}: make these SecretStr: {plain}"

    def test_no_option_is_named_like_the_frameworks(self) -> None:
        """Framework and connector options share one level of the file, so their names differ."""
        assert shadowing(self.source) == []

    def test_streams_name_what_exists(self) -> None:
        """Keys, identity and time of each stream are columns of its schema; the subject is shipped."""
        with self.scene() as scene:
            for stream in self.source.streams_of(scene.driver.config):
                columns = set(schemas.load(stream.subject).names)
                named = {*stream.key, *stream.identity, *([stream.time] if stream.time else [])}
                assert named <= columns, f"{stream.name}: {sorted(named - columns)} are not in {stream.subject}"

    # What it reads

    def test_a_drain_equals_the_truth(self) -> None:
        """Everything the vendor holds is read once, and nothing else, in every stream."""
        with self.scene() as scene:
            streams = self.source.streams_of(scene.driver.config)
        for stream in streams:
            with self.scene(stream=stream) as scene:
                drained = self.drain(scene)
                assert_truth(scene, [drained])
                assert drained.errors == []

    def test_records_fit_the_schema(self) -> None:
        """No record needs to be refused by the encoder, and each one is encoded."""
        with self.scene() as scene:
            drained = self.drain(scene)
            encoder = Encoder(scene.driver.schema, 1)
            assert sum(step.refused for step in drained.steps) == 0
            for step in drained.steps:
                assert len(encoder.encode(step.table).values) == step.table.num_rows

    def test_cursors_are_flat_and_survive_json(self) -> None:
        """Each cursor is one level of scalars and comes back equal from its stored form (Connect's tools read it)."""
        with self.scene() as scene:
            cursors = [step.cursor for step in self.drain(scene).steps]
        assert cursors
        for cursor in cursors:
            stored = json.loads(json.dumps(cursor.model_dump(mode="json")))
            assert all(isinstance(value, str | int | float | bool | None) for value in stored.values()), stored
            assert type(cursor).model_validate(stored) == cursor

    def test_resuming_from_every_cursor_gives_exactly_the_rest(self) -> None:
        """What was committed with a cursor and what a fresh task reads from it are together the truth, nothing twice (I2)."""
        with self.scene() as scene:
            whole = self.drain(scene)
            for at in _spread(range(len(whole.steps)), MAX_RESUMES):
                scene.driver.clock.advance(3600)  # the vendor's quiet is over
                before = Drained(steps=whole.steps[: at + 1])
                assert_truth(scene, [before, self.drain(scene, whole.steps[at].cursor, before)])

    def test_a_bounded_reading_gives_its_span_and_ends(self) -> None:
        """Where a stream can begin at a time, a reading between two times ends, and gives each record of between once, resumed or not."""
        with self.scene() as scene:
            stream = scene.driver.stream
            if stream.since is None:
                return
            assert stream.time is not None, f"{stream.name}: a stream that can begin at a time has an event-time column"
            span, held = self._middle(scene, stream.time)
        with self.scene() as scene:
            first = stream.since(scene.driver.config, *span)
            whole = self.drain(scene, first)
            assert _between(scene, [whole], span) == held
            for at in _spread(range(len(whole.steps)), MAX_RESUMES // 4):
                scene.driver.clock.advance(3600)
                before = Drained(steps=whole.steps[: at + 1])
                assert _between(scene, [before, self.drain(scene, whole.steps[at].cursor, before)], span) == held

    @pytest.mark.parametrize("content", ["each", "together"])
    def test_content_faults_lose_nothing(self, content: str) -> None:
        """Whatever the vendor's data looks like, each record is read and each broken one kept byte for byte."""
        names = sorted(type(self._plain_simulator()).content_faults)
        for faults in [[name] for name in names] if content == "each" else [names]:
            with self.scene(*(f"{name}:2" for name in faults)) as scene:
                assert_truth(scene, [self.drain(scene)])

    def test_what_was_rejected_can_be_read_again(self) -> None:
        """Where a stream can redrive, a reject read again as it was kept is the same reject for the same reason, and no record."""
        faults = [f"{name}:2" for name in sorted(type(self._plain_simulator()).content_faults)]
        with self.scene(*faults) as scene:
            stream, config, schema = scene.driver.stream, scene.driver.config, scene.driver.schema
            if stream.redrive is None:
                return
            for reject in self.drain(scene).kept:
                again = stream.redrive(config, stream.name, replace(reject, reason=""))
                given = again.table
                table, bad = conform(given, schema) if isinstance(given, pa.RecordBatch) else to_batch(given, schema)
                assert (table.num_rows, len(bad), len(again.deletes)) == (0, 0, 0), reject.reason
                told = [(each.raw, each.reason, each.field, each.context) for each in again.rejects]
                assert reject.cut or told == [(reject.raw, reject.reason, reject.field, reject.context)]

    # What it does when the vendor fails

    def test_each_fault_raises_the_right_class(self) -> None:
        """The first error a fault causes names its recovery, and with patience nothing is lost or doubled."""
        for name, expected in self._plain_simulator().outcomes.items():
            with self.scene(f"{name}:3@1") as scene:
                error = self._first_error(scene)
                assert isinstance(error, expected), f"{name}: {type(error).__name__}, not {expected.__name__}: {error}"
                assert str(error).strip(), name

    def test_passing_faults_lose_and_double_nothing(self) -> None:
        """After a fault that passes, what was read by the poll after the next is the truth."""
        simulator = self._plain_simulator()
        for name in simulator.passing_faults:
            with self.scene(f"{name}:2@1") as scene:
                first = self.drain(scene)
                scene.driver.clock.advance(3600)
                second = self.drain(scene, first.steps[-1].cursor, first)
                scene.driver.clock.advance(3600)
                last = (second.steps or first.steps)[-1].cursor
                assert_truth(scene, [first, second, self.drain(scene, last, first, second)])

    def test_stop_is_heard_and_leaves_no_socket(self) -> None:
        """Closing the generator in the middle of a stalled answer ends at once, and the vendor sees no connection after it."""
        with self.scene("stall:*") as scene:
            took = asyncio.run(_stop_in_a_stall(scene))
            assert took < STOP_SECS
            assert scene.simulator.open_connections == 0

    def test_a_probe_takes_nothing_from_who_reads(self) -> None:
        """The question that tries the credentials is answered, and what is read before and after it is whole (I5)."""
        with self.scene() as scene:
            streams = self.source.streams_of(scene.driver.config)
        for stream in {stream.task: stream for stream in streams}.values():
            with self.scene(stream=stream) as scene:
                asyncio.run(scene.driver.probe())
                first = self.drain(scene)
                asyncio.run(scene.driver.probe())
                second = self.drain(scene, first.steps[-1].cursor, first)
                assert_truth(scene, [first, second])
                assert first.errors + second.errors == []

    def test_no_secret_in_any_output(self) -> None:
        """No error, report or text form of the config holds a secret option, whatever fault strikes (I6)."""
        simulator = self._plain_simulator()
        for name in simulator.outcomes:
            with self.scene(f"{name}:3") as scene:
                secrets = _secrets(scene.driver.config)
                assert secrets, "the simulator's options hold no secret to look for"
                error = self._first_error(scene)
                shown = f"{error} {error!r} {error.__cause__} {scene.driver.config} {scene.driver.config!r}"
                assert not [secret for secret in secrets if secret in shown], name

    def _middle(self, scene: Scene, time: str) -> tuple[tuple[int, int], Counter[Any]]:
        """Give two times, epoch ms, a third of all records before and behind them, and the records between."""
        drained = self.drain(scene)
        moments = sorted(row[time] for row in drained.rows((time,)))
        first, last = (round(moments[len(moments) * part // 3].timestamp() * 1000) for part in (1, 2))
        return (first, last), _between(scene, [drained], (first, last))

    def _plain_simulator(self) -> Simulator:
        module = plugins.installed().simulator_of(self.connector)
        simulator: Simulator = module.create(module.Settings(**module.CONFORMANCE.settings), clock=FakeClock())
        return simulator

    def _first_error(self, scene: Scene) -> WellheadError:
        """Give the first error of a drain."""
        drained = Drained()
        cursor: Cursor | None = None
        for _ in range(MAX_RESUMES):
            try:
                cursor = asyncio.run(scene.driver.poll_once(cursor, drained))
            except WellheadError as error:
                return error
            scene.driver.clock.advance(3600)
        raise AssertionError("the fault caused no error")


def assert_truth(scene: Scene, parts: Sequence[Drained]) -> None:
    """Assert that the parts together hold each record of the vendor once, and each broken one with its bytes.

    Of a stream whose topic is compacted, what stands under each key at the end must be what the vendor holds now, and no state of
    a key may have been published twice without having ended in between.
    """
    stream, simulator = scene.driver.stream, scene.simulator
    truth = [record for record in simulator.truth(values=False) if record.stream == stream.name]
    held = Counter(record.identity for record in truth if record.kind == "record")
    read = Counter(simulator.identity_of(row) for row in _left(stream, parts))
    lost, extra = held - read, read - held
    assert not lost, f"{lost.total()} of {held.total()} records were lost, such as {next(iter(lost))}"
    assert not extra, f"{extra.total()} records were read twice or never held, such as {next(iter(extra))}"
    letters = Counter(raw for part in parts for raw in part.rejects())
    broken = Counter(record.raw or b"" for record in truth if record.kind == "broken")
    assert letters == broken, (
        f"dead letters differ: {(letters - broken).total()} too many, {(broken - letters).total()} missing"
    )


def _between(scene: Scene, parts: Sequence[Drained], span: tuple[int, int]) -> Counter[Any]:
    """Count the records whose time lies in `span`, epoch ms, its end left out."""
    identity, time = scene.driver.stream.identity, scene.driver.stream.time or ""
    rows = (row for part in parts for row in part.rows((*identity, time)))
    within = (row for row in rows if span[0] <= round(row[time].timestamp() * 1000) < span[1])
    return Counter(scene.simulator.identity_of(row) for row in within)


def _left(stream: Stream, parts: Sequence[Drained]) -> Iterator[dict[str, Any]]:
    """Give what consumers of the topic are left with: of a log all of it, else the newest record of each key."""
    if not stream.key or stream.cleanup != "compact":
        # Where nothing names a record, such as a line of a log that may stand there twice, the simulator tells it by all its columns.
        columns = stream.identity or tuple(schemas.load(stream.subject).names)
        for part in parts:
            yield from part.rows(columns)
        return
    steps = [step for part in parts for step in part.steps]
    standing: dict[Key, Key] = {}
    for step in steps:
        for row in step.table.select([*stream.key, *stream.identity]).to_pylist():
            key, state = tuple(row[name] for name in stream.key), tuple(row[name] for name in stream.identity)
            assert standing.get(key) != state, f"{state} was published twice"
            standing[key] = state
        for key in step.ended:
            standing.pop(key, None)
    records = CompactedTopic(stream, steps).records()
    assert records.num_rows == len(standing)
    yield from records.to_pylist()


async def _stop_in_a_stall(scene: Scene) -> float:
    loop = asyncio.get_running_loop()
    async with scene.driver.task(Drained()) as task:
        polled = cast("Any", task.poll(None))
        async with aclosing(polled):
            asking = asyncio.ensure_future(_exhaust(polled))
            await _until(lambda: scene.simulator.open_connections > 0)
            began = loop.time()
            asking.cancel()
            await asyncio.wait([asking])
    await _until(lambda: scene.simulator.open_connections == 0)
    return loop.time() - began


async def _exhaust(batches: AsyncIterator[object]) -> None:
    async for _ in batches:
        pass


async def _until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not reached():  # noqa: ASYNC110 - the vendor lives in another thread
            await asyncio.sleep(0.01)


def _secrets(config: Config) -> list[str]:
    return [value.get_secret_value() for _, value in config if hasattr(value, "get_secret_value")]


def _spread(items: Sequence[int], most: int) -> list[int]:
    if len(items) <= most:
        return list(items)
    return sorted({items[round(at * (len(items) - 1) / (most - 1))] for at in range(most)})
