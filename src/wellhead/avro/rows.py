"""Takes plain rows, gives one Arrow batch of a schema's columns and the rows it cannot take; never guesses a value.

A text is no number, a number no text, a float no int; a naive datetime is UTC. One wrong value costs its row, not the batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from wellhead.avro.build import build
from wellhead.avro.conform import check_names, without
from wellhead.avro.look import look
from wellhead.avro.place import Place
from wellhead.avro.rejects import BadRow, Faults
from wellhead.avro.schema import Field, Schema
from wellhead.avro.shape import Column, needs_look
from wellhead.avro.vacant import plain_default


def to_batch(rows: Sequence[Mapping[str, Any]], schema: Schema) -> tuple[pa.RecordBatch, list[BadRow]]:
    """Give the rows as a batch, without those the schema cannot take, and those.

    A name a row lacks stands for the field's default, or null. Datetimes may also be given as epoch numbers in the
    field's unit. A row with a value of the wrong type, one that does not fit, or null in a required field is given back.

    Raises:
        PermanentError: Some row has a name the schema does not.
    """
    check_names(sorted(set().union(*rows)), schema)
    faults = Faults()
    columns = [_column(rows, field, faults) for field in schema.fields]
    batch = pa.RecordBatch.from_arrays(columns, schema=schema.arrow)
    if not faults.found:
        return batch, []
    return without(batch, faults), faults.bad_rows(lambda row: dict(rows[row]))


def _column(rows: Sequence[Mapping[str, Any]], field: Field, faults: Faults) -> Column:
    place = Place(field.name, faults)
    default = plain_default(field.default, field.shape)
    column = build([row.get(field.name, default) for row in rows], field.shape, place)
    if needs_look(field.shape):
        look(column, field.shape, place)
    return column
