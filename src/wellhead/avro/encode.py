"""Takes an Arrow batch, gives a Confluent-framed Avro message for each row it kept, and the rows it could not; never a row less.

The columnar encoder writes whole columns at a time. Two things it is not asked to do one value at a time: the five bytes
of the wire header and runs of columns that are null throughout are constants, and a constant of eight bytes is exactly
what a `double` writes. So they travel as a few numeric columns, and the message comes out whole, without being copied.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.compute as pc
import pyruhvro

from wellhead.avro.conform import conform
from wellhead.avro.physical import to_physical
from wellhead.avro.rejects import BadRow
from wellhead.avro.schema import Field, Schema
from wellhead.avro.shape import Column, with_null
from wellhead.errors import PermanentError

MAGIC = b"\x00"
MAX_CHUNKS = 4
ROWS_WORTH_A_CHUNK = 1000
MAX_CHUNK_BYTES = 256 * 1024 * 1024
"""Arrow counts the bytes of one array of messages in 31 bits; a chunk stays far below."""

BRANCH_BYTE = (b"\x00", b"\x02")
CONSTANTS: tuple[tuple[int, str, pa.DataType], ...] = ((8, "double", pa.float64()), (4, "float", pa.float32()))


@dataclass(frozen=True, slots=True)
class Encoded:
    """What became of a batch.

    Attributes:
        values: One message for each row kept: magic byte, schema id, Avro.
        table: The rows kept, in the schema's columns, aligned with `values`.
        rejects: The rows not kept; their indexes count in the batch that was handed in.
        nbytes: The bytes of all messages together.
    """

    values: list[bytes]
    table: pa.RecordBatch
    rejects: list[BadRow]
    nbytes: int


class Encoder:
    """Encodes the batches of one subject under one registered id. Safe to call from one thread at a time.

    Args:
        schema: What to encode with.
        schema_id: The id the registry gave it; stands in every message.

    Raises:
        PermanentError: The schema has a type that nothing here can encode; names the field.
    """

    def __init__(self, schema: Schema, schema_id: int) -> None:
        self.schema = schema
        self._header = header(schema_id)
        self._columnar = schema.shape.columnar
        self._physical = fastavro.parse_schema(schema.shape.physical_avro)

    @property
    def columnar(self) -> bool:
        """Whether whole columns are encoded at once; False where `fixed` or `decimal` make it go row by row."""
        return self._columnar

    def encode(self, batch: pa.RecordBatch) -> Encoded:
        """Encode every row the schema can take, in order.

        Raises:
            PermanentError: The batch's columns are not the schema's.
        """
        table, rejects = conform(batch, self.schema)
        values, nbytes = self._in_columns(table) if self._columnar else self._in_rows(table)
        return Encoded(values, table, rejects, nbytes)

    def _in_columns(self, table: pa.RecordBatch) -> tuple[list[bytes], int]:
        if table.num_rows == 0:
            return [], 0
        fields, columns = _plan(self.schema.fields, table, self._header)
        plan = json.dumps({"type": "record", "name": "plan", "fields": fields})
        names = [field["name"] for field in fields]
        physical = pa.RecordBatch.from_arrays(columns, names=names)
        try:
            chunks = pyruhvro.serialize_record_batch(physical, plan, _chunks(physical))
        except BaseException as error:  # A Rust panic is no Exception.
            if not isinstance(error, ValueError) and type(error).__name__ != "PanicException":
                raise
            raise PermanentError(
                f"{self.schema}: the columnar encoder refused a batch: {error}. This is a bug; report it."
            ) from error
        messages: list[bytes] = []
        nbytes = 0
        while chunks:
            chunk = chunks.pop(0)  # not held any longer than it takes to copy it
            nbytes += pc.sum(pc.binary_length(chunk)).as_py() or 0
            messages += chunk.to_numpy(zero_copy_only=False).tolist()  # three quarters of what to_pylist costs
        return messages, nbytes

    def _in_rows(self, table: pa.RecordBatch) -> tuple[list[bytes], int]:
        columns = [to_physical(column, field.shape) for column, field in zip(table.columns, self.schema.fields, strict=True)]
        physical = pa.RecordBatch.from_arrays(columns, names=list(self.schema.names))
        values = []
        for row in physical.to_pylist(maps_as_pydicts="lossy"):
            message = io.BytesIO(self._header)
            message.seek(0, io.SEEK_END)
            fastavro.schemaless_writer(message, self._physical, row)
            values.append(message.getvalue())
        return values, sum(map(len, values))


def header(schema_id: int) -> bytes:
    """Give the five bytes every message of a schema starts with."""
    return MAGIC + schema_id.to_bytes(4, "big")


def _chunks(batch: pa.RecordBatch) -> int:
    for_speed = min(MAX_CHUNKS, 1 + batch.num_rows // ROWS_WORTH_A_CHUNK)
    return max(for_speed, 1 + batch.nbytes // MAX_CHUNK_BYTES)


def _plan(fields: tuple[Field, ...], table: pa.RecordBatch, head: bytes) -> tuple[list[dict[str, Any]], list[Column]]:
    """Give the fields and columns to encode: constants for the header and for runs of null columns, the rest as they are."""
    parts = _Parts(table.num_rows)
    parts.constant(head[:1])
    parts.constant(head[1:])
    run = b""
    for field, column in zip(fields, table.columns, strict=True):
        shape = field.shape
        if shape.null_branch is not None and shape.kind != "union" and column.null_count == len(column):
            run += BRANCH_BYTE[shape.null_branch]
            continue
        parts.constant(run)
        run = b""
        parts.column(field, to_physical(column, shape))
    parts.constant(run)
    return parts.fields, parts.columns


class _Parts:
    def __init__(self, rows: int) -> None:
        self.fields: list[dict[str, Any]] = []
        self.columns: list[Column] = []
        self._rows = rows
        self._made: dict[bytes, Column] = {}

    def column(self, field: Field, array: Column) -> None:
        self._add(with_null(field.shape), array)

    def constant(self, octets: bytes) -> None:
        """Add columns that write exactly `octets` into every message; single bytes must be below 0x80."""
        for size, avro, arrow in CONSTANTS:
            while len(octets) >= size:
                self._add(avro, self._repeat(octets[:size], arrow))
                octets = octets[size:]
        for octet in octets:
            varint = (octet >> 1) ^ -(octet & 1)
            self._add("int", self._repeat(varint.to_bytes(4, "little", signed=True), pa.int32()))

    def _repeat(self, octets: bytes, arrow: pa.DataType) -> Column:
        key = octets + str(arrow).encode()
        if key not in self._made:
            self._made[key] = pa.Array.from_buffers(arrow, self._rows, [None, pa.py_buffer(octets * self._rows)])
        return self._made[key]

    def _add(self, avro: Any, array: Column) -> None:
        self.fields.append({"name": f"c{len(self.fields)}", "type": avro})
        self.columns.append(array)
