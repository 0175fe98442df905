"""Takes rates and moments, gives when the n-th thing happens and how many happened before a moment; never keeps a list of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from wellhead.testing.dice import Ints

UIDS_PER_MS = 64
# Update ids gain a digit in the middle of the history: a client that compares them as text stops there.
MIDDLE_UID = 10**12
# Nothing in the history is younger than this when life begins, so that a client's stability delay has passed.
SETTLED_MS = 600_000
_MS_PER_1000_MINUTES = 60_000_000


class Line(Protocol):
    """Things that happen one after the other, never two in a millisecond."""

    def moments(self, events: Ints) -> Ints:
        """Give when things happen, epoch milliseconds."""
        ...

    def before(self, at_ms: int) -> int:
        """Count the things that happen before a moment."""
        ...


@dataclass(frozen=True, slots=True)
class History:
    """So many things spread evenly over a span of time."""

    origin_ms: int
    span_ms: int
    rows: int

    def moments(self, events: Ints) -> Ints:
        return np.asarray(self.origin_ms + events * self.span_ms // max(1, self.rows), np.int64)

    def before(self, at_ms: int) -> int:
        return max(0, min(self.rows, -(-(at_ms - self.origin_ms) * self.rows // self.span_ms)))


@dataclass(frozen=True, slots=True)
class Life:
    """Things that happen at a steady rate from a moment on, for ever; `per_1000_minutes` may be 0."""

    start_ms: int
    per_1000_minutes: int

    def moments(self, events: Ints) -> Ints:
        return np.asarray(self.start_ms + (events + 1) * _MS_PER_1000_MINUTES // max(1, self.per_1000_minutes), np.int64)

    def before(self, at_ms: int) -> int:
        return max(0, -(-(at_ms - self.start_ms) * self.per_1000_minutes // _MS_PER_1000_MINUTES) - 1)


@dataclass(frozen=True, slots=True)
class UpdateIds:
    """The vendor's numbering of changes: it rises with time over all types, 64 numbers a millisecond.

    Each kind of change of each type has a place of its own in the millisecond; the number after one is never taken by its own type.
    """

    origin_ms: int
    span_ms: int

    @property
    def first(self) -> int:
        return MIDDLE_UID - self.span_ms // 2 * UIDS_PER_MS

    def of(self, moments: Ints, slot: int) -> Ints:
        return np.asarray(self.first + (moments - self.origin_ms) * UIDS_PER_MS + slot, np.int64)

    def at(self, at_ms: int) -> int:
        """Give the lowest number of a millisecond."""
        return self.first + (at_ms - self.origin_ms) * UIDS_PER_MS

    def moments(self, uids: Ints) -> Ints:
        """Give when the changes with these numbers were made."""
        return np.asarray(self.origin_ms + (uids - self.first) // UIDS_PER_MS, np.int64)

    def moment_at_or_after(self, uid: int, slot: int) -> int:
        """Give the first millisecond whose number at `slot` is not below `uid`."""
        return self.origin_ms - (self.first + slot - uid) // UIDS_PER_MS
