"""Takes documents in the order they were read, gives what of them is written together; never writes an older version beside a newer one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from wellhead.consumers.attacks.store.documents import Document
from wellhead.consumers.attacks.store.templates import KINDS
from wellhead.search.actions import Action

Place = tuple[str, str]
"""Index and id of a document."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Documents that are stored together.

    Attributes:
        documents: Those to be written, of each id the newest, attacks before hits.
        unreadable: Messages that ask for no write.
        superseded: How many were left out, because a newer version of the same document stands beside them.
        ends: By partition, the offset after its last and the term in which it was assigned.
    """

    documents: Mapping[Place, Document]
    unreadable: Sequence[Document]
    superseded: int
    ends: Mapping[int, tuple[int, int]]

    def actions(self) -> list[Action]:
        """Give the writes, in order."""
        return [document.action for document in self.documents.values() if document.action is not None]


def batch_of(taken: Iterable[tuple[Document, int]], superseded: int = 0) -> Batch:
    """Make a batch of documents in the order they stood, each with its partition's term; `superseded` others were left out before."""
    newest: dict[Place, Document] = {}
    unreadable: list[Document] = []
    ends: dict[int, tuple[int, int]] = {}
    for document, term in taken:
        ends[document.partition] = (max(document.offset + 1, ends.get(document.partition, (0, 0))[0]), term)
        if document.action is None:
            unreadable.append(document)
            continue
        place = (document.action.index, document.action.id)
        known = newest.get(place)
        if known is not None:
            superseded += 1
        if known is None or version_of(document) >= version_of(known):
            newest[place] = document
    ordered = {place: document for kind in KINDS for place, document in newest.items() if document.kind == kind}
    return Batch(ordered, unreadable, superseded, ends)


def version_of(document: Document) -> int:
    """Give the version a document is written under; 0 where it asks for no write."""
    return (document.action.version or 0) if document.action is not None else 0
