"""Takes versions of documents that change often, gives each at most once in a while, the newest; never one later than that while."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from wellhead.consumers.attacks.store.batch import Place, version_of
from wellhead.consumers.attacks.store.documents import Document
from wellhead.search.actions import Action

Taken = tuple[Document, int]
"""A document and the term of its partition."""
PACED: Final = "attack"
"""Hits are written once; attacks change with every hit."""
_ALONE_SECS: Final = 0.1


class Pace:
    """Attacks that were written just now, and their newer versions that wait until that is long enough ago.

    What is new to it passes at once, so an attack is found as soon as its first hit is.

    Args:
        every_secs: Between two writes of the same attack; 0 lets everything pass.
    """

    def __init__(self, every_secs: float) -> None:
        self._every_secs = every_secs
        self._written: dict[Place, float] = {}  # in the order of their times
        self._held: dict[Place, Taken] = {}
        self._nbytes = 0
        self.superseded = 0
        """How many were replaced while they waited, since this was last set to 0."""

    def __len__(self) -> int:
        return len(self._held)

    @property
    def nbytes(self) -> int:
        """What waits weighs, about."""
        return self._nbytes

    def holds(self, taken: Taken, now_secs: float) -> bool:
        """Keep a document if its attack was written just now; False when it may be written."""
        action = taken[0].action
        if action is None or taken[0].kind != PACED:
            return False
        place = (action.index, action.id)
        written_secs = self._written.get(place)
        if written_secs is None or now_secs - written_secs >= self._every_secs:
            return False
        self._hold(place, taken)
        return True

    def due(self, now_secs: float, most: int) -> list[Taken]:
        """Give what has waited long enough, the longest first."""
        found: list[Taken] = []
        for place, written_secs in self._written.items():
            if now_secs - written_secs < self._every_secs or len(found) >= most:
                break
            if place in self._held:
                found.append(self._held.pop(place))
        self._nbytes -= sum(document.nbytes for document, _ in found)
        return found

    def due_in_secs(self, now_secs: float) -> float | None:
        """Give how soon something is to be written even where nothing comes that it could go with; None while nothing waits."""
        if not self._held:
            return None
        first_secs = next(written_secs for place, written_secs in self._written.items() if place in self._held)
        return max(_ALONE_SECS, first_secs + self._every_secs - now_secs)

    def written(self, actions: Iterable[Action], now_secs: float) -> None:
        """Note what is written now, and forget what was long ago."""
        if self._every_secs <= 0:
            return
        for action in actions:
            place = (action.index, action.id)
            self._written.pop(place, None)
            self._written[place] = now_secs
        for place in [*self._old(now_secs)]:
            del self._written[place]

    def floor(self, partition: int) -> int | None:
        """Give the offset of the first document of a partition that waits; None when none does."""
        return min((document.offset for document, _ in self._held.values() if document.partition == partition), default=None)

    def drop(self, partitions: frozenset[int]) -> None:
        """Forget what waits of partitions that are given up; the next owner reads it again."""
        self._held = {place: each for place, each in self._held.items() if each[0].partition not in partitions}
        self._nbytes = sum(document.nbytes for document, _ in self._held.values())

    def _hold(self, place: Place, taken: Taken) -> None:
        known = self._held.get(place)
        if known is not None:
            self.superseded += 1
            if version_of(known[0]) > version_of(taken[0]):
                return
            self._nbytes -= known[0].nbytes
        self._held[place] = taken
        self._nbytes += taken[0].nbytes

    def _old(self, now_secs: float) -> Iterable[Place]:
        for place, written_secs in self._written.items():
            if now_secs - written_secs < self._every_secs:
                return
            if place not in self._held:
                yield place
