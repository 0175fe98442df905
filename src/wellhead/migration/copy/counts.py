"""Takes a store and a layout, gives how many documents there are by client and by time; never reads a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wellhead.migration.copy.clients import Client
from wellhead.migration.copy.mapping import Layout
from wellhead.migration.copy.slices import MS_PER_SEC, time_filter
from wellhead.migration.copy.slicing import Bucket, width_ms
from wellhead.search.store import SearchStore

Filters = Sequence[Mapping[str, Any]]
_CLIENTS_PER_ANSWER = 1_000
_TOO_FULL = 1.5


class Counts:
    """Asks one store for numbers.

    Args:
        store: The source.
        layout: Which fields hold client and time.
    """

    def __init__(self, store: SearchStore, layout: Layout) -> None:
        self._store = store
        self._layout = layout
        self._unit_ms = MS_PER_SEC if layout.time_unit == "s" else 1

    def all(self, index: str, filters: Filters, *, without: str | None = None) -> int:
        """Count documents, of those only that have no field `without`."""
        missing = [] if without is None else [{"exists": {"field": without}}]
        return self._store.count(index, {"bool": {"filter": list(filters), "must_not": missing}})

    def clients(self, index: str, filters: Filters) -> dict[Client, int]:
        """Count the documents of each client."""
        counts: dict[Client, int] = {}
        after: Mapping[str, Any] | None = None
        while True:
            paging: dict[str, Any] = {} if after is None else {"after": after}
            sources = [{"client": {"terms": {"field": self._layout.client}}}]
            asked = {"composite": {"size": _CLIENTS_PER_ANSWER, "sources": sources, **paging}}
            answer = self._ask(index, filters, asked)
            counts |= {bucket["key"]["client"]: bucket["doc_count"] for bucket in answer["buckets"]}
            after = answer.get("after_key") or (answer["buckets"][-1]["key"] if answer["buckets"] else None)
            if len(answer["buckets"]) < _CLIENTS_PER_ANSWER:
                return counts

    def span(self, index: str, filters: Filters) -> tuple[int, int] | None:
        """Give the first and last time in epoch milliseconds; None where no document has one."""
        low, high = (self._ask(index, filters, {word: {"field": self._layout.time}})["value"] for word in ("min", "max"))
        return None if low is None else (int(low) * self._unit_ms, int(high) * self._unit_ms)

    def buckets(self, index: str, filters: Filters, docs: int, most: int) -> list[Bucket]:
        """Count documents by time, finely enough to be cut into slices of `most`."""
        span = self.span(index, filters)
        return [] if span is None else list(self._divided(index, filters, span, docs, most))

    def _divided(self, index: str, filters: Filters, span: tuple[int, int], docs: int, most: int) -> Iterator[Bucket]:
        width = width_ms(span[1] - span[0] + 1, docs, most, least_ms=self._unit_ms)
        within = [*filters, *time_filter(self._layout, span[0], span[1] + 1)]
        asked = {"field": self._layout.time, "interval": width // self._unit_ms, "min_doc_count": 1}
        for found in self._ask(index, within, {"histogram": asked})["buckets"]:
            first_ms = int(found["key"]) * self._unit_ms
            if found["doc_count"] > most * _TOO_FULL and width > self._unit_ms:
                low, high = max(span[0], first_ms), min(span[1], first_ms + width - 1)
                yield from self._divided(index, filters, (low, high), found["doc_count"], most)
            else:
                yield Bucket(first_ms, width, found["doc_count"])

    def _ask(self, index: str, filters: Filters, aggregation: Mapping[str, Any]) -> dict[str, Any]:
        body = {"size": 0, "query": {"bool": {"filter": list(filters)}}, "aggs": {"asked": aggregation}}
        answer: dict[str, Any] = self._store.search(index, body)["aggregations"]["asked"]
        return answer
