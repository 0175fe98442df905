"""Takes a batch and a column, gives the batch with that column in place of the former one; never copies the others."""

from __future__ import annotations

from typing import Any, TypeAlias

import pyarrow as pa

Column: TypeAlias = Any
"""An Arrow array, whose element type is known only when a schema has been read."""

Rows: TypeAlias = Any
"""A boolean Arrow array without nulls: True where a row is meant."""


def with_column(table: pa.RecordBatch, name: str, column: Column) -> pa.RecordBatch:
    """Give `table` with `column` as its `name`, under the same schema."""
    columns: list[Column] = list(table.columns)
    columns[table.schema.get_field_index(name)] = column
    return pa.RecordBatch.from_arrays(columns, schema=table.schema)
