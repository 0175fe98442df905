"""Proves on a real broker that a lookup state equals what the topic says, through crashes, replaced topics and lost files."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from wellhead.avro.decode import Decoder
from wellhead.clock import SystemClock
from wellhead.consumers.consumer import TopicConsumer
from wellhead.consumers.lookup import follow as module
from wellhead.consumers.lookup.follow import CaughtUp, follow
from wellhead.consumers.lookup.state import Layout, LookupState

LAYOUT = Layout(pa.schema([pa.field("update_id", pa.int64()), pa.field("value", pa.string())]), "update_id", "integer")
CLOCK = SystemClock()


class CrashError(Exception):
    """The process dies here."""


def opened(folder: Path, **more: Any) -> LookupState:
    return LookupState.open(folder / "state.duckdb", LAYOUT, clock=CLOCK, **more)


def catch_up(topic: Any, state: LookupState) -> CaughtUp:
    with TopicConsumer(topic.consumer_config, topic.name, clock=CLOCK) as consumer:
        (caught_up,) = follow(state, consumer, Decoder(topic.registry.schema_text))
    return caught_up


def held(state: LookupState) -> list[tuple[int, int, str]]:
    return sorted(state.connection.execute("SELECT _key, update_id, value FROM rows").fetchall())


def test_the_state_is_what_the_topic_says(topics: Callable[..., Any], tmp_path: Path) -> None:
    """Newest by update id, tombstoned keys gone, aborted records never seen; a second run learns only what is new."""
    topic = topics()
    topic.write([(1, 10, "a"), (2, 11, "b"), (3, 12, "c"), (1, 9, "older")])
    topic.write([(4, 13, "never"), 1], commit=False)
    topic.write([2, (3, 14, "cc")])
    with opened(tmp_path) as state:
        first = catch_up(topic, state)
        assert (first.messages, first.changed, first.removed, first.rebuilt) == (6, 2, 0, None)
        assert held(state) == [(1, 10, "a"), (3, 14, "cc")]
        topic.write([(2, 15, "back"), 3, (1, 8, "older")])
        second = catch_up(topic, state)
        assert (second.messages, second.changed, second.removed) == (3, 1, 1)
        assert held(state) == [(1, 10, "a"), (2, 15, "back")]
        assert catch_up(topic, state).messages == 0
        assert state.position().complete


@pytest.mark.parametrize("step", ["begun", "removed", "inserted", "placed", "committed"])
def test_a_crash_neither_loses_nor_doubles(topics: Callable[..., Any], tmp_path: Path, monkeypatch: Any, step: str) -> None:
    """Killed at any step of the third merge, the next run goes on where the state stands and ends with the truth."""
    monkeypatch.setattr(module, "MERGE_ROWS", 5)
    monkeypatch.setattr("wellhead.consumers.consumer.BATCH", 5)
    topic = topics()
    topic.write([(key, 1, "a") for key in range(8)])
    topic.write([*[(key, 2, "b") for key in range(0, 8, 2)], *range(1, 8, 3), *[(key, 3, "c") for key in range(4, 6)]])
    truth = [(0, 2, "b"), (2, 2, "b"), (3, 1, "a"), (4, 3, "c"), (5, 3, "c"), (6, 2, "b")]
    seen: list[str] = []

    def dies(name: str) -> None:
        seen.append(name)
        if name == step and seen.count(step) == min(3, 2 if step == "removed" else 3):
            raise CrashError

    with opened(tmp_path, step=dies) as state, pytest.raises(CrashError):
        catch_up(topic, state)
    with opened(tmp_path) as state:
        position = state.position()
        assert 0 < position.offsets[0] < 18
        assert not position.complete
        rest = catch_up(topic, state)
        assert rest.rebuilt is None
        assert 0 < rest.messages < 17
        assert held(state) == truth


def test_a_topic_made_again_rebuilds(topics: Callable[..., Any], tmp_path: Path) -> None:
    """What came of a topic that was deleted is thrown away; the new topic counts alone."""
    topic = topics()
    topic.write([(1, 10, "a"), (2, 11, "b")])
    with opened(tmp_path) as state:
        catch_up(topic, state)
        topic.delete()
        topic.make()
        topic.write([(2, 1, "of another topic")])
        again = catch_up(topic, state)
        assert "made again" in str(again.rebuilt)
        assert held(state) == [(2, 1, "of another topic")]
        assert catch_up(topic, state).rebuilt is None


def test_history_that_is_gone_rebuilds(topics: Callable[..., Any], tmp_path: Path) -> None:
    """Where messages were deleted before they were read, the state is built again from what is there."""
    topic = topics(1, cleanup_policy="compact,delete")
    topic.write([(1, 10, "a"), (2, 11, "b")])
    with opened(tmp_path) as state:
        catch_up(topic, state)
        topic.write([1, (3, 12, "c"), (4, 13, "d")])
        topic.cut(4)
        again = catch_up(topic, state)
        assert "deleted before they were read" in str(again.rebuilt)
        assert held(state) == [(3, 12, "c"), (4, 13, "d")]


def test_a_lost_or_damaged_file_is_rebuilt(topics: Callable[..., Any], tmp_path: Path) -> None:
    """Without its file the state is read anew from the topic; with a damaged one, too, and the run says why, once."""
    topic = topics()
    topic.write([(1, 10, "a"), 1, (2, 11, "b")])
    with opened(tmp_path) as state:
        catch_up(topic, state)
    (tmp_path / "state.duckdb").unlink()
    with opened(tmp_path) as state:
        assert catch_up(topic, state).messages == 3
    (tmp_path / "state.duckdb").write_bytes(b"damaged" * 1000)
    with opened(tmp_path) as state:
        assert "cannot be read" in str(catch_up(topic, state).rebuilt)
        assert catch_up(topic, state).rebuilt is None
        assert held(state) == [(2, 11, "b")]


def test_what_is_no_record_is_passed_over_and_told(topics: Callable[..., Any], tmp_path: Path) -> None:
    """A message without a key, or that was never framed as ours, stops nothing, alone or among records; its place is told."""
    topic = topics(1, cleanup_policy="delete")
    told: list[str] = []
    with opened(tmp_path) as state:
        for write in (
            lambda: topic.write([(1, 10, "a")]),
            lambda: topic.raw(None, b"x"),
            lambda: (topic.raw(b"2", b"not framed"), topic.write([(3, 12, "c")])),
        ):
            write()
            with TopicConsumer(topic.consumer_config, topic.name, clock=CLOCK) as consumer:
                list(follow(state, consumer, Decoder(topic.registry.schema_text), on_foreign=told.append))
        assert held(state) == [(1, 10, "a"), (3, 12, "c")]
    assert [text.split(":")[0] for text in told] == [f"topic {topic.name!r}, partition 0, offset {at}" for at in (2, 4)]


def test_follows_until_told_to_stop(topics: Callable[..., Any], tmp_path: Path) -> None:
    """Following, each stretch of news is merged and told; told to stop, it ends between two merges without an error."""
    topic = topics()
    topic.write([(1, 10, "a")])
    stop = threading.Event()
    told: list[CaughtUp] = []
    with (
        opened(tmp_path) as state,
        TopicConsumer(topic.consumer_config, topic.name, clock=CLOCK, stop=stop) as consumer,
    ):
        for caught_up in follow(state, consumer, Decoder(topic.registry.schema_text), ever=True):
            told.append(caught_up)
            if state.rows() == 1 and sum(one.messages for one in told) == 1:
                topic.write([(2, 11, "b"), 1])
            elif sum(one.messages for one in told) == 3:
                stop.set()
        assert held(state) == [(2, 11, "b")]
    assert sum(one.removed for one in told) == 1
