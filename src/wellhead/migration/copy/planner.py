"""Takes a job and the store it copies from, gives its slices; never reads or writes a document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from wellhead.migration.copy.clients import Client
from wellhead.migration.copy.counts import Counts, Filters
from wellhead.migration.copy.job import Job
from wellhead.migration.copy.mapping import Layout
from wellhead.migration.copy.slices import Slice, missing, order_filter, time_filter
from wellhead.migration.copy.slicing import Range, cut, packed, slice_docs_for
from wellhead.search.store import SearchStore


@dataclass(frozen=True, slots=True)
class Plan:
    """A job's slices.

    Attributes:
        slices: In order of their numbers.
    """

    slices: tuple[Slice, ...]

    @property
    def docs(self) -> int:
        """How many documents were counted."""
        return sum(each.docs for each in self.slices)


_Share = tuple[tuple[Client, ...] | None, Filters, int]


class StorePlanner:
    """Plans what is copied from a store."""

    def __init__(self, job: Job, store: SearchStore, prefix: str) -> None:
        self._job = job
        self._store = store
        self._prefix = prefix
        self._numbers = count()
        self._most = job.slice_docs

    def plan(self) -> Plan:
        """Count and cut."""
        patterns = [
            (kind, layout, layout.index.format(prefix=self._prefix, month="*")) for kind, layout in self._job.mapping.layouts()
        ]
        self._most = self._job.slice_docs or slice_docs_for(sum(self._store.count(pattern) for _, _, pattern in patterns))
        slices = [
            each
            for kind, layout, pattern in patterns
            for index in sorted(self._store.indices(pattern))
            for each in self._of_index(kind, layout, index)
        ]
        return Plan(tuple(slices))

    def _of_index(self, kind: str, layout: Layout, index: str) -> Iterator[Slice]:
        job, counts = self._job, Counts(self._store, layout)
        owner = layout.client_of(index)
        if layout.client_from_index and (owner is None or owner not in job.chosen):
            return
        for odd in (False, True):
            common = [*time_filter(layout, job.from_ms, job.to_ms), *order_filter(layout, odd=odd)]
            for clients, filters, docs in self._shares(counts, layout, index, common):
                ranges = self._ranges(counts, index, filters, docs, odd=odd)
                for each in ranges:
                    yield Slice(next(self._numbers), kind, index, each.docs, clients, None, each.first, each.end, odd)

    def _shares(self, counts: Counts, layout: Layout, index: str, common: Filters) -> Iterator[_Share]:
        """Yield clients that are copied together, with what finds their documents and how many these are."""
        job = self._job
        if layout.client_from_index:
            yield None, common, counts.all(index, common)
            return
        whose = job.chosen.query(layout.client)
        for names, docs in packed(counts.clients(index, [*common, *whose]), self._most):
            yield names, [*common, {"terms": {layout.client: list(names)}}], docs
        if job.chosen.is_all:
            yield (), [*common, missing(layout.client)], counts.all(index, common, without=layout.client)

    def _ranges(self, counts: Counts, index: str, filters: Filters, docs: int, *, odd: bool) -> list[Range]:
        job = self._job
        if docs > self._most and not odd:
            return cut(counts.buckets(index, filters, docs, self._most), self._most, job.from_ms, job.to_ms)
        return [Range(job.from_ms, job.to_ms, docs)] if docs else []
