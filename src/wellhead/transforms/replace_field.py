"""Takes a batch, gives it with some fields emptied to null; never removes a column, so that the schema stays as registered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wellhead.config.transforms import ReplaceFieldOptions
from wellhead.transforms.columns import Column, Rows, with_column
from wellhead.transforms.fields import Fields


@dataclass(frozen=True, slots=True)
class ReplaceField:
    """Empties fields.

    Attributes:
        names: The fields, each of which may be null.
    """

    names: tuple[str, ...]

    def apply(self, table: pa.RecordBatch, rows: Rows | None) -> pa.RecordBatch:
        """Give the batch with the fields null in the selected rows."""
        kept: Column = None
        if rows is not None:
            # Taking by an index that is null gives null, whatever the type: lists, maps and records too.
            kept = pc.if_else(rows, pa.scalar(None, pa.int64()), pa.array(np.arange(table.num_rows)))
        for name in self.names:
            column: Column = table.column(name)
            table = with_column(table, name, pa.nulls(len(column), column.type) if kept is None else column.take(kept))
        return table


def replace_field(options: ReplaceFieldOptions, fields: Fields) -> ReplaceField:
    """Give the fields to empty, each of which must be one that may be null and names nothing."""
    if options.exclude is not None:
        for name in options.exclude:
            fields.emptiable("exclude", name)
        return ReplaceField(options.exclude)
    included = options.include or ()
    for name in included:
        fields.known("include", name)
    names = tuple(name for name in fields.names if name not in included)
    for name in names:
        fields.emptiable("include", name)
    return ReplaceField(names)
