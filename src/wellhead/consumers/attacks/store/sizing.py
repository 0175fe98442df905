"""Takes how bulks went, gives how large the next may be: half where the store had no room, more again once it has; never above what is set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from wellhead.search.actions import LINE_BYTES, Action

_SMALLEST_DOCS: Final = 10
_SMALLEST_BYTES: Final = 64 * 1024
_GROW_AFTER: Final = 10


class BulkSize:
    """How much a store is given at once.

    Args:
        max_docs: Most documents.
        max_bytes: Most bytes; a single document may have more.
    """

    def __init__(self, max_docs: int, max_bytes: int) -> None:
        self._max_docs = max_docs
        self._max_bytes = max_bytes
        self._halvings = 0
        self._well = 0

    @property
    def docs(self) -> int:
        """Most documents now."""
        return max(min(_SMALLEST_DOCS, self._max_docs), self._max_docs >> self._halvings)

    @property
    def nbytes(self) -> int:
        """Most bytes now."""
        return max(min(_SMALLEST_BYTES, self._max_bytes), self._max_bytes >> self._halvings)

    def went_well(self) -> None:
        """Count a bulk that the store took whole; after some of them the next may be twice as large."""
        self._well += 1
        if self._halvings and self._well >= _GROW_AFTER:
            self._halvings -= 1
            self._well = 0

    def too_much(self) -> None:
        """Halve: the store had no room, or no patience."""
        self._well = 0
        if self.docs > min(_SMALLEST_DOCS, self._max_docs) or self.nbytes > min(_SMALLEST_BYTES, self._max_bytes):
            self._halvings += 1

    def cut(self, actions: Sequence[Action]) -> int:
        """Give how many of `actions`, from the first on, make the next bulk; at least one."""
        taken_bytes = 0
        for number, action in enumerate(actions[: self.docs]):
            taken_bytes += len(action.source) + len(action.index) + len(action.id) + LINE_BYTES
            if taken_bytes > self.nbytes:
                return max(1, number)
        return min(len(actions), self.docs)
