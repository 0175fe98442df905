"""Takes a job's plan, claims and progress, gives their records in the job's topic and back; never reads or writes the topic.

One compacted topic holds a job. Its first partition has the job and the plan; slice `n` and its progress stand in partition `n mod
partitions`, so that whoever owns a partition owns its slices. Keys::

    job                     what is copied
    plan                    how many slices there are; written last, so what it counts is there
    slice/<n>               one slice
    claim/<partition>       who owns the partition; the record's offset is the owner's epoch
    progress/<n>/<epoch>    how far a slice is; a former owner writes under another key, so it cannot undo what its successor wrote
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import orjson

from wellhead.migration.copy.slices import Slice
from wellhead.migration.copy.tally import Progress

JOB = "job"
PLAN = "plan"
_WIDTH = 7


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the topic.

    Attributes:
        key: Its key.
        value: Its JSON; None removes it.
        partition: Where it goes.
    """

    key: str
    value: bytes | None
    partition: int


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """What the plan says.

    Attributes:
        epoch: Of the ownership under which it was made; slices of another plan do not count.
        slices: How many there are.
        docs: How many documents they had.
        at_ms: When it was made.
    """

    epoch: int
    slices: int
    docs: int
    at_ms: int = 0


def plan_records(entry: PlanEntry, slices: tuple[Slice, ...], partitions: int) -> list[Record]:
    """Give the records of a plan, the one that makes it valid last."""
    content = [(each.number, {"plan": entry.epoch, **each.fields()}) for each in slices]
    records = [Record(f"slice/{number:0{_WIDTH}}", orjson.dumps(value), number % partitions) for number, value in content]
    return [*records, Record(PLAN, orjson.dumps(asdict(entry)), 0)]


def claim_record(partition: int, member: str) -> Record:
    """Give the record by which `member` says that a partition is its."""
    return Record(f"claim/{partition}", orjson.dumps({"member": member}), partition)


def progress_record(progress: Progress, partitions: int) -> Record:
    """Give the record of one checkpoint."""
    return Record(progress_key(progress.slice, progress.epoch), orjson.dumps(progress.fields()), progress.slice % partitions)


def forget_record(progress: Progress, partitions: int) -> Record:
    """Give the record that removes what a former owner wrote."""
    return Record(progress_key(progress.slice, progress.epoch), None, progress.slice % partitions)


def progress_key(slice_number: int, epoch: int) -> str:
    """Give the key of a slice's progress under one ownership."""
    return f"progress/{slice_number:0{_WIDTH}}/{epoch}"


def content_of(value: bytes) -> dict[str, Any]:
    """Give the JSON object of a record.

    Raises:
        ValueError: It is none.
    """
    content = orjson.loads(value)
    if not isinstance(content, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one error for bad bytes
    return content
