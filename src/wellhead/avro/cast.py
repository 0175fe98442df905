"""Takes a column of a kindred Arrow type, gives it in the schema's type, and a fault for each value that does not fit.

Widths, units and layouts are cast; kinds are not: a number is never read out of a text, nor a text made from a number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from wellhead.avro.look import entries, offsets_of, parents_of, valid_in
from wellhead.avro.place import Place
from wellhead.avro.rejects import shown
from wellhead.avro.shape import Column, Shape
from wellhead.avro.vacant import constant, nulls
from wellhead.errors import PermanentError

UNIT_NAMES: dict[str, Any] = {"s": "second", "ms": "millisecond", "us": "microsecond", "ns": "nanosecond"}
ANY_INTEGER = pa.decimal128(20)
"""Takes every integer of 64 bits, with or without sign, on the way to the decimal that is wanted."""

FINENESS = {"s": 0, "ms": 1, "us": 2, "ns": 3}


class Caster:
    """Casts the columns of one batch.

    Args:
        subject: Whose schema it is, for messages.
    """

    def __init__(self, subject: str) -> None:
        self._subject = subject

    def cast(self, array: Column, shape: Shape, place: Place) -> Column:
        """Give `array` as `shape.arrow`, null where a value does not fit.

        Raises:
            PermanentError: The column is of another kind, or has parts the schema does not.
        """
        if array.type == shape.arrow:
            return array
        if isinstance(array, pa.ExtensionArray):
            return self.cast(array.storage, shape, place)
        if pt.is_dictionary(array.type):
            return self.cast(array.dictionary_decode(), shape, place)
        if pt.is_null(array.type):
            return nulls(len(array), shape)
        if shape.kind == "record" and pt.is_struct(array.type):
            return self._record(array, shape, place)
        if shape.kind in {"array", "map"} and (_is_list(array.type) or pt.is_map(array.type)):
            return self._items(array, shape, place)
        if not _kindred(array.type, shape):
            raise self._other_kind(array.type, shape, place)
        return cast_leaf(array, shape, place)

    def _record(self, array: Column, shape: Shape, place: Place) -> Column:
        given = [field.name for field in array.type]
        valid = valid_in(array)
        if unknown := [name for name in given if name not in shape.names]:
            listed = ", ".join(f"{place.path}.{name}" for name in unknown)
            raise PermanentError(
                f"{self._subject}: the connector gave fields it does not have: {listed}. Add them to a new version."
            )
        defaults = dict(shape.defaults)
        kind: Any = shape.arrow
        parts = []
        for name, child in zip(shape.names, shape.children, strict=True):
            if name in given:
                parts.append(self.cast(array.field(given.index(name)), child, place.part(name, valid)))
            elif defaults.get(name) is None:
                parts.append(nulls(len(array), child))
            else:
                parts.append(constant(len(array), child, defaults[name]))
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=array.is_null())

    def _items(self, array: Column, shape: Shape, place: Place) -> Column:
        lists = entries(array)
        if not pt.is_list(lists.type):
            lists = lists.cast(pa.list_(lists.type.value_type))
        items = lists.flatten()
        inside = place.among(shape.names[0], parents_of(lists))
        offsets = offsets_of(lists)
        mask = lists.is_null()
        child = shape.children[0]
        if shape.kind == "array":
            cast = self.cast(items, child, inside)
            return pa.ListArray.from_arrays(offsets, cast, type=shape.arrow, mask=mask)
        if not pt.is_struct(items.type) or len(items.type) != 2:  # noqa: PLR2004 - a key and a value
            raise self._other_kind(array.type, shape, place)
        keys, values = items.field(0), items.field(1)
        if keys.null_count:
            raise PermanentError(
                f"{self._subject}: column {place.path}: a map key is null. A key must be a text; leave the entry out."
            )
        keys = keys if keys.type == pa.string() else keys.cast(pa.string())
        values = self.cast(values, child, inside)
        kind: Any = shape.arrow
        return pa.MapArray.from_arrays(offsets, keys, values, type=kind, mask=mask)

    def _other_kind(self, given: pa.DataType, shape: Shape, place: Place) -> PermanentError:
        return PermanentError(
            f"{self._subject}: column {place.path} came as {given}, the schema has {shape.title} ({shape.arrow}). "
            "Convert it in the connector, or correct the schema in a new version."
        )


def cast_leaf(array: Column, shape: Shape, place: Place) -> Column:
    """Cast a column without parts, null where a value does not fit."""
    source = _cut(array, shape.arrow)
    cast = _cast_if_all_fit(source, shape.arrow)
    if cast is not None:
        return cast
    bad = _misfits(source, shape.arrow)
    if not bad:
        raise PermanentError(
            f"column {place.path}: one batch holds more of it than Arrow can ({source.nbytes} bytes). Yield smaller batches."
        )
    for index in bad:
        place.fault(index, f"{_readable(array, index)} does not fit {shape.title}")
    keep = np.ones(len(array), dtype=np.bool_)
    keep[bad] = False
    return pc.if_else(pa.array(keep), source, pa.scalar(None, source.type)).cast(shape.arrow)


def _is_list(kind: pa.DataType) -> bool:
    return pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind) or pt.is_list_view(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind)


def _is_octets(kind: pa.DataType) -> bool:
    return pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_binary_view(kind) or pt.is_fixed_size_binary(kind)


def _kindred(given: pa.DataType, shape: Shape) -> bool:
    wanted = shape.arrow
    if pt.is_timestamp(wanted):
        return pt.is_timestamp(given) or pt.is_int64(given)
    if pt.is_date(wanted):
        return pt.is_date(given)
    if pt.is_time(wanted):
        return pt.is_time(given)
    if pt.is_decimal(wanted):
        return pt.is_decimal(given) or pt.is_integer(given)
    if pt.is_floating(wanted):
        return pt.is_floating(given) or pt.is_integer(given)
    if pt.is_integer(wanted):
        return pt.is_integer(given)
    if shape.kind in {"string", "enum", "bytes", "fixed"}:
        return _is_text(given) or _is_octets(given)
    return False


def _cut(array: Column, wanted: Any) -> Column:
    """Cut times finer than the schema's unit down to it, towards the past, as the encoder's oracle does."""
    if pt.is_decimal(wanted) and pt.is_integer(array.type):
        return array.cast(ANY_INTEGER)
    given, unit = getattr(array.type, "unit", None), getattr(wanted, "unit", None)
    if given is None or unit is None or FINENESS[given] <= FINENESS[unit]:
        return array
    return array.cast(wanted, safe=False) if pt.is_time(wanted) else pc.floor_temporal(array, unit=UNIT_NAMES[unit])


def _misfits(array: Column, wanted: pa.DataType) -> list[int]:
    """Find the values that do not fit, by halving: a few casts for each."""
    found: list[int] = []
    open_slices = [(0, len(array))]
    while open_slices:
        start, length = open_slices.pop()
        if _cast_if_all_fit(array.slice(start, length), wanted) is not None:
            continue
        if length == 1:
            found.append(start)
            continue
        half = length // 2
        open_slices += [(start, half), (start + half, length - half)]
    return sorted(found)


def _cast_if_all_fit(array: Column, wanted: pa.DataType) -> Column | None:
    try:
        cast = array.cast(wanted)
    except pa.ArrowInvalid:
        return None
    narrowed = pt.is_float32(wanted) and pt.is_float64(array.type)
    if narrowed and pc.any(pc.and_(pc.is_inf(cast), pc.is_finite(array))).as_py():
        return None
    return cast


def _readable(array: Column, index: int) -> str:
    try:
        return shown(array[index].as_py())
    except (ValueError, OverflowError):  # Text that is not UTF-8, and times Python has no type for.
        return "a value that cannot be shown"
