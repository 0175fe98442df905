"""Takes a batch, gives for each row whether it matches; a null never matches, unless null is what is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from wellhead.clock import Clock
from wellhead.transforms.columns import Column, Rows


class Predicate(Protocol):
    """Tells which rows match."""

    def test(self, table: pa.RecordBatch) -> Rows:
        """Give a boolean for each row, null where its field is null."""
        ...


@dataclass(frozen=True, slots=True)
class Condition:
    """A predicate, or its opposite.

    Attributes:
        predicate: The predicate.
        negate: Whether the rows are meant that it does not match.
    """

    predicate: Predicate
    negate: bool = False

    def test(self, table: pa.RecordBatch) -> Rows:
        """Give a boolean without nulls for each row."""
        matched: Rows = pc.fill_null(self.predicate.test(table), False)
        return pc.invert(matched) if self.negate else matched


@dataclass(frozen=True, slots=True)
class FieldEquals:
    """Matches where a field has one of some values, an Arrow array of its type."""

    name: str
    values: Column

    def test(self, table: pa.RecordBatch) -> Rows:
        """Compare."""
        return pc.is_in(table.column(self.name), value_set=self.values)


@dataclass(frozen=True, slots=True)
class FieldMatches:
    """Matches where a text field contains a match of an RE2 pattern."""

    name: str
    pattern: str

    def test(self, table: pa.RecordBatch) -> Rows:
        """Search."""
        column: Column = table.column(self.name)
        return pc.match_substring_regex(column, self.pattern)


@dataclass(frozen=True, slots=True)
class FieldIsNull:
    """Matches where a field is null."""

    name: str

    def test(self, table: pa.RecordBatch) -> Rows:
        """Look."""
        return pc.is_null(table.column(self.name))


@dataclass(frozen=True, slots=True)
class OlderThan:
    """Matches where a time lies more than `age_secs` before now."""

    name: str
    age_secs: float
    clock: Clock = field(repr=False)

    def test(self, table: pa.RecordBatch) -> Rows:
        """Compare with the clock."""
        column: Column = table.column(self.name)
        limit_ms = self.clock.now_ms() - round(self.age_secs * 1000)
        limit: Any = pa.scalar(limit_ms, pa.timestamp("ms", tz=column.type.tz)).cast(column.type)
        return pc.less(column, limit)
