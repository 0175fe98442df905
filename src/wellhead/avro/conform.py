"""Takes any Arrow batch with a schema's columns, gives one with exactly its types and order, and the rows it cannot take.

A batch that already fits costs a comparison of types and a few cached counts. Everything is decided a column at a time;
a single value is looked at only where a whole column has been refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from wellhead.avro.cast import Caster
from wellhead.avro.look import look
from wellhead.avro.place import Place
from wellhead.avro.rejects import BadRow, Faults
from wellhead.avro.schema import Field, Schema
from wellhead.avro.shape import Column, needs_look
from wellhead.avro.vacant import Vacant
from wellhead.errors import PermanentError


def conform(batch: pa.RecordBatch, schema: Schema) -> tuple[pa.RecordBatch, list[BadRow]]:
    """Give `batch` with the schema's columns, types and order, without the rows the schema cannot take, and those rows.

    Absent columns become their default, or null. Text and numbers of other widths are cast where every value fits; finer
    timestamps are cut to the field's unit. A row with null in a required field, a value that does not fit or an
    unknown enum symbol is left out and given back with the field named.

    Raises:
        PermanentError: The batch has columns the schema does not, a column twice, or a column of another kind.
    """
    check_names(batch.schema.names, schema)
    if (
        schema.shape.mixed
    ):  # Arrow reads a slice's unions from the start of what it was cut from; a copy has no start but its own.
        batch = batch.take(np.arange(batch.num_rows))
    faults = Faults()
    vacant = Vacant(batch.num_rows)
    columns = [_column(batch, field, schema, vacant, faults) for field in schema.fields]
    fitted = pa.RecordBatch.from_arrays(columns, schema=schema.arrow)
    if not faults.found:
        return fitted, []
    return without(fitted, faults), faults.bad_rows(lambda row: row_at(batch, row))


def check_names(names: list[str], schema: Schema) -> None:
    """Raise PermanentError if `names` are not all different columns of `schema`."""
    known = set(schema.names)
    if unknown := [name for name in names if name not in known]:
        raise PermanentError(
            f"{schema}: the connector gave columns it does not have: {', '.join(unknown)}. "
            "Put them into the extensions map, or add them to a new version of the schema."
        )
    if len(set(names)) != len(names):
        repeated = sorted({name for name in names if names.count(name) > 1})
        raise PermanentError(f"{schema}: the connector gave a column twice: {', '.join(repeated)}. Give each once.")


def without(batch: pa.RecordBatch, faults: Faults) -> pa.RecordBatch:
    """Leave the faulty rows out."""
    keep = np.ones(batch.num_rows, dtype=np.bool_)
    keep[list(faults.found)] = False
    return batch.filter(pa.array(keep))


def row_at(batch: pa.RecordBatch, row: int) -> dict[str, Any]:
    """Give one row as a dict, maps as dicts; where Python has no value for Arrow's, its bytes, or its number and unit in words."""
    return {name: _plain(column[row]) for name, column in zip(batch.schema.names, batch.columns, strict=True)}


def _plain(scalar: Any) -> Any:
    try:
        return scalar.as_py(maps_as_pydicts="lossy")
    except (ValueError, OverflowError):  # Text that is not UTF-8, nanoseconds, years beyond 9999.
        if hasattr(scalar, "value"):  # A bare number would be read again in the unit of the field.
            return f"{scalar.value} {scalar.type}"
        return bytes(scalar.as_buffer()) if hasattr(scalar, "as_buffer") else None


def _column(batch: pa.RecordBatch, field: Field, schema: Schema, vacant: Vacant, faults: Faults) -> Column:
    position = batch.schema.get_field_index(field.name)
    place = Place(field.name, faults)
    if position < 0:
        column = vacant.column(field.shape, default=field.default)
    else:
        column = _given(batch.column(position), field, schema, place)
    if needs_look(field.shape):
        look(column, field.shape, place)
    return column


def _given(column: Column, field: Field, schema: Schema, place: Place) -> Column:
    if field.shape.fragile:
        column = column.take(pa.array(np.arange(len(column))))
    return column if column.type == field.shape.arrow else Caster(str(schema)).cast(column, field.shape, place)
