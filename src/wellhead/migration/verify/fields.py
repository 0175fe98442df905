"""Takes two documents that differ, gives the fields in which they do, with values cut or hidden; never shows what was typed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wellhead.migration.verify.canonical import encoded
from wellhead.migration.verify.document import Document, is_older
from wellhead.migration.verify.rules import INDEX, VERSION, Rules

How = Literal["value", "type", "time", "missing", "extra", "index", "version"]
_LONGEST = 60
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """One field in which two documents differ.

    Attributes:
        path: Dotted path of the field.
        how: In its value, its type, by a span of time; it is missing in the target, or only there.
        left: What the source says, cut or hidden.
        right: What the target says, likewise.
        shift_ms: How much later the target has it, for times.
    """

    path: str
    how: How
    left: str
    right: str
    shift_ms: int | None = None

    def fields(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        found: dict[str, Any] = {"path": self.path, "how": self.how, "from": self.left, "to": self.right}
        return found | ({"shift_ms": self.shift_ms} if self.shift_ms is not None else {})


def differences(left: Document, right: Document, rules: Rules) -> list[FieldDifference]:
    """Give the fields that differ, a bounded number of them."""
    found: list[FieldDifference] = []
    if INDEX not in rules.ignored and left.index != right.index:
        found.append(FieldDifference(INDEX, "index", left.index, right.index))
    if VERSION not in rules.ignored and is_older(left, right):
        found.append(FieldDifference(VERSION, "version", str(left.version), str(right.version)))
    found += _of_mappings(left.form(rules), right.form(rules), "", rules)
    return found[:_SHOWN]


def _of_mappings(left: Mapping[str, Any], right: Mapping[str, Any], path: str, rules: Rules) -> Iterator[FieldDifference]:
    for name in sorted({*left, *right}):
        where = f"{path}{name}"
        if name not in right:
            yield FieldDifference(where, "missing", _shown(where, left[name], rules), "")
        elif name not in left:
            yield FieldDifference(where, "extra", "", _shown(where, right[name], rules))
        elif encoded(left[name]) != encoded(right[name]):
            yield from _of_values(left[name], right[name], where, rules)


def _of_values(left: Any, right: Any, where: str, rules: Rules) -> Iterator[FieldDifference]:
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        yield from _of_mappings(left, right, f"{where}.", rules)
        return
    shown = _shown(where, left, rules), _shown(where, right, rules)
    if _kind(left) != _kind(right):
        yield FieldDifference(where, "type", f"{_kind(left)} {shown[0]}", f"{_kind(right)} {shown[1]}")
    elif _kind(left) == "number" and _is_time(where):
        yield FieldDifference(where, "time", *shown, shift_ms=round(right - left))
    else:
        yield FieldDifference(where, "value", *shown)


def _is_time(path: str) -> bool:
    name = path.rpartition(".")[2]
    return name == "time" or name.endswith("_time")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return "text" if isinstance(value, str) else "list" if isinstance(value, list) else "object"


def _shown(path: str, value: Any, rules: Rules) -> str:
    text = encoded(value).decode()
    if path.partition(".")[0] in rules.hidden:
        return f"({len(text)} characters, sha256 {hashlib.sha256(text.encode()).hexdigest()[:12]})"
    return cut(text)


def cut(text: str) -> str:
    """Give a text that can be shown in one line, cut where it is long."""
    # JSON escapes control characters; what else a terminal would obey is no text either.
    clean = "".join(char if char.isprintable() else "?" for char in text)
    return clean if len(clean) <= _LONGEST else f"{clean[:_LONGEST]}... ({len(clean)} characters)"
