"""Takes a batch in its writer's columns, gives it in its reader's, by Avro's resolution rules; never reads a message.

Only what whole columns can do stands here: new columns with defaults, dropped ones, renamed ones, wider numbers, text and
bytes for each other. `resolvable` says whether that is enough for a pair of schemas; where not, messages are read one by one.
"""

from __future__ import annotations

import pyarrow as pa

from wellhead.avro.schema import Field, Schema
from wellhead.avro.shape import Column, Shape
from wellhead.avro.vacant import Vacant

WIDER = {
    ("int", "long"),
    ("int", "float"),
    ("int", "double"),
    ("long", "float"),
    ("long", "double"),
    ("float", "double"),
    ("string", "bytes"),
}


def resolvable(writer: Schema, reader: Schema) -> bool:
    """Say whether `resolve` can take the writer's batches to the reader's columns."""
    for field in reader.fields:
        source = source_of(field, writer)
        if source is None:
            if not field.has_default:
                return False
        elif not _follows(source.shape, field.shape):
            return False
    return True


def resolve(batch: pa.RecordBatch, writer: Schema, reader: Schema) -> pa.RecordBatch:
    """Give `batch`, read with `writer`, in the columns of `reader`; `resolvable` must hold."""
    vacant = Vacant(batch.num_rows)
    columns = []
    for field in reader.fields:
        source = source_of(field, writer)
        if source is None:
            columns.append(vacant.column(field.shape, default=field.default))
        else:
            columns.append(_widened(batch.column(source.name), field.shape))
    return pa.RecordBatch.from_arrays(columns, schema=reader.arrow)


def source_of(field: Field, writer: Schema) -> Field | None:
    """Give the writer's field that the reader's `field` is read from, by name, else by alias."""
    for name in (field.name, *field.aliases):
        if name in writer.names:
            return writer.field(name)
    return None


def _widened(column: Column, shape: Shape) -> Column:
    return column if column.type == shape.arrow else column.cast(shape.arrow, safe=False)


def _follows(writer: Shape, reader: Shape) -> bool:
    if writer.nullable and not reader.nullable:
        return False
    if (writer.kind, reader.kind) in WIDER:
        return _is_plain(writer) and _is_plain(reader)
    return _is_same(writer, reader)


def _is_same(writer: Shape, reader: Shape) -> bool:
    if writer.kind != reader.kind or writer.arrow != reader.arrow or writer.names != reader.names:
        return False
    if writer.kind == "enum" and not set(writer.symbols) <= set(reader.symbols):
        return False
    if writer.nullable and not reader.nullable:
        return False
    pairs = zip(writer.children, reader.children, strict=True)
    return all(_is_same(part, whole) for part, whole in pairs)


def _is_plain(shape: Shape) -> bool:
    return not (isinstance(shape.avro, dict) and "logicalType" in shape.avro)
