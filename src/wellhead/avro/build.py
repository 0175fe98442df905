"""Takes the Python values of one column, gives it in Arrow, null where a value is wrong, and a fault for each of those."""

from __future__ import annotations

import datetime as dt
import decimal
from itertools import accumulate
from types import NoneType
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from wellhead.avro.cast import cast_leaf
from wellhead.avro.place import Place
from wellhead.avro.rejects import shown
from wellhead.avro.shape import Column, Shape
from wellhead.avro.vacant import plain_default
from wellhead.errors import PermanentError

REFUSALS = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, UnicodeEncodeError, ValueError)

BY_KIND: dict[str, tuple[type, ...]] = {
    "null": (),
    "boolean": (bool,),
    "int": (int,),
    "long": (int,),
    "float": (float, int),
    "double": (float, int),
    "string": (str,),
    "enum": (str,),
    "bytes": (bytes,),
    "fixed": (bytes,),
    "array": (list, tuple),
    "map": (dict,),
    "record": (dict,),
}


def build(values: list[Any], shape: Shape, place: Place) -> Column:
    """Build the column of `values`.

    Raises:
        PermanentError: A record has a name its schema does not.
    """
    if shape.kind == "union":
        return _union(values, shape, place)
    taken = taken_by(shape)
    if not set(map(type, values)) <= {NoneType, *taken}:
        values = [_or_fault(value, taken, shape, place, entry) for entry, value in enumerate(values)]
    if shape.kind == "array":
        return _array(values, shape, place)
    if shape.kind == "map":
        return _map(values, shape, place)
    if shape.kind == "record":
        return _record(values, shape, place)
    return _leaf(values, shape, place)


def taken_by(shape: Shape) -> tuple[type, ...]:
    """Give the Python types a column of this shape is built from."""
    if pt.is_timestamp(shape.arrow):
        return (dt.datetime, int)
    if pt.is_date(shape.arrow):
        return (dt.date, int)
    if pt.is_time(shape.arrow):
        return (dt.time, int)
    if pt.is_decimal(shape.arrow):
        return (decimal.Decimal, int)
    return (str, UUID) if shape.title == "uuid" else BY_KIND[shape.kind]


def is_taken(value: object, taken: tuple[type, ...]) -> bool:
    """Say whether `value` is of one of the types: a bool is no int, a datetime no date."""
    if isinstance(value, bool):
        return bool in taken
    if isinstance(value, dt.datetime):
        return dt.datetime in taken
    return isinstance(value, taken)


def _or_fault(value: Any, taken: tuple[type, ...], shape: Shape, place: Place, entry: int) -> Any:
    if value is None or is_taken(value, taken):
        return value
    place.fault(entry, f"{shown(value)} is a {type(value).__name__}, not a {shape.title}")
    return None


def _leaf(values: list[Any], shape: Shape, place: Place) -> Column:
    if shape.title == "uuid":
        values = [str(value) if isinstance(value, UUID) else value for value in values]
    # Arrow would make infinity of a number too large for a float: built wide, then narrowed with a check.
    kind: Any = pa.float64() if pt.is_float32(shape.arrow) else shape.arrow
    try:
        column: Column = pa.array(values, type=kind)
    except REFUSALS:
        column = pa.array([_fitting(value, kind, shape, place, entry) for entry, value in enumerate(values)], type=kind)
    return column if column.type == shape.arrow else cast_leaf(column, shape, place)


def _fitting(value: Any, kind: Any, shape: Shape, place: Place, entry: int) -> Any:
    try:
        pa.scalar(value, type=kind)
    except REFUSALS:
        place.fault(entry, f"{shown(value)} does not fit {shape.title}")
        return None
    return value


def _array(values: list[Any], shape: Shape, place: Place) -> Column:
    items = [item for value in values if value is not None for item in value]
    column = build(items, shape.children[0], place.among("[]", _parents(values)))
    return pa.ListArray.from_arrays(_offsets(values), column, type=shape.arrow, mask=_null_in(values))


def _map(values: list[Any], shape: Shape, place: Place) -> Column:
    values = [_or_fault_keys(value, shape, place, entry) if value is not None else None for entry, value in enumerate(values)]
    keys: Any = pa.array([key for value in values if value is not None for key in value], type=pa.string())
    items = [item for value in values if value is not None for item in value.values()]
    column = build(items, shape.children[0], place.among("{}", _parents(values)))
    kind: Any = shape.arrow
    return pa.MapArray.from_arrays(_offsets(values), keys, column, type=kind, mask=_null_in(values))


def _or_fault_keys(value: dict[Any, Any], shape: Shape, place: Place, entry: int) -> dict[Any, Any] | None:
    for key in value:
        if not isinstance(key, str) or not _is_utf8(key):
            place.fault(entry, f"key {shown(key)} of a {shape.title} is not a text")
            return None
    return value


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _record(values: list[Any], shape: Shape, place: Place) -> Column:
    given: set[str] = set().union(*(value for value in values if value is not None))
    if unknown := sorted(given - set(shape.names)):
        listed = ", ".join(f"{place.path}.{name}" for name in unknown)
        raise PermanentError(f"the connector gave fields the schema does not have: {listed}. Add them to a new version of it.")
    missing = _null_in(values)
    defaults = dict(shape.defaults)
    columns = []
    for name, child in zip(shape.names, shape.children, strict=True):
        default = plain_default(defaults.get(name), child)
        parts = [None if value is None else value.get(name, default) for value in values]
        columns.append(build(parts, child, place.part(name, _inverse(missing))))
    fields: Any = shape.arrow
    return pa.StructArray.from_arrays(columns, fields=list(fields), mask=missing)


def _union(values: list[Any], shape: Shape, place: Place) -> Column:
    codes = [_branch(value, shape, place, entry) for entry, value in enumerate(values)]
    columns = []
    for branch, child in enumerate(shape.children):
        mine = [value if code == branch else None for value, code in zip(values, codes, strict=True)]
        columns.append(build(mine, child, place))
    type_codes: Any = pa.array(codes, type=pa.int8())
    return pa.UnionArray.from_sparse(type_codes, columns, list(shape.names))


def _branch(value: Any, shape: Shape, place: Place, entry: int) -> int:
    if value is None:
        return shape.null_branch or 0  # Without a null branch the look that follows finds the null.
    for branch, child in enumerate(shape.children):
        if child.kind != "null" and is_taken(value, taken_by(child)) and _holds(value, child):
            return branch
    titles = ", ".join(child.title for child in shape.children)
    place.fault(entry, f"{shown(value)} is a {type(value).__name__}; the union holds {titles}")
    return shape.null_branch or 0


def _holds(value: Any, shape: Shape) -> bool:
    if shape.kind == "enum":
        return value in shape.symbols
    if shape.children:
        return shape.kind != "record" or set(value) <= set(shape.names)
    try:
        pa.scalar(value, type=shape.arrow)
    except REFUSALS:
        return False
    return True


def _null_in(values: list[Any]) -> Any:
    return pa.array([value is None for value in values], type=pa.bool_())


def _inverse(missing: Any) -> Any:
    return None if missing.true_count == 0 else ~missing.to_numpy(zero_copy_only=False)


def _offsets(values: list[Any]) -> Any:
    lengths = (0 if value is None else len(value) for value in values)
    return pa.array(list(accumulate(lengths, initial=0)), type=pa.int32())


def _parents(values: list[Any]) -> Any:
    return np.repeat(np.arange(len(values)), [0 if value is None else len(value) for value in values])
