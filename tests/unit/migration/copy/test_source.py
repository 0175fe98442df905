"""A page is bounded by documents, by bytes and by what the source may be asked for."""

import pytest

from wellhead.config.store import StoreSettings
from wellhead.migration.copy.cap import SourceCap
from wellhead.migration.copy.job import Caps
from wellhead.migration.copy.mappings import load_mapping
from wellhead.migration.copy.slices import Slice
from wellhead.migration.copy.source import StoreSource
from wellhead.search.actions import Page
from wellhead.testing.blockingclock import SteppingClock

SLICE = Slice(0, "hits", "wellhead-hits-2026.02", 9)


class FakeStore:
    """Holds one document of a size; notes how large pages are wished."""

    settings = StoreSettings(url="http://x:1")

    def __init__(self, doc_bytes):
        self.hits = [
            {"_index": SLICE.place, "_id": "a", "_version": 1, "_source": {"value": "x" * doc_bytes}, "sort": [1, "a"]}
        ]
        self.sizes, self.probes = [], 0

    def search(self, _index, _body):
        self.probes += 1
        return {"hits": {"hits": self.hits}}

    def pages(self, _index, _query, *, sort, size, after):
        self.sizes.append(size)
        yield Page(self.hits, [1, "a"])


def read(store, size, docs_per_sec=0.0):
    clock = SteppingClock()
    cap = SourceCap(lambda: Caps(docs_per_sec=docs_per_sec), lambda: 1.0, clock, lambda secs: clock.advance(secs) or False)
    source = StoreSource(store, load_mapping("identity"))
    for _ in range(2):
        assert [found.id for page in source.pages(SLICE, None, size, cap) for found in page.found] == ["a"]
    return store.sizes


@pytest.mark.parametrize(("doc_bytes", "docs"), [(500, 4000), (4096, 1000), (40 * 4096, 25), (9_000_000, 20)])
def test_large_documents_make_small_pages(doc_bytes, docs):
    """About four megabytes at most, which bounds what waits in memory; asked beforehand only once for an index."""
    store = FakeStore(doc_bytes)
    sizes = read(store, 4000)
    assert sizes == [pytest.approx(docs, rel=0.05)] * 2
    assert store.probes == 1


def test_a_capped_source_is_not_asked_for_more_than_a_second_holds():
    """A page is the step in which a cap is kept, so it stays small; yet never tiny."""
    assert read(FakeStore(10), 4000, docs_per_sec=700) == [700, 700]
    assert read(FakeStore(10), 4000, docs_per_sec=3) == [100, 100]


def test_small_pages_are_as_they_were_wished():
    """Nobody asks for the weight of documents of which twenty are read."""
    store = FakeStore(9_000_000)
    assert read(store, 7) == [7, 7]
    assert store.probes == 0
