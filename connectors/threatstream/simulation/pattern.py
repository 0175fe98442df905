"""Takes an indicator's number, gives its status at birth and its lifetime, and counts them over any range without looking at each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from connectors.threatstream.simulation.settings import DAY_MS
from wellhead.testing.dice import Ints, Mask, below, throw

STATUSES = ("active", "inactive", "falsepos")
ACTIVE, INACTIVE, FALSEPOS = range(3)
NEVER_MS = 253_402_214_400_000  # 9999-12-31
FAR_MS = 10_993_276_800_000  # 2318-05-14

_CYCLE = 100
_STEP = 37  # coprime to the cycle
# Lifetimes from the last change, in days, and of how many in a hundred; 0 days stand for the two dates above.
_TTL_DAYS = (30, 90, 365, 0, 0)
_TTL_SHARES = (10, 20, 30, 5, 35)
TTL_CLASSES = range(len(_TTL_DAYS))
FAR_CLASS, NEVER_CLASS = 3, 4
TTL_MS = np.array([days * DAY_MS for days in _TTL_DAYS], np.int64)


def expirations(moments: Ints, classes: Ints) -> Ints:
    """Give when indicators last changed at `moments` expire."""
    ends = moments + TTL_MS[classes]
    ends = np.where(classes == FAR_CLASS, FAR_MS, ends)
    return np.asarray(np.where(classes == NEVER_CLASS, NEVER_MS, ends), np.int64)


@dataclass(frozen=True, slots=True)
class Pattern:
    """In each hundred numbers the same shares of statuses and lifetimes, in an order of that hundred's own."""

    salt: int
    statuses: Ints
    classes: Ints

    @classmethod
    def of(cls, salt: int, inactive: float, falsepos: float) -> Pattern:
        statuses = np.zeros(_CYCLE, np.int64)
        statuses[: round(inactive * _CYCLE)] = INACTIVE
        statuses[_CYCLE - round(falsepos * _CYCLE) :] = FALSEPOS
        # The two shares are laid out across each other, so that each status meets each lifetime.
        classes = np.repeat(np.arange(len(_TTL_SHARES), dtype=np.int64), _TTL_SHARES)[np.arange(_CYCLE) * 41 % _CYCLE]
        return cls(salt, statuses, classes)

    def places(self, numbers: Ints) -> Ints:
        """Give each number's place in its hundred."""
        turns = below(throw(numbers // _CYCLE, self.salt), _CYCLE)
        return np.asarray((numbers * _STEP + turns) % _CYCLE, np.int64)

    def count(self, first: int, last: int, wanted: Mask) -> int:
        """Count the numbers from `first` up to, not including, `last` whose place is wanted."""
        if first >= last:
            return 0
        whole_first, whole_last = -(-first // _CYCLE), last // _CYCLE
        if whole_first >= whole_last:
            return self._count_each(first, last, wanted)
        inside = (whole_last - whole_first) * int(wanted.sum())
        edges = self._count_each(first, whole_first * _CYCLE, wanted) + self._count_each(whole_last * _CYCLE, last, wanted)
        return inside + edges

    def _count_each(self, first: int, last: int, wanted: Mask) -> int:
        return int(wanted[self.places(np.arange(first, last, dtype=np.int64))].sum())
