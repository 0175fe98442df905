"""Takes the values of one vendor field for a whole page, gives an Arrow column; a value of another type is handed back, never bent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

import orjson
import pyarrow as pa

NONE = type(None)
TIME: Any = pa.timestamp("ms", tz="UTC")
EXTENSIONS: Any = pa.map_(pa.string(), pa.string())
Stray = Callable[[int, Any], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """How a field is held.

    Attributes:
        arrow: The column's type.
        types: Python types that parsed JSON may have for it, besides null.
        read: Gives what Arrow is to hold of a value, or None where it does not fit; left out where all of these types do.
        items: Of a list, the Python type of its items where Arrow takes them as they are.
    """

    arrow: Any
    types: frozenset[type]
    read: Callable[[Any], Any] | None = None
    items: type | None = None


def as_text(value: Any) -> str:
    """Give a vendor's value for a column of text: text as it is, the rest as JSON."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _int32(value: int) -> int | None:
    return value if -(2**31) <= value < 2**31 else None


def _int64(value: int) -> int | None:
    return value if -(2**63) <= value < 2**63 else None


def _longs(value: list[Any]) -> list[int] | None:
    return value if set(map(type, value)) <= {int} and all(_int64(item) is not None for item in value) else None


def _ints(value: list[Any]) -> list[int] | None:
    return value if set(map(type, value)) <= {int} and all(_int32(item) is not None for item in value) else None


def _texts(value: list[Any] | str) -> list[str]:
    """Give texts; the newer API joins them with commas."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else list(map(as_text, value))


ANY = frozenset({str, int, float, bool, list, dict})
TEXT = Kind(pa.string(), frozenset({str}))
LOOSE = Kind(pa.string(), ANY, as_text)
INT = Kind(pa.int32(), frozenset({int}), _int32)
LONG = Kind(pa.int64(), frozenset({int}), _int64)
BOOL = Kind(pa.bool_(), frozenset({bool}))
LONGS = Kind(pa.list_(pa.int64()), frozenset({list}), _longs, int)
INTS = Kind(pa.list_(pa.int32()), frozenset({list}), _ints, int)
TEXTS = Kind(pa.list_(pa.string()), frozenset({list, str}), _texts, str)


def column(values: Sequence[Any], kind: Kind, stray: Stray) -> Any:
    """Give `values` as a column; one that does not fit becomes null and is told to `stray` with its row."""
    types = set(map(type, values)) - {NONE}
    if not types:
        return pa.nulls(len(values), kind.arrow)
    if types <= kind.types and (fitting := _whole(values, kind, types)) is not None:
        return fitting
    kept = [_fitting(value, kind) for value in values]
    for row, (value, fits) in enumerate(zip(values, kept, strict=True)):
        if fits is None and value is not None:
            stray(row, value)
    return pa.array(kept, kind.arrow)


def _fitting(value: Any, kind: Kind) -> Any:
    if type(value) not in kind.types:
        return None
    return value if kind.read is None else kind.read(value)


def _whole(values: Sequence[Any], kind: Kind, types: set[type]) -> Any | None:
    """Give the column in one go, None where some value has to be looked at."""
    if kind.items is not None:
        plain = types == {list} and set(map(type, chain.from_iterable(filter(None, values)))) <= {kind.items}
    else:
        plain = list not in kind.types or types == {str}
    if not plain:
        return None
    try:
        return pa.array(values, kind.arrow)
    except (pa.ArrowInvalid, OverflowError):
        return None


@dataclass(slots=True)
class Extras:
    """What has no column, by row and name.

    Attributes:
        rows: How many rows there are.
    """

    rows: int
    found: dict[int, dict[str, str]]

    def stray(self, name: str) -> Stray:
        """Give where a value of `name` that fits no column is told."""
        return lambda row, value: self.found.setdefault(row, {}).__setitem__(name, as_text(value))

    def add_unknown(self, things: Sequence[Mapping[str, Any]], known: frozenset[str]) -> None:
        """Keep every field that is not known, unless it is null."""
        for name in sorted(set().union(*things) - known):
            stray = self.stray(name)
            for row, thing in enumerate(things):
                if thing.get(name) is not None:
                    stray(row, thing[name])

    def column(self) -> Any:
        """Give the column `extensions`."""
        if not self.found:
            return pa.nulls(self.rows, EXTENSIONS)
        return pa.array([list(self.found[row].items()) if row in self.found else None for row in range(self.rows)], EXTENSIONS)


def transposed(things: Sequence[Mapping[str, Any]], names: Iterable[str]) -> dict[str, Sequence[Any]]:
    """Give of each field the values it has in all objects, None where it is absent."""
    nothing = [None] * len(things)
    values: dict[str, Sequence[Any]] = dict.fromkeys(names, nothing)
    present = [name for name in values if any(name in thing for thing in things)]
    try:
        picked = list(map(_picker(tuple(present)), things))
    except KeyError:
        absent = dict.fromkeys(present)
        picked = [_picker(tuple(present))(absent | dict(thing)) for thing in things]
    if len(present) > 1:
        values.update(zip(present, zip(*picked, strict=True), strict=True))
    elif present:
        values[present[0]] = picked
    return values


@lru_cache(maxsize=64)
def _picker(names: tuple[str, ...]) -> Callable[[Any], Any]:
    return itemgetter(*names) if names else tuple


def batch(columns: Mapping[str, Any]) -> pa.RecordBatch:
    """Give columns as one batch."""
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def times(seconds_or_ms: Sequence[int], *, per_sec: int = 1) -> Any:
    """Give a column of times from epoch seconds, or from milliseconds with `per_sec=1000`."""
    scale = 1000 // per_sec
    return pa.array([moment * scale for moment in seconds_or_ms], pa.int64()).cast(TIME)
