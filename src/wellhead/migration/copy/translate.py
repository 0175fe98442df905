"""Takes a document as it was found and its layout, gives the write that puts it into the target, or why it cannot go; never reads a store."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from wellhead.errors import WellheadError
from wellhead.migration.copy.clients import number_of
from wellhead.migration.copy.mapping import INDEX, INDEX_AND_ID, Layout
from wellhead.search.store import Action

_MONTH = re.compile(r"(\d{4})[._-]?(0[1-9]|1[0-2])(?!\d)")
_PAIR = 2


@dataclass(frozen=True, slots=True)
class Found:
    """A document as a source holds it.

    Attributes:
        kind: hits or attacks.
        place: Its index, or where in a topic it stands.
        id: Its id there.
        version: Its version there.
        content: Its fields, or their JSON.
        month: Which month it belongs to, where the source says so.
    """

    kind: str
    place: str
    id: str
    version: int | None
    content: Mapping[str, Any] | bytes
    month: str | None = None


class Untranslatable(WellheadError):  # noqa: N818 - says what the document is
    """A document does not fit its mapping; the message says why, without its values."""


class Translator:
    """Makes writes of documents of one kind.

    Args:
        layout: What becomes of them.
        prefix: The target's index.prefix.
    """

    def __init__(self, layout: Layout, prefix: str) -> None:
        self._layout = layout
        self._prefix = prefix
        self._needs_month = "{month}" in layout.target
        self._is_straight = layout.is_identity and layout.id == "_id" and layout.version == "_version"
        self._indices: dict[str, str] = {}

    def action(self, found: Found) -> Action:
        """Give the write of one document.

        Raises:
            Untranslatable: It cannot go as it is.
        """
        layout = self._layout
        if self._is_straight and (not self._needs_month or layout.month == INDEX or found.month is not None):
            source = found.content if isinstance(found.content, bytes) else _encoded(found.content)
            return Action(self._index_of_place(found), found.id, source, self._version(found, {}))
        before = orjson.loads(found.content) if isinstance(found.content, bytes) else found.content
        id_ = self._id(found, before)
        after = before if layout.is_identity else self._translated(before) | self._told(found, id_)
        return Action(self._index(found, after), id_, _encoded(after), self._version(found, before))

    def _translated(self, before: Mapping[str, Any]) -> dict[str, Any]:
        layout = self._layout
        gone = {*layout.drop, *layout.rename}
        after = {name: value for name, value in before.items() if name not in gone}
        after |= {new: before[old] for old, new in layout.rename.items() if old in before}
        for name, converter in layout.convert.items():
            if after.get(name) is not None:
                after[name] = _converted(name, after[name], converter)
        return after | layout.constant

    def _told(self, found: Found, id_: str) -> dict[str, Any]:
        """Give what the document itself does not say."""
        layout = self._layout
        told: dict[str, Any] = {layout.id_to: id_} if layout.id_to else {}
        client = layout.client_of(found.place) if layout.client_to else None
        return told | ({layout.client_to: number_of(client)} if layout.client_to and client is not None else {})

    def _id(self, found: Found, before: Mapping[str, Any]) -> str:
        if self._layout.id == "_id":
            return found.id
        if self._layout.id == INDEX_AND_ID:
            return f"{found.place}:{found.id}"
        given = before.get(self._layout.id)
        if isinstance(given, list) and len(given) == _PAIR:
            given = ":".join(map(str, given))
        if not isinstance(given, str | int) or given == "":
            raise Untranslatable(f"its field {self._layout.id} holds no id")
        return str(given)

    def _version(self, found: Found, before: Mapping[str, Any]) -> int:
        wanted = self._layout.version
        given = wanted if isinstance(wanted, int) else found.version if wanted == "_version" else before.get(wanted)
        if not isinstance(given, int) or given < 0:
            raise Untranslatable(f"it has no version in {wanted}")
        return given

    def _index_of_place(self, found: Found) -> str:
        """Give the index that only the name of the former one, or the month it came with, decides."""
        place = found.month or found.place
        index = self._indices.get(place)
        if index is None:
            index = self._indices[place] = self._index(found, {})
        return index

    def _index(self, found: Found, after: Mapping[str, Any]) -> str:
        month = self._month(found, after) if self._needs_month else ""
        return self._layout.target.format(prefix=self._prefix, month=month)

    def _month(self, found: Found, after: Mapping[str, Any]) -> str:
        if found.month is not None:
            return found.month
        if self._layout.month == INDEX:
            months = _MONTH.findall(found.place)
            if not months:
                raise Untranslatable(f"the name of its index {found.place} tells no month; set month to a field")
            return ".".join(months[-1])
        time_ms = after.get(self._layout.month)
        if not isinstance(time_ms, int) or isinstance(time_ms, bool):
            raise Untranslatable(f"its field {self._layout.month} holds no epoch milliseconds, so its month is not known")
        return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y.%m")


def _encoded(fields: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(fields)
    except TypeError:
        raise Untranslatable("it holds a number of more than 64 bits; convert the field to text") from None


def _converted(name: str, value: Any, converter: str) -> Any:
    try:
        return _CONVERTERS[converter](value)
    except (TypeError, ValueError, IndexError, OverflowError):
        raise Untranslatable(f"its field {name} is a {type(value).__name__} that cannot become {converter}") from None


def _whole(value: Any) -> int:
    number = float(value) if isinstance(value, float) else int(value)
    if number != int(number):
        raise ValueError("not whole")
    return int(number)


def _truth(value: Any) -> bool:
    known = {"true": True, "false": False, "1": True, "0": False}
    text = str(value).lower()
    if text not in known:
        raise ValueError("neither true nor false")
    return known[text]


def _iso_to_ms(value: Any) -> int:
    time = datetime.fromisoformat(value)
    return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)


def _pair(value: Any) -> Any:
    return value if isinstance(value, str) else ":".join(str(part) for part in list(value))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "int": _whole,
    "float": float,
    "text": _text,
    "bool": _truth,
    "secs_to_ms": lambda value: round(float(value) * 1000),
    "iso_to_ms": _iso_to_ms,
    "pair": _pair,
    "list": lambda value: value if isinstance(value, list) else [value],
    "first": lambda value: value[0] if isinstance(value, list) else value,
}
