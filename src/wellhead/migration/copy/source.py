"""Takes a slice of a store's index, gives its documents page by page in the order of time; never writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from wellhead.errors import PermanentError, TemporaryError
from wellhead.migration.copy.cap import SourceCap
from wellhead.migration.copy.mapping import Mapping
from wellhead.migration.copy.slices import Slice, order_of, query_of
from wellhead.migration.copy.translate import Found
from wellhead.search.store import SearchStore

_PAGE_BYTES = 4 << 20
_WEIGHED_DOCS = 20
_VIEW_IS_GONE = ("context_missing", "No search context found", "pit_id")


@dataclass(frozen=True, slots=True)
class SourcePage:
    """Some documents of a slice.

    Attributes:
        found: The documents.
        skipped: How many others were read that nobody asked for.
        after: Where the next page begins; a later read may go on from here.
    """

    found: list[Found]
    skipped: int
    after: list[Any]


class Source(Protocol):
    """Where documents come from."""

    def pages(self, wanted: Slice, after: list[Any] | None, size: int, cap: SourceCap) -> Iterator[SourcePage]:
        """Yield the documents of a slice from `after` on."""
        ...


class StoreSource:
    """Reads from a search store: over a point in time where it has one, else by position alone.

    Args:
        store: The store.
        mapping: Which fields hold client, time and what tells documents of one time apart.
    """

    def __init__(self, store: SearchStore, mapping: Mapping) -> None:
        self._store = store
        self._mapping = mapping
        self._doc_bytes: dict[str, float] = {}

    def pages(self, wanted: Slice, after: list[Any] | None, size: int, cap: SourceCap) -> Iterator[SourcePage]:
        """Yield the documents of a slice from `after` on, `size` to a page or fewer where they are large.

        Raises:
            TemporaryError: The store is away, or has forgotten its point in time.
            PermanentError: It refuses.
        """
        layout = self._mapping.layout(wanted.kind)
        order, query = order_of(wanted, layout), query_of(wanted, layout)
        size = self._fitting(wanted, query, cap, cap.page_docs(size))
        reading = self._store.pages(wanted.place, query, sort=order, size=size, after=after)
        with closing(reading):  # type: ignore[type-var]  # a generator
            while True:
                try:
                    with cap.page(size):
                        page = next(reading, None)
                except PermanentError as error:
                    if any(word in str(error) for word in _VIEW_IS_GONE):
                        raise TemporaryError(f"{error}. Its point in time is gone; the slice goes on with a new one") from error
                    raise
                if page is None:
                    return
                self._weigh(wanted.place, page.hits[:_WEIGHED_DOCS])
                yield SourcePage([_found(wanted.kind, hit) for hit in page.hits], 0, page.after)

    def _fitting(self, wanted: Slice, query: Any, cap: SourceCap, size: int) -> int:
        """Give how many documents make a page of at most `_PAGE_BYTES`, by what those of the index weighed so far."""
        if size <= _WEIGHED_DOCS:
            return size
        if wanted.place not in self._doc_bytes:
            with cap.page(_WEIGHED_DOCS):
                answer = self._store.search(wanted.place, {"query": query, "size": _WEIGHED_DOCS})
            self._weigh(wanted.place, answer["hits"]["hits"])
        doc_bytes = self._doc_bytes.get(wanted.place, 1.0)
        return min(size, max(_WEIGHED_DOCS, int(_PAGE_BYTES / doc_bytes)))

    def _weigh(self, place: str, hits: list[dict[str, Any]]) -> None:
        if hits:
            self._doc_bytes[place] = max(1.0, sum(len(orjson.dumps(hit["_source"])) for hit in hits) / len(hits))


def _found(kind: str, hit: dict[str, Any]) -> Found:
    return Found(kind, hit["_index"], hit["_id"], hit.get("_version"), hit["_source"])
