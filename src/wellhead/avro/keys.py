"""Takes a batch and its key columns, gives the Kafka key of each row; never a key that depends on the other columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from wellhead.errors import PermanentError


def key_bytes(table: pa.RecordBatch, columns: Sequence[str]) -> list[bytes | None]:
    """Give a key for each row: a text's own UTF-8 bytes, or a compact JSON array of several columns.

    A single number or boolean is written as JSON. Times count in their column's unit. A row whose key columns are all
    null has no key.

    Raises:
        PermanentError: A key column is missing, or of a kind that has no text form.
    """
    if not columns:
        raise PermanentError("no key columns named. Name at least one in the stream's `key`.")
    parts = [_plain(table, name) for name in columns]
    if len(parts) > 1:
        return [None if all(part is None for part in row) else _json(list(row)) for row in zip(*parts, strict=True)]
    return [None if value is None else _bytes(value) for value in parts[0]]


def _plain(table: pa.RecordBatch, name: str) -> list[Any]:
    if name not in table.schema.names:
        raise PermanentError(f"key column {name}: the batch has none. Columns: {', '.join(table.schema.names)}.")
    column: Any = table.column(name)
    kind = column.type
    if pt.is_timestamp(kind) or pt.is_time64(kind):
        column = column.view(pa.int64())
    elif pt.is_date32(kind) or pt.is_time32(kind):
        column = column.view(pa.int32())
    elif not (pt.is_string(kind) or pt.is_integer(kind) or pt.is_boolean(kind)):
        raise PermanentError(f"key column {name}: {kind} makes no stable key. Use texts, whole numbers or times.")
    values: list[Any] = column.to_pylist()
    return values


def _bytes(value: str | int) -> bytes:
    if isinstance(value, str):
        return value.encode()
    return b"%d" % value if type(value) is int else _json(value)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
