"""Takes an Avro type, gives how Arrow holds it and how the columnar encoder is fed with it; refuses what Arrow cannot hold.

Every type has two Arrow forms. The *logical* one is what batches carry (timestamps, dates, decimals). The *physical* one
has the same bytes under a plainer name (a timestamp is a long, bytes are a string), because the columnar encoder knows
only plain types; going from one to the other copies nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import Any, TypeAlias

import pyarrow as pa

from wellhead.errors import PermanentError

Column: TypeAlias = Any
"""An Arrow array. The stubs type arrays by their element; here that is known only when a schema has been read."""

PRIMITIVES: dict[str, pa.DataType] = {
    "null": pa.null(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "bytes": pa.binary(),
    "string": pa.string(),
}
LOGICAL: dict[tuple[str, str], pa.DataType] = {
    ("int", "date"): pa.date32(),
    ("int", "time-millis"): pa.time32("ms"),
    ("long", "time-micros"): pa.time64("us"),
    ("long", "timestamp-millis"): pa.timestamp("ms", "UTC"),
    ("long", "timestamp-micros"): pa.timestamp("us", "UTC"),
    ("long", "timestamp-nanos"): pa.timestamp("ns", "UTC"),
    ("long", "local-timestamp-millis"): pa.timestamp("ms"),
    ("long", "local-timestamp-micros"): pa.timestamp("us"),
    ("long", "local-timestamp-nanos"): pa.timestamp("ns"),
}
MAX_DECIMAL_128 = 38
MAX_DECIMAL_256 = 76


@dataclass(frozen=True, slots=True)
class Shape:
    """One Avro type, compiled.

    Attributes:
        kind: Avro's word for it: `string`, `enum`, `record`, ... (a union of null and one type is that type, nullable).
        avro: The type itself, without the null branch.
        arrow: The logical Arrow type.
        physical: The physical Arrow type.
        physical_avro: The Avro type to encode the physical form with: same bytes, no logical types, unique names.
        null_branch: Which branch of the union null is, or None where null is not allowed.
        columnar: Whether the columnar encoder takes it.
        ruled: Whether a value of the right Arrow type can still be wrong (null inside a required part, an unknown symbol).
        mixed: Whether it is a union of several types, or holds one.
        fragile: Whether a slice of it is misread, by Arrow (unions) or by the encoder (records in records): to be copied.
        names: Names of the children of a record or union.
        children: Parts of an array (one), map (values), record (fields) or union (branches, null among them).
        symbols: The symbols of an enum.
        defaults: Default values of a record's fields, by name, where they have one.
    """

    kind: str
    avro: Any
    arrow: pa.DataType
    physical: pa.DataType
    physical_avro: Any
    null_branch: int | None = None
    columnar: bool = True
    ruled: bool = False
    mixed: bool = False
    fragile: bool = False
    names: tuple[str, ...] = ()
    children: tuple[Shape, ...] = ()
    symbols: tuple[str, ...] = ()
    defaults: tuple[tuple[str, Any], ...] = ()

    @property
    def nullable(self) -> bool:
        return self.null_branch is not None or self.kind == "null"

    @property
    def title(self) -> str:
        """Avro's name of the type, for messages."""
        return str(self.avro.get("logicalType", self.kind)) if isinstance(self.avro, dict) else self.kind


def shape_of(avro: Any, where: str) -> Shape:
    """Compile an expanded Avro type; `where` names the field in errors.

    Raises:
        PermanentError: The type is recursive or cannot stand in an Arrow column.
    """
    shape = _Compiler(bytes_as_strings=True).shape(avro, where)
    return shape if shape.columnar else _Compiler(bytes_as_strings=False).shape(avro, where)


class _Compiler:
    """Compiles one type.

    Args:
        bytes_as_strings: Whether bytes are physically strings. Their encodings are the same, and the columnar encoder
            knows only strings; what goes row by row must not take bytes for text.
    """

    def __init__(self, *, bytes_as_strings: bool) -> None:
        self._bytes_as_strings = bytes_as_strings
        self._serial = count()

    def shape(self, avro: Any, where: str) -> Shape:
        if isinstance(avro, list):
            return self._union(avro, where)
        kind = avro["type"] if isinstance(avro, dict) else avro
        if isinstance(kind, (list, dict)):
            return self.shape(kind, where)
        if kind in {"record", "error"}:
            return self._record(avro, where)
        if kind == "array":
            return self._array(avro, where)
        if kind == "map":
            return self._map(avro, where)
        if kind == "enum":
            name = f"n{next(self._serial)}"
            physical_avro = {"type": "enum", "name": name, "symbols": avro["symbols"]}
            symbols = tuple(avro["symbols"])
            return Shape("enum", avro, pa.string(), pa.string(), physical_avro, ruled=True, symbols=symbols)
        logical = avro.get("logicalType") if isinstance(avro, dict) else None
        if logical == "decimal":
            return self._decimal(avro, kind, where)
        if kind == "fixed":
            arrow = pa.binary(avro["size"])
            fixed = {"type": "fixed", "name": f"n{next(self._serial)}", "size": avro["size"]}
            return Shape("fixed", avro, arrow, arrow, fixed, columnar=False)
        if kind not in PRIMITIVES:
            raise PermanentError(
                f"{where}: type {kind!r} refers to itself; an Arrow column cannot hold it. Flatten it or use a map."
            )
        return self._primitive(avro, kind, logical)

    def _primitive(self, avro: Any, kind: str, logical: str | None) -> Shape:
        arrow = LOGICAL.get((kind, logical or ""), PRIMITIVES[kind])
        if kind == "bytes" and self._bytes_as_strings:
            return Shape(kind, avro, arrow, pa.string(), "string")
        return Shape(kind, avro, arrow, PRIMITIVES[kind], kind)

    def _decimal(self, avro: Any, kind: str, where: str) -> Shape:
        precision, scale = avro["precision"], avro.get("scale", 0)
        if precision > MAX_DECIMAL_256:
            raise PermanentError(
                f"{where}: decimal precision {precision} is above {MAX_DECIMAL_256}, the most Arrow can hold. Lower it."
            )
        arrow = pa.decimal128(precision, scale) if precision <= MAX_DECIMAL_128 else pa.decimal256(precision, scale)
        physical_avro = {**avro, "name": f"n{next(self._serial)}"} if kind == "fixed" else avro
        return Shape(kind, avro, arrow, arrow, physical_avro, columnar=False)

    def _array(self, avro: Any, where: str) -> Shape:
        item = self.shape(avro["items"], f"{where}[]")
        physical_avro = {"type": "array", "items": with_null(item)}
        arrow, physical = pa.list_(item.arrow), pa.list_(item.physical)
        return _items(Shape("array", avro, arrow, physical, physical_avro, names=("[]",)), item)

    def _map(self, avro: Any, where: str) -> Shape:
        value = self.shape(avro["values"], f"{where}{{}}")
        physical_avro = {"type": "map", "values": with_null(value)}
        arrow, physical = pa.map_(pa.string(), value.arrow), pa.map_(pa.string(), value.physical)
        return _items(Shape("map", avro, arrow, physical, physical_avro, names=("{}",)), value)

    def _record(self, avro: Any, where: str) -> Shape:
        name = f"n{next(self._serial)}"
        names = tuple(part["name"] for part in avro["fields"])
        children = tuple(self.shape(part["type"], f"{where}.{part['name']}") for part in avro["fields"])
        fields = [{"name": part, "type": with_null(child)} for part, child in zip(names, children, strict=True)]
        return Shape(
            "record",
            avro,
            pa.struct([pa.field(part, child.arrow) for part, child in zip(names, children, strict=True)]),
            pa.struct([pa.field(part, child.physical) for part, child in zip(names, children, strict=True)]),
            {"type": "record", "name": name, "fields": fields},
            columnar=all(child.columnar for child in children),
            ruled=any(needs_look(child) for child in children),
            mixed=any(child.mixed for child in children),
            fragile=any(child.fragile or _holds_record(child) for child in children),
            names=names,
            children=children,
            defaults=tuple((part["name"], part["default"]) for part in avro["fields"] if "default" in part),
        )

    def _union(self, avro: list[Any], where: str) -> Shape:
        if len(avro) == 2 and "null" in avro:  # noqa: PLR2004 - null and one type
            null_branch = avro.index("null")
            return replace(self.shape(avro[1 - null_branch], where), null_branch=null_branch)
        children = tuple(self.shape(branch, where) for branch in avro)
        ambiguous = {"string", "bytes"} <= {child.kind for child in children}  # As strings they would be one branch twice.
        names = tuple(f"{index}_{child.kind}" for index, child in enumerate(children))
        return Shape(
            "union",
            avro,
            pa.sparse_union([pa.field(name, child.arrow) for name, child in zip(names, children, strict=True)]),
            pa.sparse_union([pa.field(name, child.physical) for name, child in zip(names, children, strict=True)]),
            [child.physical_avro for child in children],
            avro.index("null") if "null" in avro else None,
            columnar=not ambiguous and all(child.columnar for child in children),
            ruled=True,
            mixed=True,
            fragile=True,
            names=names,
            children=children,
        )


def _items(whole: Shape, item: Shape) -> Shape:
    return replace(
        whole, columnar=item.columnar, ruled=needs_look(item), mixed=item.mixed, fragile=item.fragile, children=(item,)
    )


def _holds_record(shape: Shape) -> bool:
    return shape.kind == "record" or any(_holds_record(child) for child in shape.children)


def with_null(shape: Shape) -> Any:
    """Give the physical Avro type with its null branch back in place."""
    if shape.kind in {"union", "null"} or shape.null_branch is None:
        return shape.physical_avro
    return ["null", shape.physical_avro] if shape.null_branch == 0 else [shape.physical_avro, "null"]


def needs_look(shape: Shape) -> bool:
    """Say whether values of this shape, once of the right Arrow type, must still be looked at."""
    return shape.ruled or not shape.nullable
