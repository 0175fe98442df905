"""Takes weights by key, gives their sums: exact while there are few keys, within a known error in bounded memory when there are many."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from heapq import nlargest
from typing import Any

from datasketches import count_min_sketch, hll_sketch, hll_union, tgt_hll_type  # type: ignore[import-untyped]

_ROWS = 3
_LG_K = 11
_TYPE = tgt_hll_type.HLL_8


class Tally:
    """Sums by key.

    Up to `most` keys it is exact. Then a count-min sketch holds the sums, which are never too low, and a HyperLogLog the number of keys;
    the `most` keys with the largest sums stay known by name. What it holds survives JSON to the last bit.

    Attributes:
        total: The sum of all.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._top: dict[str, int] = {}
        self._sums: count_min_sketch | None = None
        self._keys: hll_sketch | None = None
        self.total = 0

    @property
    def approximate(self) -> bool:
        """Whether there are more keys than are held exactly."""
        return self._sums is not None

    def add(self, found: Mapping[str, int]) -> None:
        """Add weights by key."""
        for key, weight in sorted(found.items()):
            self.total += weight
            if self._sums is None:
                self._top[key] = self._top.get(key, 0) + weight
                if len(self._top) > self._most:
                    self._sketch()
            else:
                self._note(key, weight)
        if len(self._top) > 2 * self._most:
            self._shrink()

    def _sketch(self) -> None:
        self._sums, self._keys = count_min_sketch(_ROWS, max(64, 2 * self._most)), hll_sketch(_LG_K, _TYPE)
        held, self._top = self._top, {}
        for key, weight in held.items():
            self._note(key, weight)

    def _note(self, key: str, weight: int) -> None:
        if self._sums is not None and self._keys is not None:
            self._sums.update(key, float(weight))
            self._keys.update(key)
            self._top[key] = int(self._sums.get_estimate(key))

    def _shrink(self) -> None:
        self._top = dict(nlargest(self._most, self._top.items(), key=lambda one: (one[1], one[0])))

    def items(self) -> dict[str, int]:
        """Give the sums of the keys known by name."""
        return dict(self._top)

    @property
    def distinct(self) -> int:
        """How many keys there are."""
        return len(self._top) if self._keys is None else round(self._keys.get_estimate())

    def kept(self) -> dict[str, Any]:
        """Give all of it as JSON can hold it."""
        sketched = self._sums is not None and self._keys is not None
        return {
            "top": dict(self._top),
            "total": self.total,
            "sums": _text(self._sums.serialize()) if sketched and self._sums else None,
            "keys": _text(self._keys.serialize_updatable()) if sketched and self._keys else None,
        }

    @classmethod
    def read(cls, most: int, kept: Mapping[str, Any]) -> Tally:
        """Give back what `kept` gave."""
        made = cls(most)
        made.restore(kept)
        return made

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Take back what `kept` gave."""
        self._top, self.total = dict(kept["top"]), kept["total"]
        if kept["sums"] is not None:
            self._sums = count_min_sketch.deserialize(base64.b85decode(kept["sums"]))
            self._keys = hll_sketch.deserialize(base64.b85decode(kept["keys"]))

    def count_in(self, union: hll_union) -> None:
        """Add its keys to a count of different ones."""
        if self._keys is not None:
            union.update(self._keys)
        else:
            for key in self._top:
                union.update(key)


def distinct_of(tallies: Sequence[Tally]) -> int:
    """Give how many different keys several tallies have."""
    if not any(one.approximate for one in tallies):
        return len({key for one in tallies for key in one.items()})
    union = hll_union(_LG_K)
    for one in tallies:
        one.count_in(union)
    return round(float(union.get_estimate()))


def _text(data: bytes) -> str:
    return base64.b85encode(data).decode()
