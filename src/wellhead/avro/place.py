"""Says where in a batch the entries of a nested column stand; holds no values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from wellhead.avro.rejects import Faults

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Indexes = np.ndarray[Any, np.dtype[np.int64]]


def _same_row(entry: int) -> int:
    return entry


@dataclass(frozen=True, slots=True)
class Place:
    """Where a column, or a part of one, comes from.

    Attributes:
        path: Its dotted name, for messages.
        faults: Where its faults are added.
        row_of: Gives the row an entry belongs to.
        live: Which entries mean anything; None means all. The fields of a null record mean nothing.
    """

    path: str
    faults: Faults
    row_of: Callable[[int], int] = _same_row
    live: Mask | None = None

    def fault(self, entry: int, reason: str) -> None:
        """Note that the row `entry` belongs to cannot be taken, unless the entry means nothing."""
        if self.live is None or self.live[entry]:
            self.faults.add(self.row_of(entry), self.path, reason)

    def part(self, name: str, valid: Mask | None) -> Place:
        """Give the place of a record's field; `valid` says which records are not null, None that all are."""
        live = self.live if valid is None else valid if self.live is None else valid & self.live
        return replace(self, path=f"{self.path}.{name}", live=live)

    def among(self, suffix: str, parents: Indexes) -> Place:
        """Give the place of items, where `parents` names the entry each of them stands in."""
        live = None if self.live is None else self.live[parents]
        return Place(self.path + suffix, self.faults, lambda item: self.row_of(int(parents[item])), live)
