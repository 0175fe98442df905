"""Takes columns of what is known of some indicators, gives them picked and put in order of update_id; never what they look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wellhead.testing.dice import Ints, Mask


@dataclass(frozen=True, slots=True)
class Rows:
    """Some indicators of one type as they stand: which, their latest change, status and end."""

    numbers: Ints
    uids: Ints
    statuses: Ints
    ends_ms: Ints

    def __len__(self) -> int:
        return len(self.numbers)

    def pick(self, which: Mask | Ints | slice) -> Rows:
        return Rows(self.numbers[which], self.uids[which], self.statuses[which], self.ends_ms[which])

    def without(self, numbers: Ints) -> Rows:
        """Leave these indicators out."""
        return self.pick(~np.isin(self.numbers, numbers)) if len(numbers) else self

    def ordered(self) -> Rows:
        return self.pick(np.argsort(self.uids, kind="stable"))

    @classmethod
    def of(cls, rows: Sequence[tuple[int, int, int, int]]) -> Rows:
        columns = np.array(rows, np.int64).reshape(-1, 4)
        return cls(columns[:, 0], columns[:, 1], columns[:, 2], columns[:, 3])

    @classmethod
    def together(cls, parts: Sequence[Rows]) -> Rows:
        """Put parts behind each other."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([NONE.numbers, *(part.numbers for part in parts)]),
            np.concatenate([NONE.uids, *(part.uids for part in parts)]),
            np.concatenate([NONE.statuses, *(part.statuses for part in parts)]),
            np.concatenate([NONE.ends_ms, *(part.ends_ms for part in parts)]),
        )


NONE = Rows.of([])
