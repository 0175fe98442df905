"""Gives columns for fields nobody filled: nulls or the schema's default; never asks whether the field allows them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from wellhead.avro.shape import Column, Shape


class Vacant:
    """Makes the columns one batch lacks, sharing one array of nulls between all columns of a type.

    Args:
        rows: How long they are.
    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._nulls: dict[pa.DataType, Column] = {}

    def column(self, shape: Shape, *, default: Any) -> Column:
        """Give a column of `default`, or of nulls where that is None."""
        if default is not None:
            return constant(self._rows, shape, default)
        if shape.arrow not in self._nulls:
            self._nulls[shape.arrow] = nulls(self._rows, shape)
        return self._nulls[shape.arrow]


def nulls(rows: int, shape: Shape) -> Column:
    """Give nothing but nulls; in a union without a null branch, nulls of its first branch."""
    if shape.kind != "union":
        kind: Any = shape.arrow
        return pa.nulls(rows, kind)
    codes: Any = pa.array(np.full(rows, shape.null_branch or 0, dtype=np.int8))
    parts = [nulls(rows, child) for child in shape.children]
    return pa.UnionArray.from_sparse(codes, parts, list(shape.names))


def constant(rows: int, shape: Shape, default: Any) -> Column:
    """Give a schema's default, as Avro's JSON writes it, in every row."""
    if shape.kind == "union":  # Avro: a union's default is of its first branch.
        codes: Any = pa.array(np.zeros(rows, dtype=np.int8))
        rest = [nulls(rows, child) for child in shape.children[1:]]
        return pa.UnionArray.from_sparse(codes, [constant(rows, shape.children[0], default), *rest], list(shape.names))
    scalar: Any = pa.scalar(plain_default(default, shape), shape.arrow)
    return pa.repeat(scalar, rows)


def plain_default(default: Any, shape: Shape) -> Any:
    """Give a schema's default as a Python value: Avro's JSON writes bytes as a text, one code point each."""
    return default.encode("latin-1") if isinstance(default, str) and shape.kind in {"bytes", "fixed"} else default
