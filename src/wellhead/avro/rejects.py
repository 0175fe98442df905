"""Holds rows a schema cannot take, each with its field and reason; never the rows that were kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was not encoded.

    Attributes:
        index: Its position in what was handed in.
        field: The dotted path of the first field that was wrong.
        reason: What was wrong with it, in words.
        row: The row as it came in.
    """

    index: int
    field: str
    reason: str
    row: dict[str, Any]


@dataclass(slots=True)
class Faults:
    """Collects the first fault of each row, by row index."""

    found: dict[int, tuple[str, str]] = field(default_factory=dict)

    def add(self, row: int, path: str, reason: str) -> None:
        self.found.setdefault(row, (path, reason))

    def bad_rows(self, row_at: Callable[[int], dict[str, Any]]) -> list[BadRow]:
        """Give the collected rows in order; `row_at` gives the row at an index."""
        return [BadRow(index, path, reason, row_at(index)) for index, (path, reason) in sorted(self.found.items())]


def shown(value: object) -> str:
    """Give `value` for a message, cut so that one row cannot fill a screen."""
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}… ({len(text)} characters)"
