"""Proves on a real OpenSearch 2.19 and Elasticsearch 6.8 that one store speaks to both, with one outcome."""

from __future__ import annotations

import pytest

from wellhead.clock import SystemClock
from wellhead.config.store import StoreSettings
from wellhead.errors import PermanentError
from wellhead.search.actions import total_of
from wellhead.search.store import Action, SearchStore

SETTINGS = {"index": {"number_of_shards": 2, "number_of_replicas": 0}}
MAPPINGS = {"dynamic": False, "properties": {"n": {"type": "long"}, "ip": {"type": "ip"}}}


@pytest.fixture(params=["opensearch", "elasticsearch"])
def store(request, unique):
    url = request.getfixturevalue("search_url" if request.param == "opensearch" else "old_search_url")
    made = SearchStore(StoreSettings(url=url, index_prefix=unique.rstrip(".")), clock=SystemClock())
    assert made.about().product == request.param
    yield made
    made.delete_index(f"{made.settings.index_prefix}-2026.01,{made.settings.index_prefix}-2026.02")
    made.close()


def actions(prefix, count, version=5):
    months = ("2026.01", "2026.02")
    return [
        Action(f"{prefix}-{months[number % 2]}", f"x:{number}", b'{"n":%d,"ip":"192.0.2.1"}' % number, version)
        for number in range(count)
    ]


def test_documents_come_back_as_they_were_written(store):
    """Newer versions replace and older ones change nothing; all are counted, searched by type, got by id and read page by page over both months."""
    prefix = store.settings.index_prefix
    every = f"{prefix}-*"
    store.put_template(prefix, [every], SETTINGS, MAPPINGS)
    assert (store.indices(every), store.count(every), store.get(f"{prefix}-2026.01", "x:0")) == ([], 0, None)
    assert list(store.pages(every, {"match_all": {}}, sort=[{"n": "asc"}], size=10)) == []
    assert total_of(store.search(f"{prefix}-2026.01", {})) == 0
    assert store.bulk(actions(prefix, 25)).done == 25
    assert store.bulk(actions(prefix, 5, version=9)).done == 5
    again = store.bulk(actions(prefix, 25))
    assert (again.done, again.stale, again.refused, again.busy) == (0, 25, [], [])
    store.refresh(every)
    assert store.indices(every) == [f"{prefix}-2026.01", f"{prefix}-2026.02"]
    assert store.count(every, {"term": {"ip": "192.0.2.0/24"}}) == 25
    found = store.search(every, {"query": {"range": {"n": {"lt": 7}}}, "size": 0, "track_total_hits": True})
    assert total_of(found) == 7
    newest = store.get(f"{prefix}-2026.02", "x:1")
    assert newest is not None
    assert (newest["_version"], newest["_source"]) == (9, {"n": 1, "ip": "192.0.2.1"})
    pages = list(store.pages(every, {"match_all": {}}, sort=[{"n": "asc"}], size=10))
    assert [len(page.hits) for page in pages] == [10, 10, 5]
    assert [hit["_version"] for page in pages for hit in page.hits] == [9] * 5 + [5] * 20
    rest = store.pages(every, {"match_all": {}}, sort=[{"n": "asc"}], size=10, after=pages[1].after)
    assert [hit["_id"] for page in rest for hit in page.hits] == [f"x:{number}" for number in range(20, 25)]


def test_what_a_document_does_wrong_costs_no_other(store):
    """In one bulk with good ones, what is of the wrong type, no JSON, or has an id that is too long is refused alone; creations and deletions say what was there."""
    prefix = store.settings.index_prefix
    index = f"{prefix}-2026.01"
    store.put_template(prefix, [f"{prefix}-*"], SETTINGS, MAPPINGS)
    assert store.bulk([Action(index, "there", b"{}", op="create")]).done == 1
    answer = store.bulk(
        [
            Action(index, "good", b'{\n"n": 1\n}', 1),
            Action(index, "typed", b'{"n":"x"}', 1),
            Action(index, "cut", b'{"n":1', 1),
            Action(index, "i" * 513, b"{}", 1),
            Action(index, "there", b"{}", op="create"),
            Action(index, "gone", b"", op="delete"),
            Action(index, "last", b'{"n":2}', 1),
        ]
    )
    assert (answer.done, answer.stale, answer.busy) == (2, 2, [])
    assert sorted(each.action.id for each in answer.refused) == ["cut", "i" * 513, "typed"]
    assert {each.status for each in answer.refused} == {400}


def test_an_index_that_may_not_be_made_blames_no_document(store):
    """Where the store makes no indices by itself, a bulk fails as a whole, with what to change."""
    index = f"{store.settings.index_prefix}-2026.02"
    store.call("PUT", "/_cluster/settings", body={"transient": {"action.auto_create_index": f"-{index}*,+*"}})
    try:
        with pytest.raises(PermanentError, match="auto_create_index"):
            store.bulk([Action(index, "a", b"{}", 1)])
    finally:
        store.call("PUT", "/_cluster/settings", body={"transient": {"action.auto_create_index": None}})
    assert store.bulk([Action(index, "a", b"{}", 1)]).done == 1
