"""Takes how many connections each family had at a time, gives how fast one grows; remembers one window and no more."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import nlargest
from typing import Any

_PARTS = 12
"""So many samples of a window are kept, however often there is a snapshot."""
_MS = 1000
_MIN_MS = 60_000


class Window:
    """Counts by family over the last `secs`, of the largest `most` families.

    Between two snapshots with changes nothing changes, so a sample holds until the next one.
    """

    def __init__(self, secs: float, most: int) -> None:
        self._length_ms = int(secs * _MS)
        self._most = most
        self._samples: list[tuple[int, dict[str, int], int]] = []

    def add(self, time_ms: int, counts: Mapping[str, int]) -> None:
        """Note what was counted at `time_ms`."""
        if self._samples and time_ms - self._samples[-1][0] < self._length_ms / _PARTS:
            return
        kept, least = dict(counts), 0
        if len(kept) > self._most:
            kept = dict(nlargest(self._most, counts.items(), key=lambda one: (one[1], one[0])))
            least = min(kept.values())
        self._samples.append((time_ms, kept, least))
        while len(self._samples) > 1 and self._samples[1][0] <= time_ms - self._length_ms:
            del self._samples[0]

    def per_min(self, time_ms: int, family: str, count: int) -> float | None:
        """Give by how many connections a minute a family has grown; None while a window has not been seen yet.

        A family that was too small to be kept had at most as many as the smallest kept, and is taken to have had those.
        """
        began = [sample for sample in self._samples if sample[0] <= time_ms - self._length_ms]
        if not began:
            return None
        _, counts, least = began[-1]
        return (count - counts.get(family, least)) * _MIN_MS / self._length_ms

    @property
    def cut(self) -> bool:
        """Whether families were left out."""
        return any(least for _, _, least in self._samples)

    def kept(self) -> list[Any]:
        """Give all of it as JSON can hold it."""
        return [[time_ms, dict(counts), least] for time_ms, counts, least in self._samples]

    def restore(self, kept: list[Any]) -> None:
        """Take back what `kept` gave."""
        self._samples = [(time_ms, dict(counts), least) for time_ms, counts, least in kept]
