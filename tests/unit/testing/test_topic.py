"""Takes batches as they were committed, proves that the model of a compacted topic holds what a real one would."""

from __future__ import annotations

import asyncio
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from wellhead.api import Cursor, SourceTask, Stream
from wellhead.runtime.replay import CLOCK_SKEW_MS
from wellhead.testing.topic import CompactedTopic, Step

STREAM = Stream(
    name="states",
    task=SourceTask,
    cursor=Cursor,
    subject="s",
    description="d",
    key=("id",),
    identity=("id", "rev"),
    cleanup="compact",
)


def step(rows: list[tuple[int, int]], ended: tuple[int, ...] = (), at_ms: int = 0) -> Step:
    ids, revs = zip(*rows, strict=True) if rows else ((), ())
    table = pa.RecordBatch.from_pydict({"id": pa.array(ids, pa.int64()), "rev": pa.array(revs, pa.int64())})
    return Step(table, [], 0, Cursor(), [(key,) for key in ended], at_ms)


def states(*steps: Step) -> list[tuple[int, int, int]]:
    rows = CompactedTopic(STREAM, steps).records().to_pylist()
    return sorted((row["id"], row["rev"], row["published_ms"]) for row in rows)


def test_the_newest_record_of_a_key_stands() -> None:
    """Within a batch and over batches the last one wins, with the time it was published."""
    assert states(step([(1, 1), (2, 1), (1, 2)], at_ms=5), step([(2, 3)], at_ms=9)) == [(1, 2, 5), (2, 3, 9)]


def test_an_end_stands_behind_its_batch() -> None:
    """A batch's deletes end its own records too; what is published later stands again; an end of nothing is nothing."""
    assert states(step([(1, 1), (2, 1)], ended=(1, 7)), step([(1, 2)])) == [(1, 2, 0), (2, 1, 0)]
    assert states(step([], ended=(1,))) == []


def read_back(steps: list[Step], keep: Any) -> list[dict[str, Any]]:
    return asyncio.run(CompactedTopic(STREAM, steps).read_back(["rev"], keep)).to_pylist()


def test_reading_back_asks_about_what_stands_and_when_it_was_published() -> None:
    """Only the named columns of the records that are kept come back."""
    steps = [step([(1, 1), (2, 1)], at_ms=5), step([(2, 3), (3, 4)], ended=(3,), at_ms=9)]
    late = read_back(steps, lambda batch: pc.greater(batch.column("published_ms"), pa.scalar(5)))
    assert late == [{"rev": 3}]
    assert read_back([], lambda batch: pc.is_valid(batch.column("rev"))) == []


def test_replay_knows_all_that_was_published_since() -> None:
    """As the runtime does, it counts what has been replaced but not what has ended since, and allows for the skew of clocks."""
    steps = [
        step([(1, 1)], at_ms=0),
        step([(2, 1), (3, 1)], ended=(2,), at_ms=CLOCK_SKEW_MS),
        step([(3, 2)], at_ms=2 * CLOCK_SKEW_MS),
    ]
    again = step([(1, 1), (2, 1), (3, 1), (4, 1)]).table
    unseen = CompactedTopic(STREAM, steps).seen(2 * CLOCK_SKEW_MS).unseen(again)
    assert unseen.column("id").to_pylist() == [1, 2, 4]
