"""Takes a column of the right Arrow type, finds the rows whose values the schema still cannot take; never changes the column."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wellhead.avro.place import Indexes, Mask, Place
from wellhead.avro.rejects import shown
from wellhead.avro.shape import Column, Shape, needs_look


def look(array: Column, shape: Shape, place: Place) -> None:
    """Add a fault for every null in a required place and every unknown enum symbol, however deep."""
    if array.null_count and not shape.nullable:
        for entry in _where(array.is_null()):
            place.fault(entry, "missing, and the schema requires it")
    if not shape.ruled or len(array) == array.null_count:
        return
    if shape.kind == "enum":
        _look_at_symbols(array, shape, place)
    elif shape.kind == "record":
        _look_at_record(array, shape, place)
    elif shape.kind == "union":
        _look_at_union(array, shape, place)
    else:
        _look_at_items(array, shape, place)


def _look_at_symbols(array: Column, shape: Shape, place: Place) -> None:
    known: Column = pc.is_in(array, value_set=pa.array([*shape.symbols, None], pa.string()))
    if known.true_count == len(array):
        return
    for entry in _where(pc.invert(known)):
        place.fault(entry, f"{shown(array[entry].as_py())} is not one of the symbols {', '.join(shape.symbols)}")


def _look_at_record(array: Column, shape: Shape, place: Place) -> None:
    valid = valid_in(array)
    for index, (name, child) in enumerate(zip(shape.names, shape.children, strict=True)):
        if needs_look(child):
            look(array.field(index), child, place.part(name, valid))


def _look_at_items(array: Column, shape: Shape, place: Place) -> None:
    lists = entries(array)
    items = lists.flatten()
    if shape.kind == "map":
        items = items.field(1)
    look(items, shape.children[0], place.among(shape.names[0], parents_of(lists)))


def _look_at_union(array: Column, shape: Shape, place: Place) -> None:
    codes = array.type_codes.to_numpy()
    for branch, child in enumerate(shape.children):
        mine = np.flatnonzero(codes == branch)
        if len(mine) and needs_look(child):
            look(array.field(branch).take(pa.array(mine)), child, place.among("", mine))


def entries(array: Column) -> Column:
    """Give a map as a list of key and value records; a list as it is."""
    if not isinstance(array, pa.MapArray):
        return array
    kind = array.type
    return array.cast(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)])))


def parents_of(lists: Column) -> Indexes:
    """Give, for each item of `lists.flatten()`, the index of the list it is in."""
    parents: Column = pc.list_parent_indices(lists)
    return np.asarray(parents.to_numpy(zero_copy_only=False), dtype=np.int64)


def offsets_of(lists: Column) -> Column:
    """Give the offsets that cut `lists.flatten()` into lists again."""
    counted: Column = pc.list_value_length(lists)
    lengths = np.asarray(counted.fill_null(0).to_numpy(), dtype=np.int64)
    return pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))


def valid_in(array: Column) -> Mask | None:
    """Say which entries are not null; None where all are."""
    if array.null_count == 0:
        return None
    return np.asarray(array.is_valid().to_numpy(zero_copy_only=False), dtype=np.bool_)


def _where(flags: Column) -> list[int]:
    found: list[int] = np.flatnonzero(flags.to_numpy(zero_copy_only=False)).tolist()
    return found
