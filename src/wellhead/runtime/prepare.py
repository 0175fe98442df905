"""Takes a task's batch, gives the bytes and dead letters to produce for it; every record is in one of them or counted (I3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from wellhead.api import Batch, Cursor, Reject, Stream
from wellhead.avro.conform import conform
from wellhead.avro.encode import Encoder
from wellhead.avro.keys import key_bytes
from wellhead.avro.rejects import BadRow
from wellhead.avro.rows import to_batch
from wellhead.avro.rowtext import row_bytes
from wellhead.avro.shape import Column
from wellhead.errors import PermanentError
from wellhead.runtime.backfill import OUTSIDE
from wellhead.runtime.replay import SeenRecords
from wellhead.telemetry.stage import Stage
from wellhead.transforms import Transform

# What a value costs in memory besides its bytes, as a Python object and in librdkafka's queue.
VALUE_OVERHEAD_BYTES = 64
OVERSIZE = "oversize"
"""The class of reason of what a topic cannot take."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A record on its way to the dead-letter topic.

    Attributes:
        raw: Its bytes: the vendor's at stage poll, the row as text at stage encode, the message at stage produce.
        stage: The stage that refused it.
        reason: Why.
        field: The field that is wrong, where it is one.
        context: What its source needs beside the raw bytes to read them again.
        cut: Whether `raw` is only the beginning of it.
        transformed: Whether it went through the transforms already.
    """

    raw: bytes
    stage: Stage
    reason: str
    field: str | None = None
    context: bytes = b""
    cut: bool = False
    transformed: bool = False

    @property
    def word(self) -> str:
        """The class of its reason, for a metric's label: the field that is wrong, or a word for what is wrong as a whole."""
        return self.field or ("cut" if self.cut else "unreadable")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch ready to be produced; `values`, `keys` and `timestamps_ms` are aligned, `deletes` are keys of tombstones.

    `newest_ms` is the newest event time in it, epoch ms; `nbytes` what it holds in memory.
    """

    cursor: Cursor
    values: list[bytes] = field(default_factory=list)
    keys: list[bytes | None] | None = None
    timestamps_ms: list[int] | None = None
    deletes: Sequence[bytes] = ()
    letters: Sequence[Letter] = ()
    filtered: dict[str, int] = field(default_factory=dict)
    drifted: int = 0
    newest_ms: int | None = None
    nbytes: int = 0

    @property
    def accounted(self) -> int:
        """How many records the vendor gave in it: produced, dead-lettered and filtered together."""
        return len(self.values) + len(self.letters) + sum(self.filtered.values())


@dataclass(frozen=True, slots=True)
class Transformed:
    """A batch that fits the schema and went through its transforms; not yet encoded.

    Attributes:
        cursor: The cursor after it.
        table: What is left of it.
        letters: What did not fit.
        deletes: Keys whose records have ended.
        filtered: What was left out, by reason.
        drifted: How many of its values have a field name the schema does not know.
        newest_ms: The newest event time the vendor gave in it, epoch ms, left out since or not.
    """

    cursor: Cursor
    table: pa.RecordBatch
    letters: list[Letter]
    deletes: list[bytes]
    filtered: dict[str, int]
    drifted: int
    newest_ms: int | None


class Preparer:
    """Turns batches of one stream into Avro: transform, de-duplicate on replay, encode. CPU work; runs on a worker thread.

    Args:
        stream: Whose batches.
        encoder: Makes the bytes.
        transforms: What records go through, in order.
        event_timestamps: Whether a message's time is its record's.
        within: Of a backfill the event times to keep, epoch ms, the last left out.
    """

    def __init__(
        self,
        stream: Stream,
        encoder: Encoder,
        transforms: Sequence[Transform] = (),
        *,
        event_timestamps: bool = False,
        within: tuple[int, int] | None = None,
    ) -> None:
        self._event_timestamps = event_timestamps
        self._within = within
        self._stream = stream
        self._encoder = encoder
        self._transforms = transforms

    def transform(self, batch: Batch[Any], seen: SeenRecords | None) -> Transformed:
        """Give what is to be encoded of `batch`; with `seen`, records and letters that were published before are counted, not kept.

        Raises:
            PermanentError: A transform failed, or gave more than it got, or a delete has no key.
        """
        letters = [_letter_of(reject) for reject in batch.rejects]
        filtered = dict(batch.filtered)
        table, bad = self._conform(batch)
        letters += [_letter(row) for row in bad]
        if seen is not None and seen.letters is not None:
            before = len(letters)
            letters = seen.letters.unseen(letters)
            _count(filtered, "duplicate", before - len(letters))
        drifted, newest_ms = _drifted(table), self._newest_ms(table)
        if self._within is not None and self._stream.time is not None:
            before = table.num_rows
            table = _between(table, self._stream.time, *self._within)
            _count(filtered, OUTSIDE, before - table.num_rows)
        for transform in self._transforms:
            before = table.num_rows
            table = transform.apply(table)
            _count(filtered, transform.name, before - table.num_rows)
        # The topic holds records as transforms leave them, so they come first; they keep what names a record.
        if seen is not None:
            before = table.num_rows
            table = seen.unseen(table)
            _count(filtered, "duplicate", before - table.num_rows)
        return Transformed(batch.cursor, table, letters, self._deletes(batch), filtered, drifted, newest_ms)

    def encode(self, batch: Transformed) -> Prepared:
        """Give what must be produced for a batch."""
        encoded = self._encoder.encode(batch.table)
        letters = [*batch.letters, *(_letter(row, transformed=bool(self._transforms)) for row in encoded.rejects)]
        table, values = encoded.table, encoded.values
        return Prepared(
            cursor=batch.cursor,
            values=values,
            keys=key_bytes(table, self._stream.key) if self._stream.key and values else None,
            timestamps_ms=self._timestamps_ms(table) if values else None,
            deletes=batch.deletes,
            letters=letters,
            filtered=batch.filtered,
            drifted=batch.drifted,
            newest_ms=batch.newest_ms,
            nbytes=encoded.nbytes
            + sum(map(len, batch.deletes))
            + (len(values) + len(batch.deletes)) * VALUE_OVERHEAD_BYTES
            + sum(len(letter.raw) + len(letter.context) for letter in letters),
        )

    def _deletes(self, batch: Batch[Any]) -> list[bytes]:
        """Give the keys of the rows to delete."""
        rows = batch.deletes
        if not len(rows):
            return []
        if not self._stream.key or self._stream.cleanup != "compact":
            msg = f"stream {self._stream.name} deletes records, but only a stream with key columns and cleanup 'compact' can"
            raise PermanentError(msg)
        if not isinstance(rows, pa.RecordBatch):
            rows = pa.RecordBatch.from_pylist([{name: row.get(name) for name in self._stream.key} for row in rows])
        if any(rows.column(name).type == pa.null() for name in self._stream.key):
            keys: list[bytes | None] = [None]
        else:
            keys = key_bytes(rows, self._stream.key)
        if None in keys:
            raise PermanentError(f"stream {self._stream.name}: row {keys.index(None)} of a batch's deletes has no key")
        return [key for key in keys if key is not None]

    def _conform(self, batch: Batch[Any]) -> tuple[pa.RecordBatch, Sequence[BadRow]]:
        schema = self._encoder.schema
        if isinstance(batch.table, pa.RecordBatch):
            return conform(batch.table, schema)
        return to_batch(batch.table, schema)

    def _newest_ms(self, table: pa.RecordBatch) -> int | None:
        if self._stream.time is None:
            return None
        newest: int | None = pc.max(_epoch_ms(table.column(self._stream.time))).as_py()
        return newest

    def _timestamps_ms(self, table: pa.RecordBatch) -> list[int] | None:
        if self._stream.time is None or not self._event_timestamps:
            return None
        # A null time becomes 0, which librdkafka reads as "now".
        times: list[int] = _epoch_ms(table.column(self._stream.time)).fill_null(0).to_pylist()
        return times


def _letter_of(reject: Reject) -> Letter:
    return Letter(reject.raw, Stage.POLL, reject.reason, reject.field, reject.context, reject.cut)


def _letter(row: BadRow, *, transformed: bool = False) -> Letter:
    return Letter(row_bytes(row.row), Stage.ENCODE, row.reason, row.field, transformed=transformed)


def _count(filtered: dict[str, int], reason: str, dropped: int) -> None:
    if dropped < 0:
        msg = f"transform {reason} made {-dropped} records more than it got: a transform may change or leave out, never add"
        raise PermanentError(msg)
    if dropped:
        filtered[reason] = filtered.get(reason, 0) + dropped


def _between(table: pa.RecordBatch, time: str, from_ms: int, to_ms: int) -> pa.RecordBatch:
    """Give the rows of a span of event time; one without a time is of any."""
    moments = _epoch_ms(table.column(time))
    since: Any = pc.greater_equal(moments, pa.scalar(from_ms))
    until: Any = pc.less(moments, pa.scalar(to_ms))
    return table.filter(pc.fill_null(pc.and_(since, until), True))


def _epoch_ms(column: Column) -> Column:
    return column.cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64())


def _drifted(table: pa.RecordBatch) -> int:
    """Count the vendor fields in the batch that the schema does not know."""
    at = table.schema.get_field_index("extensions")
    if at < 0 or not pa.types.is_map(table.schema.field(at).type):
        return 0
    column = table.column(at)
    if column.null_count == len(column):
        return 0
    return sum(len(entries) for entries in column.to_pylist() if entries)
