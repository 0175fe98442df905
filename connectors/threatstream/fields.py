"""Takes the values of one vendor field for a whole page, gives an Arrow column; a value of another type is handed back, never bent.

Column names are the vendor's names, but for those that stand inside `meta`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import orjson
import pyarrow as pa

TIME: Any = pa.timestamp("ms", tz="UTC")
NONE = type(None)


@dataclass(frozen=True, slots=True)
class Kind:
    """How a field is held.

    Attributes:
        arrow: The column's type.
        types: Python types that parsed JSON may have for it, besides null.
        read: Gives what Arrow is to hold of a value of these types, or None where it does not fit; left out where all do.
        items: Of a list, the Python type of its items.
    """

    arrow: Any
    types: frozenset[type]
    read: Callable[[Any], Any] | None = None
    items: type | None = None


def _int32(value: int) -> int | None:
    return value if -(2**31) <= value < 2**31 else None


def _int64(value: int) -> int | None:
    return value if value < 2**63 else None


def _moment(value: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _texts(value: list[Any]) -> list[str] | None:
    return value if set(map(type, value)) <= {str} else None


def _longs(value: list[Any]) -> list[int] | None:
    fits = set(map(type, value)) <= {int} and all(_int64(item) is not None for item in value)
    return value if fits else None


TEXT = Kind(pa.string(), frozenset({str}))
INT = Kind(pa.int32(), frozenset({int}), _int32)
LONG = Kind(pa.int64(), frozenset({int}), _int64)
DOUBLE = Kind(pa.float64(), frozenset({float, int}))
BOOL = Kind(pa.bool_(), frozenset({bool}))
MOMENT = Kind(TIME, frozenset({str}), _moment)
TEXTS = Kind(pa.list_(pa.string()), frozenset({list}), _texts, str)
LONGS = Kind(pa.list_(pa.int64()), frozenset({list}), _longs, int)

COLUMNS: Mapping[str, Kind] = {
    **dict.fromkeys(("id", "update_id", "feed_id", "import_session_id", "owner_organization_id"), LONG),
    **dict.fromkeys(
        ("value", "uuid", "resource_uri", "type", "subtype", "itype", "ip", "status", "threat_type", "source"), TEXT
    ),
    **dict.fromkeys(("tlp", "asn", "org", "country", "rdns", "description", "created_by"), TEXT),
    **dict.fromkeys(("confidence", "source_reported_confidence", "retina_confidence", "threatscore"), INT),
    **dict.fromkeys(("created_ts", "modified_ts", "expiration_ts", "source_created", "source_modified"), MOMENT),
    **dict.fromkeys(("latitude", "longitude"), DOUBLE),
    **dict.fromkeys(("is_public", "is_anonymous", "is_editable", "can_add_public_tags"), BOOL),
    "trusted_circle_ids": LONGS,
    "target_industry": TEXTS,
}
META = ("severity", "detail", "detail2", "maltype")
"""Texts inside the vendor's `meta` that have columns of their own."""
AS_JSON = ("workgroups", "locations", "source_locations")
"""Lists whose shape varies: kept as JSON where they hold anything."""
PAGING = frozenset({"sort"})
"""Belongs to the search, not to the indicator."""
NAMES = frozenset({*COLUMNS, *AS_JSON, *PAGING, "tags", "meta"})


def column(values: Sequence[Any], kind: Kind, stray: Callable[[int, Any], None]) -> Any:
    """Give `values` as a column; one that does not fit becomes null and is told to `stray` with its row."""
    types = set(map(type, values)) - {NONE}
    if types <= kind.types and (fitting := _whole(values, kind)) is not None:
        return fitting
    kept = [_fitting(value, kind) for value in values]
    for row, (value, fits) in enumerate(zip(values, kept, strict=True)):
        if fits is None and value is not None and not (kind is MOMENT and value == ""):
            stray(row, value)
    return pa.array(kept, kind.arrow)


def _fitting(value: Any, kind: Kind) -> Any:
    if type(value) not in kind.types:
        return None
    return value if kind.read is None else kind.read(value)


def _whole(values: Sequence[Any], kind: Kind) -> Any | None:
    """Give the column in one go, None where some value does not fit."""
    if kind.items is not None and not set(map(type, chain.from_iterable(filter(None, values)))) <= {kind.items}:
        return None
    try:
        if kind is MOMENT:
            return pa.array(values, pa.string()).cast(TIME)
        return pa.array(values, kind.arrow)
    except (pa.ArrowInvalid, OverflowError):
        return None


def as_text(value: Any) -> str:
    """Give a vendor's value for a column of text: text as it is, the rest as JSON."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
