"""Takes dates, gives half-open spans of time and their parts; never a part that overlaps another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000


class Span(NamedTuple):
    """From `first_ms` on, up to but not including `end_ms`; epoch milliseconds."""

    first_ms: int
    end_ms: int

    @property
    def length_ms(self) -> int:
        return self.end_ms - self.first_ms


def days(span: Span) -> list[Span]:
    """Cut at midnight, UTC."""
    return list(_cut(span, DAY_MS))


def parts(span: Span) -> list[Span]:
    """Cut one step finer: a day into hours, an hour into minutes, a minute into seconds, a second into milliseconds."""
    for width_ms, finer_ms in ((HOUR_MS, HOUR_MS), (MINUTE_MS, MINUTE_MS), (1_000, 1_000), (10, 10)):
        if span.length_ms > width_ms:
            return list(_cut(span, finer_ms))
    return list(_cut(span, 1))


def _cut(span: Span, width_ms: int) -> Iterator[Span]:
    first_ms = span.first_ms
    while first_ms < span.end_ms:
        end_ms = min(span.end_ms, (first_ms // width_ms + 1) * width_ms)
        yield Span(first_ms, end_ms)
        first_ms = end_ms


def told(at_ms: int, unit: str = "day") -> str:
    """Give the day, or the hour, a moment is in."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d" if unit == "day" else "%Y-%m-%dT%H:00Z")
