"""Proves on a real broker what a stream of keyed state promises: tombstones, turns, its own past, and no cursor without records."""

import asyncio
import io
import json
import time
from pathlib import Path

import fastavro
import keyed_source
import pyarrow.compute as pc
import pytest
import readback
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from deployed import until
from keyed_source import Script, state

from wellhead.config.load import load
from wellhead.kafka import settings as kafka_settings
from wellhead.kafka.cursors import CursorStore
from wellhead.kafka.write import write_now

SCHEMA = (Path(keyed_source.__file__).parent / "schemas/scripted.state/v1.avsc").read_text()
HOUR_MS = 3_600_000


def script() -> Script:
    return keyed_source.SCRIPT


def messages(rig):
    return readback.messages(rig.bootstrap, f"{rig.prefix}scripted.state")


def standing(rig) -> dict[int, int]:
    """Give the version of every id that stands, told by offsets alone."""
    parsed = fastavro.parse_schema(json.loads(SCHEMA))
    found: dict[int, int] = {}
    for message in messages(rig):
        number = json.loads(message.key())
        found.pop(number, None)
        if message.value() is not None:
            record = fastavro.schemaless_reader(io.BytesIO(message.value()[5:]), parsed, None)
            assert record["id"] == number
            found[number] = record["version"]
    return found


def cursors(rig) -> dict[str, dict | None]:
    return {json.loads(key)[1]["stream"]: value and json.loads(value) for key, value in rig.cursors()}


def reset_by_hand(rig, stream: str) -> None:
    worker = load([rig.file()], environ={}, plugins=rig.plugins).worker
    store = CursorStore(
        kafka_settings.consumer_config(worker), worker.offset_storage_topic, "feed", {"stream": stream, "tenant": "acme"}
    )
    store.load()
    write_now(kafka_settings.writer_config(worker), store.messages(None))


def test_what_a_batch_deletes_ends_behind_its_records(keyed_rig):
    """A tombstone has its record's key, lies behind it in the same partition, and is counted; the rest stands."""
    script().steps = {"left": [([state(1), state(2), state(2**40)], []), ([state(3)], [{"id": 2}, {"id": 3}])]}
    keyed_rig.run_once()
    assert standing(keyed_rig) == {1: 1, 2**40: 1}
    assert sum(message.value() is None for message in messages(keyed_rig)) == 2
    partitions = {(message.key(), message.partition()) for message in messages(keyed_rig)}
    assert len(partitions) == 4
    run = next(run for run in keyed_rig.runs() if run["stream"] == "left")
    assert (run["records"], run["deletes"], run["run_id"][-5:]) == (4, 2, "_left")


def test_deletes_without_a_key_fail_the_task(keyed_rig):
    """A row to delete that names nothing is a defect that is told, and its batch is not published."""
    script().steps = {"left": [([state(1)], [{"version": 1}])]}
    process = keyed_rig.run_once()
    (left, right) = process.worker.health()["connectors"]["feed"]["tasks"]
    assert (left["state"], right["state"]) == ("FAILED", "STOPPED"), right["message"]
    assert "row 0 of a batch's deletes has no key" in left["message"]
    assert standing(keyed_rig) == {}


@pytest.mark.parametrize(("at_once", "hold_secs", "expected"), [(1, 0.5, 1), (2, 20, 2)])
def test_streams_take_turns(keyed_rig, at_once, hold_secs, expected):
    """With tasks.max 1 no two streams of a connector are ever polled at once, and they go in order; with 2 they are."""
    keyed_rig.settings |= {"tasks.max": at_once, "hold_secs": hold_secs, "hold_until": 2}
    keyed_rig.run_once()
    assert max(map(len, script().together)) == expected
    if at_once == 1:
        assert script().order == ["left", "right"]


def test_a_task_reads_back_what_stands(keyed_rig):
    """The newest record of each key that answers is given; older ones, deleted ones and those that do not answer are not."""
    script().steps = {
        "left": [
            ([state(1), state(2), state(3), state(4)], []),
            ([state(1, version=2), state(3, version=9), state(5)], [{"id": 2}]),
        ]
    }
    began_ms = int(time.time() * 1000) - 1000
    keyed_rig.run_once()
    script().steps = {}
    script().ask = (("id", "version"), lambda table: pc.less(table["version"], 9))
    keyed_rig.run_once()
    answer = script().answers[0]
    assert sorted((row["id"], row["version"]) for row in answer.to_pylist()) == [(1, 2), (4, 1), (5, 1)]
    assert answer.schema.names == ["id", "version"]
    script().ask = (("id",), lambda table: pc.greater(table["published_ms"], began_ms))
    keyed_rig.run_once()
    assert sorted(script().answers[-1]["id"].to_pylist()) == [1, 3, 4, 5]
    script().ask = (("id",), lambda table: pc.greater(table["published_ms"], began_ms + HOUR_MS))
    keyed_rig.run_once()
    assert script().answers[-1].num_rows == 0


def test_reading_back_from_an_empty_topic_gives_nothing(keyed_rig):
    """Before the first record there are rows of no kind, with the columns asked for."""
    script().ask = (("id", "version"), lambda table: pc.is_valid(table["id"]))
    keyed_rig.run_once()
    assert [(answer.num_rows, answer.schema.names) for answer in script().answers] == [(0, ["id", "version"])] * 2


def test_a_look_back_leaves_out_what_was_published_whatever_its_event_time(keyed_rig):
    """What a keyed stream published since the look-back's begin is recognised by its identity, though it tells of long ago."""
    script().published_since = int(time.time() * 1000) - HOUR_MS
    script().steps = {"left": [([state(1), state(2)], [])]}
    keyed_rig.run_once()
    script().steps["left"].append(([state(1), state(2, version=2), state(3)], []))
    keyed_rig.run_once()
    assert standing(keyed_rig) == {1: 1, 2: 2, 3: 1}
    assert len(messages(keyed_rig)) == 4
    assert [run["filtered"] for run in keyed_rig.runs() if run["stream"] == "left"] == [0, 1]


def test_a_cursor_reset_by_hand_is_honoured(keyed_rig):
    """After a null in the offsets topic the stream begins anew; the other one goes on where it was."""
    script().steps = {"left": [([state(1)], [])], "right": [([state(10)], [])]}
    keyed_rig.run_once()
    reset_by_hand(keyed_rig, "left")
    assert cursors(keyed_rig) == {"left": None, "right": {"step": 1, "published_since": None}}
    script().cursors.clear()
    keyed_rig.run_once()
    assert sorted(script().cursors, key=str) == [1, None]


def delete_topic(rig, *, make_again: bool = False, **settings) -> None:
    admin = AdminClient({"bootstrap.servers": rig.bootstrap})
    topic = f"{rig.prefix}scripted.state"
    admin.delete_topics([topic])[topic].result(30)
    while topic in admin.list_topics(timeout=10).topics:
        time.sleep(0.1)
    if make_again:
        admin.create_topics([NewTopic(topic, 3, config=settings)])[topic].result(30)


def test_a_deleted_state_topic_is_filled_again(keyed_rig):
    """Cursors that stand behind records which are gone count no more: every stream that wrote them reads everything again."""
    script().steps = {"left": [([state(1)], [])], "right": [([state(10)], [])]}
    keyed_rig.run_once()
    delete_topic(keyed_rig)
    script().cursors.clear()
    keyed_rig.run_once()
    assert script().cursors == [None, None]
    assert standing(keyed_rig) == {1: 1, 10: 1}
    keyed_rig.run_once()
    assert script().cursors == [None, None, 1, 1]


def test_a_state_topic_that_somebody_replaced_is_noticed_by_each_stream(keyed_rig):
    """Made again by others and written to by one stream already, the topic is still told from the one the other's cursor stands behind."""
    script().steps = {"left": [([state(1)], [])], "right": [([state(10)], [])]}
    keyed_rig.run_once()
    delete_topic(keyed_rig, make_again=True, **{"cleanup.policy": "compact"})
    producer = Producer({"bootstrap.servers": keyed_rig.bootstrap})
    producer.produce(f"{keyed_rig.prefix}scripted.state", None, b"99")
    producer.flush(10)
    script().cursors.clear()
    keyed_rig.run_once()
    assert script().cursors == [None, None]
    assert standing(keyed_rig) == {1: 1, 10: 1}


def test_a_topic_replaced_while_the_connector_runs_is_filled_again(keyed_rig):
    """The same process notices at the next run, and no cursor is lost for a stream whose topic stands."""
    script().steps = {"left": [([state(1)], [])], "right": [([state(10)], [])]}
    keyed_rig.settings |= {"poll.interval.secs": 0.3}

    async def scenario() -> None:
        async with keyed_rig.process(once=False) as process, asyncio.timeout(60):
            work = asyncio.create_task(process.worker.run())
            await until(lambda: script().cursors.count(1) >= 2)
            await asyncio.to_thread(delete_topic, keyed_rig, make_again=True, **{"cleanup.policy": "compact"})
            seen = len(script().cursors)
            await until(lambda: script().cursors[seen:].count(None) >= 2 and script().cursors[-1] == 1)
            process.worker.stop()
            await work

    asyncio.run(scenario())
    assert standing(keyed_rig) == {1: 1, 10: 1}


def test_a_topic_that_would_forget_is_refused(keyed_rig):
    """A topic of state that somebody made with a retention is told, before anything is lost in it."""
    admin = AdminClient({"bootstrap.servers": keyed_rig.bootstrap})
    topic = f"{keyed_rig.prefix}scripted.state"
    admin.create_topics([NewTopic(topic, 3, config={"cleanup.policy": "delete"})])[topic].result(30)
    process = keyed_rig.run_once()
    told = process.worker.health()["connectors"]["feed"]["tasks"][0]["message"]
    assert f"topic '{topic}' has cleanup.policy=delete, which would lose records that are not written again" in told


def test_a_message_of_somebody_else_is_passed_over_and_told(keyed_rig):
    """What is none of our records stops neither a look back nor a look at what stands; where it lies stands in the log."""
    script().published_since = int(time.time() * 1000) - HOUR_MS
    script().steps = {"left": [([state(1), state(2)], [])]}
    keyed_rig.run_once()
    producer = Producer({"bootstrap.servers": keyed_rig.bootstrap})
    for value in (b"hello", b"", b"\0\0\0\0\1\xff"):
        producer.produce(f"{keyed_rig.prefix}scripted.state", value, b"strange")
    producer.flush(10)
    script().steps["left"].append(([state(2), state(3)], []))
    script().ask = (("id",), lambda table: pc.is_valid(table["id"]))
    process = keyed_rig.run_once()
    assert not process.worker.failed
    assert sorted(script().answers[0]["id"].to_pylist()) == [1, 2]
    assert [run["filtered"] for run in keyed_rig.runs() if run["stream"] == "left"] == [0, 1]


def test_what_has_ended_may_be_published_again(keyed_rig):
    """A look-back does not take for published what was ended since, though the same version of it was."""
    script().published_since = int(time.time() * 1000) - HOUR_MS
    script().steps = {"left": [([state(1), state(2)], []), ([], [{"id": 1}])]}
    keyed_rig.run_once()
    script().steps["left"].append(([state(1), state(2)], []))
    keyed_rig.run_once()
    assert standing(keyed_rig) == {1: 1, 2: 1}
    assert [run["filtered"] for run in keyed_rig.runs() if run["stream"] == "left"] == [0, 1]


def test_defaults_of_a_source_hold_unless_the_operator_says_otherwise(keyed_rig):
    """What a source sets is used, one option of a group without the others, and any word of a schedule replaces its schedule."""
    (left,) = load([keyed_rig.file()], environ={}, plugins=keyed_rig.plugins).connectors
    assert (left.settings.freshness_target_secs, left.settings.poll_cron, left.settings.http.retry_max_attempts) == (
        1234,
        "0 0/1 * * *",
        2,
    )
    keyed_rig.settings |= {"poll.interval.secs": 5, "freshness.target.secs": 60, "http.read.timeout.secs": 7}
    (left,) = load([keyed_rig.file()], environ={}, plugins=keyed_rig.plugins).connectors
    assert (left.settings.poll_cron, left.settings.poll_interval_secs, left.settings.freshness_target_secs) == (None, 5, 60)
    assert (left.settings.http.retry_max_attempts, left.settings.http.read_timeout_secs) == (2, 7)
