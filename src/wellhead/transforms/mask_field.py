"""Takes a batch, gives it with the values of some fields replaced by a fixed value or a keyed hash; never touches a null."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from wellhead.config.transforms import MaskFieldOptions
from wellhead.transforms.columns import Column, Rows, with_column
from wellhead.transforms.fields import Fields


@dataclass(frozen=True, slots=True)
class FixedMask:
    """Puts one value for each field in place of every other one.

    Attributes:
        values: The value by field, an Arrow scalar of the field's type.
    """

    values: Mapping[str, Any]

    def apply(self, table: pa.RecordBatch, rows: Rows | None) -> pa.RecordBatch:
        """Give the batch masked."""
        for name, value in self.values.items():
            column: Column = table.column(name)
            masked = pc.is_valid(column) if rows is None else pc.and_(rows, pc.is_valid(column))
            table = with_column(table, name, pc.if_else(masked, value, column))
        return table


@dataclass(frozen=True, slots=True)
class HashMask:
    """Puts the HMAC-SHA-256 of a text, in hex, in its place: equal texts stay equal, and without the key none is found again.

    Attributes:
        names: The text fields.
        key: The key; not shown in repr.
    """

    names: tuple[str, ...]
    key: bytes = field(repr=False)

    def apply(self, table: pa.RecordBatch, rows: Rows | None) -> pa.RecordBatch:
        """Give the batch masked."""
        for name in self.names:
            column: Column = table.column(name)
            hashed = self._hashed(column if rows is None else pc.if_else(rows, column, pa.scalar(None, column.type)))
            table = with_column(table, name, hashed if rows is None else pc.if_else(rows, hashed, column))
        return table

    def _hashed(self, column: Column) -> Column:
        # Each different text is hashed once, however many rows hold it.
        coded = column.dictionary_encode()
        texts = coded.dictionary.cast(pa.binary())
        digests = [hmac.digest(self.key, text, "sha256").hex() for text in texts.to_pylist()]
        return pa.array(digests, column.type).take(coded.indices)


def mask_field(options: MaskFieldOptions, fields: Fields) -> FixedMask | HashMask:
    """Give the mask of the options, as far as the fields can hold it."""
    if options.hash_key is not None:
        for name in options.fields:
            fields.hashable("fields", name, always=options.predicate is None)
        return HashMask(options.fields, options.hash_key.get_secret_value().encode())
    values: dict[str, Any] = {}
    for name in options.fields:
        field = fields.changeable("fields", name)
        if field is None:
            continue
        if options.replacement is not None:
            value = fields.literal("replacement", options.replacement, field)
        else:
            value = fields.zero("fields", field)
        if value is not None:
            values[name] = value
    return FixedMask(values)
