"""Takes Confluent-framed messages, gives one Arrow batch in the newest schema's columns; never drops a message it cannot read.

Each message is decoded with the schema it was written with, whole columns at a time, and its columns then taken to the
reader's. Where columns are not enough (`fixed`, `decimal`, resolutions inside records), fastavro reads message by message.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
import pyruhvro
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException

from wellhead.avro.physical import to_logical
from wellhead.avro.resolve import resolvable, resolve
from wellhead.avro.rows import to_batch
from wellhead.avro.schema import Schema
from wellhead.avro.shape import with_null
from wellhead.errors import PermanentError

HEADER_BYTES = 5
HEADER_FIELDS = ({"name": "magic_", "type": "int"}, {"name": "id_", "type": "float"})
"""The five header bytes, read as one number of one byte and one of four, so that messages need not be cut."""

MAX_CHUNKS = 4
ROWS_WORTH_A_CHUNK = 1000


class Decoder:
    """Decodes batches of messages of one topic.

    Args:
        lookup: Gives the text of the schema registered under an id; asked once an id.
        reader: The schema whose columns to give; None means the one with the highest id met so far.
    """

    def __init__(self, lookup: Callable[[int], str], reader: Schema | None = None) -> None:
        self._lookup = lookup
        self._reader = reader
        self._newest_id = 0
        self._writers: dict[int, _Writer] = {}

    def decode(self, values: Sequence[bytes], columns: Sequence[str] | None = None) -> pa.RecordBatch:
        """Decode `values`, in order; give only `columns` where named.

        Tombstones are not messages: leave them out before.

        Raises:
            PermanentError: A message is not framed, is damaged, or cannot be read with the reader's schema; names its index.
            TemporaryError: The registry could not be asked.
        """
        messages = list(values)
        ids = _ids_of(messages)
        reader = self._reader_of(ids)
        found = [int(schema_id) for schema_id in np.unique(ids)]
        if len(found) <= 1:
            every = range(len(messages))
            batch = self._writer(found[0]).read(messages, reader, every, columns) if found else _nothing(reader)
        else:
            batch = self._groups(messages, ids, found, reader)
        return batch if columns is None or batch.schema.names == list(columns) else batch.select(list(columns))

    def _reader_of(self, ids: np.ndarray[Any, np.dtype[np.int64]]) -> Schema:
        if self._reader is not None:
            return self._reader
        self._newest_id = max(self._newest_id, int(ids.max(initial=0)))
        if self._newest_id == 0:
            raise PermanentError("nothing to decode and no schema to give columns by. Name the reader's schema.")
        return self._writer(self._newest_id).schema

    def _groups(self, messages: list[bytes], ids: Any, found: list[int], reader: Schema) -> pa.RecordBatch:
        order, batches = [], []
        for schema_id in found:
            mine = np.flatnonzero(ids == schema_id)
            order.append(mine)
            batches.append(self._writer(schema_id).read([messages[index] for index in mine], reader, mine.tolist()))
        whole = _joined(batches)
        return whole.take(np.argsort(np.concatenate(order), kind="stable"))

    def _writer(self, schema_id: int) -> _Writer:
        if schema_id not in self._writers:
            self._writers[schema_id] = _Writer(Schema(f"id {schema_id}", 0, self._lookup(schema_id)))
        return self._writers[schema_id]


class _Writer:
    """Reads the messages written with one schema."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        parts = zip(schema.names, schema.shape.children, strict=True)
        fields = [*HEADER_FIELDS, *({"name": name, "type": with_null(shape)} for name, shape in parts)]
        self._plan = json.dumps({"type": "record", "name": "plan", "fields": fields})

    def read(
        self, messages: list[bytes], reader: Schema, indexes: Sequence[int], columns: Sequence[str] | None = None
    ) -> pa.RecordBatch:
        """Give the messages in the reader's columns; only `columns` of them where that saves work."""
        if not (self.schema.shape.columnar and resolvable(self.schema, reader)):
            return self._one_by_one(messages, reader, indexes)
        is_same = self.schema.text == reader.text
        try:
            batch = self._columns(messages, columns if is_same else None)
        except (ValueError, UnicodeDecodeError) as error:
            raise self._damaged(messages, indexes) from error
        return batch if is_same else resolve(batch, self.schema, reader)

    def _columns(self, messages: list[bytes], wanted: Sequence[str] | None = None) -> pa.RecordBatch:
        """Decode every column and look at its bytes; join only those that are wanted."""
        chunks = min(MAX_CHUNKS, 1 + len(messages) // ROWS_WORTH_A_CHUNK)
        parts = []
        for physical in pyruhvro.deserialize_array_threaded(messages, self._plan, chunks):
            body = zip(physical.columns[len(HEADER_FIELDS) :], self.schema.shape.children, strict=True)
            part = pa.RecordBatch.from_arrays([to_logical(array, shape) for array, shape in body], schema=self.schema.arrow)
            part.validate(full=True)
            parts.append(part if wanted is None else part.select(list(wanted)))
        return _joined(parts)

    def _damaged(self, messages: list[bytes], indexes: Sequence[int]) -> PermanentError:
        for message, index in zip(messages, indexes, strict=True):
            try:
                self._columns([message])
            except ValueError as error:
                return _unreadable(index, self.schema, str(error))
        return _unreadable(indexes[0], self.schema, "the batch as a whole")

    def _one_by_one(self, messages: list[bytes], reader: Schema, indexes: Sequence[int]) -> pa.RecordBatch:
        rows: list[Any] = []
        for message, index in zip(messages, indexes, strict=True):
            body = io.BytesIO(message)
            body.seek(HEADER_BYTES)
            try:
                rows.append(fastavro.schemaless_reader(body, self.schema.parsed, reader.parsed))
            except (
                SchemaParseException,
                SchemaResolutionError,
                ValueError,
                EOFError,
                IndexError,
                KeyError,
                TypeError,
                OverflowError,
            ) as error:
                raise _unreadable(index, self.schema, f"{type(error).__name__}: {error}") from error
        batch, bad = to_batch(rows, reader)
        if bad:
            raise _unreadable(indexes[bad[0].index], self.schema, f"{bad[0].field}: {bad[0].reason}")
        return batch


def _joined(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    whole: pa.RecordBatch = pa.concat_batches(batches)  # type: ignore[attr-defined]  # the stubs lack it
    return whole


def _ids_of(messages: list[bytes]) -> np.ndarray[Any, np.dtype[np.int64]]:
    head = messages[0][:HEADER_BYTES] if messages else b""
    if len(head) == HEADER_BYTES and head[0] == 0 and all(map(bytes.startswith, messages, repeat(head))):
        return np.full(len(messages), int.from_bytes(head[1:], "big"), np.int64)
    heads = b"".join([message[:HEADER_BYTES] for message in messages])
    if len(heads) == HEADER_BYTES * len(messages):
        columns = np.frombuffer(heads, np.uint8).reshape(-1, HEADER_BYTES)
        if not columns[:, 0].any():
            return columns[:, 1:].copy().view(">u4").ravel().astype(np.int64)
    return np.array([_id_of(message, index) for index, message in enumerate(messages)], dtype=np.int64)


def _id_of(message: bytes, index: int) -> int:
    if len(message) < HEADER_BYTES or message[0] != 0:
        raise PermanentError(
            f"message {index} of the batch is not framed: {len(message)} bytes, and no magic byte with a schema id. "
            "Something else writes to this topic."
        )
    return int.from_bytes(message[1:HEADER_BYTES], "big")


def _unreadable(index: int, schema: Schema, reason: str) -> PermanentError:
    return PermanentError(
        f"message {index} of the batch, written with {schema}, cannot be read: {reason}. Look at its raw bytes."
    )


def _nothing(reader: Schema) -> pa.RecordBatch:
    return to_batch([], reader)[0]
