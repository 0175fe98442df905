"""Takes a tenant's hours and row counts, gives which rows exist in which minute and when they can be read, never their content.

A *slice* is one minute of arrival. A position in the log is a slice number; tokens hold one. Rows are numbered from 0
in order of arrival, so that everything about a row follows from its number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connectors.wss.simulation.settings import HOUR_MS, Settings

SLICE_MS = 60_000
SLICES_PER_HOUR = HOUR_MS // SLICE_MS


@dataclass(frozen=True, slots=True)
class Timeline:
    """When a tenant's rows arrive.

    Attributes:
        start_ms: Epoch milliseconds at which slice 0 begins, a whole hour.
        rows: Rows of history.
        history_slices: Slices the history is spread over.
        live_rows_per_hour: Rows per hour in the slices after it.
    """

    start_ms: int
    rows: int
    history_slices: int
    live_rows_per_hour: int

    @classmethod
    def of(cls, settings: Settings, now_ms: int) -> Timeline:
        """Place the history: from `start_ms`, or so that it ends with the hour before the one of `now_ms`."""
        start_ms = settings.start_ms
        if start_ms is None:
            start_ms = now_ms // HOUR_MS * HOUR_MS - settings.hours * HOUR_MS
        return cls(start_ms, settings.rows, settings.hours * SLICES_PER_HOUR, settings.live_rows_per_hour)

    def rows_before(self, position: int) -> int:
        """Count the rows that arrived before a position; that is also the number of its first row."""
        if position <= self.history_slices:
            return self.rows * max(0, position) // self.history_slices
        return self.rows + self.live_rows_per_hour * (position - self.history_slices) // SLICES_PER_HOUR

    def first_rows(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Do `rows_before` for many positions."""
        history = self.rows * np.clip(positions, 0, self.history_slices) // self.history_slices
        live = self.live_rows_per_hour * np.clip(positions - self.history_slices, 0, None) // SLICES_PER_HOUR
        return np.asarray(history + live, dtype=np.int64)

    def position_at(self, at_ms: int) -> int:
        """Give the position of a moment: how many slices were complete by then; 0 before the first."""
        return max(0, (at_ms - self.start_ms) // SLICE_MS)

    def moment_of(self, position: int) -> int:
        """Give the epoch milliseconds at which the slice at a position begins."""
        return self.start_ms + position * SLICE_MS

    def archive_end(self, position: int, limit: int, hours: int | None) -> int:
        """Give where the archive that begins at `position` ends: after at most `hours` that hold rows, never past `limit`.

        Hours in which nothing was logged are passed over. None takes everything up to the limit.
        """
        if hours is None or self.rows_before(position) == self.rows_before(limit):
            return limit
        first_hour = position // SLICES_PER_HOUR
        while self.rows_before((first_hour + 1) * SLICES_PER_HOUR) == self.rows_before(position):
            first_hour += 1
        return min(limit, (first_hour + hours) * SLICES_PER_HOUR)
