"""Takes a column in its logical Arrow form, gives the same bytes under a physical type, and back; never copies a value."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from wellhead.avro.look import entries, offsets_of
from wellhead.avro.shape import Column, Shape


def to_physical(array: Column, shape: Shape) -> Column:
    """Give the column as the columnar encoder wants it."""
    return _seen_as(array, shape, shape.physical, physical=True)


def to_logical(array: Column, shape: Shape) -> Column:
    """Give a decoded physical column its meaning back."""
    return _seen_as(array, shape, shape.arrow, physical=False)


def _seen_as(array: Column, shape: Shape, target: pa.DataType, *, physical: bool) -> Column:
    if array.type == target:
        return array
    if not shape.mixed:
        return array.view(target)
    kind: Any = target  # Arrow cannot view unions, so what is around one is taken apart and put together.
    parts = [_part(array, index, child, physical=physical) for index, child in enumerate(shape.children)]
    if shape.kind == "union":
        return pa.UnionArray.from_sparse(array.type_codes, parts, list(shape.names))
    if shape.kind == "record":
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=array.is_null())
    lists = entries(array)
    offsets = offsets_of(lists)
    if shape.kind == "array":
        return pa.ListArray.from_arrays(offsets, parts[0], type=target, mask=lists.is_null())
    return pa.MapArray.from_arrays(offsets, lists.flatten().field(0), parts[0], type=kind, mask=lists.is_null())


def _part(array: Column, index: int, child: Shape, *, physical: bool) -> Column:
    if isinstance(array, (pa.UnionArray, pa.StructArray)):
        part: Column = array.field(index)
    else:
        items = entries(array).flatten()
        part = items.field(1) if isinstance(array, pa.MapArray) else items
    return _seen_as(part, child, child.physical if physical else child.arrow, physical=physical)
