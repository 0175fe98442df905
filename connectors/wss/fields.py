"""Takes a member's `#Fields` names, gives the layout that reads its lines; never relies on a fixed position.

Column names are derived from the vendor's (`cs(User-Agent)` is `cs_user_agent`); `date` and `time` become one column, `time`.
"""

from __future__ import annotations

import importlib.resources
import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

import pyarrow as pa

_TYPES: dict[str, pa.DataType] = {"int": pa.int32(), "long": pa.int64(), "string": pa.string()}
_NOT_A_NAME = re.compile(r"[^0-9a-z]+")
_FIELDS_LINE = re.compile(rb"#\s*Fields\s*:", re.IGNORECASE)


def column_name(vendor_name: str) -> str:
    """Give the column that holds a vendor field.

    >>> column_name("x-icap-reqmod-header(X-ICAP-Metadata)")
    'x_icap_reqmod_header_x_icap_metadata'
    """
    return _NOT_A_NAME.sub("_", vendor_name.lower()).strip("_")


@dataclass(frozen=True)
class Layout:
    """What stands where in a line, by position.

    Attributes:
        names: The vendor's field names, in order.
        columns: Position and column name of each field the schema knows.
        extras: Position and key of each field it does not know, a repeated name numbered (`c-ip#2`).
        date: Position of the date field, None when the header names none.
        clock: Position of the time-of-day field, None when the header names none.
    """

    names: tuple[str, ...]
    columns: tuple[tuple[int, str], ...]
    extras: tuple[tuple[int, str], ...]
    date: int | None
    clock: int | None

    @cached_property
    def numbers(self) -> tuple[tuple[int, str], ...]:
        """Those of `columns` that hold numbers."""
        return tuple((i, name) for i, name in self.columns if known_columns()[name] != pa.string())

    @cached_property
    def directive(self) -> bytes:
        """The header line that declares it, without which its lines cannot be read again."""
        return b"#Fields: " + " ".join(self.names).encode("latin-1")

    @property
    def width(self) -> int:
        return len(self.names)


@cache
def known_columns() -> dict[str, pa.DataType]:
    """The columns of the newest schema that a vendor field can fill, with their types."""
    folder = importlib.resources.files("schemas") / "wss.access_log"
    newest = max((file for file in folder.iterdir() if file.name.endswith(".avsc")), key=lambda file: int(file.name[1:-5]))
    fields = json.loads(newest.read_text(encoding="utf-8"))["fields"]
    return {field["name"]: _TYPES[field["type"][1]] for field in fields if field["name"] not in {"time", "extensions"}}


@lru_cache(maxsize=64)
def layout_of(names: tuple[str, ...]) -> Layout:
    """Give the layout of a header; the first of a repeated name keeps the column, the others become extensions."""
    seen: Counter[str] = Counter()
    columns: list[tuple[int, str]] = []
    extras: list[tuple[int, str]] = []
    when: dict[str, int] = {}
    for position, name in enumerate(names):
        column = column_name(name)
        seen[column] += 1
        if seen[column] > 1:
            extras.append((position, f"{name}#{seen[column]}"))
        elif column in {"date", "time"}:
            when[column] = position
        elif column in known_columns():
            columns.append((position, column))
        else:
            extras.append((position, name))
    return Layout(names, tuple(columns), tuple(extras), when.get("date"), when.get("time"))


def layout_in(directive: bytes, current: Layout | None) -> Layout | None:
    """Give the layout a `#` line declares, or `current` when it is another directive."""
    match = _FIELDS_LINE.match(directive)
    if match is None:
        return current
    names = tuple(directive[match.end() :].decode("latin-1").split())
    return layout_of(names) if names else None


def layout_after(text: bytes, current: Layout | None) -> Layout | None:
    """Give the layout in force behind whole lines of text that begin under `current`."""
    start = 0 if text.startswith(b"#") else text.find(b"\n#") + 1
    while start or text.startswith(b"#"):
        end = text.find(b"\n", start)
        current = layout_in(text[start : end if end >= 0 else len(text)], current)
        start = text.find(b"\n#", end) + 1 if end >= 0 else 0
        if not start:
            break
    return current
