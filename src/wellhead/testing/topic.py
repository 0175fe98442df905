"""Takes the batches of a keyed stream in the order they were committed, gives what its compacted topic would then hold; never needs Kafka."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from wellhead.api import Cursor, Stream
from wellhead.runtime.readback import PUBLISHED_MS
from wellhead.runtime.replay import CLOCK_SKEW_MS, SeenRecords

if TYPE_CHECKING:
    from wellhead.api import Keep

Key = tuple[Any, ...]


@dataclass(slots=True)
class Step:
    """One batch as it would be committed: its records (conformed), its rejects, the keys it ends, and the cursor after it."""

    table: pa.RecordBatch
    rejects: list[bytes]
    refused: int
    cursor: Cursor
    ended: list[Key] = field(default_factory=list)
    published_ms: int = 0


class CompactedTopic:
    """The newest record of each key that has not ended.

    Args:
        stream: Whose topic it is.
        steps: Its batches; of each, what it ends comes behind what it publishes.
    """

    def __init__(self, stream: Stream, steps: Sequence[Step]) -> None:
        self._stream = stream
        self._steps = steps
        self._place: dict[Key, tuple[int, int]] = {}
        for number, step in enumerate(steps):
            self._place |= {key: (number, row) for row, key in enumerate(self._keys(step))}
            for key in step.ended:
                self._place.pop(key, None)

    def records(self) -> pa.Table:
        """Give the records, each with when it was published in the column `published_ms`."""
        wanted: dict[int, list[int]] = {}
        for number, row in self._place.values():
            wanted.setdefault(number, []).append(row)
        parts = [_dated(self._steps[number], sorted(rows)) for number, rows in sorted(wanted.items())]
        return pa.Table.from_batches(parts) if parts else pa.table({})

    async def read_back(self, columns: Sequence[str], keep: Keep) -> pa.RecordBatch:
        """Answer as the runtime does, see `wellhead.api.ReadBack`."""
        records = self.records()
        if not records.num_rows:
            return pa.RecordBatch.from_pylist([], schema=pa.schema([(name, pa.null()) for name in columns]))
        whole = records.select([*columns, PUBLISHED_MS]).combine_chunks().to_batches()[0]
        return whole.filter(keep(whole)).select(list(columns))

    def seen(self, from_ms: int) -> SeenRecords:
        """Give the identities of what was published since `from_ms` under keys that stand, as the runtime reads them back."""
        since_ms = from_ms - CLOCK_SKEW_MS
        steps = [step for step in self._steps if step.published_ms >= since_ms]
        return SeenRecords(self._stream.identity, [self._standing(step) for step in steps])

    def _standing(self, step: Step) -> pa.RecordBatch:
        return step.table.filter(pa.array([key in self._place for key in self._keys(step)], pa.bool_()))

    def _keys(self, step: Step) -> list[Key]:
        return list(zip(*(step.table.column(name).to_pylist() for name in self._stream.key), strict=True))


def _dated(step: Step, rows: list[int]) -> pa.RecordBatch:
    table = step.table.take(pa.array(rows, pa.int64()))
    return table.append_column(PUBLISHED_MS, pa.array([step.published_ms] * len(rows), pa.int64()))
