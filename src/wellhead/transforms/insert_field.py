"""Takes a batch, gives it with a fixed text in one of its fields; never adds a column."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from wellhead.config.transforms import InsertFieldOptions
from wellhead.transforms.columns import Column, Rows, with_column
from wellhead.transforms.fields import Fields


@dataclass(frozen=True, slots=True)
class InsertField:
    """Fills a field.

    Attributes:
        name: The field, a text that may be null.
        value: The text.
        always: Whether what stands there is replaced too.
    """

    name: str
    value: str
    always: bool

    def apply(self, table: pa.RecordBatch, rows: Rows | None) -> pa.RecordBatch:
        """Give the batch with the field filled in the selected rows."""
        column: Column = table.column(self.name)
        filled: Column = pc.is_null(column)
        if self.always:
            filled = pc.or_(filled, pc.is_valid(column))
        if rows is not None:
            filled = pc.and_(rows, filled)
        return with_column(table, self.name, pc.if_else(filled, pa.scalar(self.value, column.type), column))


def insert_field(options: InsertFieldOptions, fields: Fields) -> InsertField:
    """Give the field to fill, which must be a text that may be null."""
    fields.emptiable("static.field", options.static_field, text=True)
    return InsertField(options.static_field, options.static_value, options.static_when == "always")
