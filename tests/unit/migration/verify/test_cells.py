"""Cells hold what a store counted and added up for each client and span, whichever way it was asked."""

from wellhead.migration.copy.mappings import load_mapping
from wellhead.migration.verify import cells, digest
from wellhead.migration.verify.cells import Cell, differing
from wellhead.migration.verify.digest import NOTHING, Digest
from wellhead.migration.verify.rules import rules_of
from wellhead.migration.verify.spans import Span
from wellhead.migration.verify.view import view_of

DAYS = [Span(0, 10), Span(10, 20)]
VIEW = view_of("hits", load_mapping("identity").layout("hits"), "to", "w")
PLACE = digest.Place("client_id", "time", [0, 10], joda=False)


def bucket(docs: int):
    months = {"buckets": [{"key": "w-hits-2026.02", "doc_count": docs}]}
    return {"doc_count": docs, "types": {"buckets": [{"key": "sqli", "doc_count": docs}]}, "months": months}


def test_parts_of_one_cell_are_added_up():
    """What several shards say of one client and span is one digest, as if one shard had held all; sums overflow like the store's."""
    parts = [[7, 0, 1, 2**63 - 1, 5], [7, 0, 2, 3, -1], [7, 1, 1, 8, 9]]
    found = digest.read({"value": parts})
    assert found == {(7, 0): NOTHING.plus(3, 2**63 + 2, 5 ^ -1), (7, 1): Digest(1, 8, 9)}
    assert found == digest.read({"value": [parts[2], [7, 0, 3, 2**63 + 2 - 2**64, 5 ^ -1]]})
    assert digest.read({"value": None}) == {}


def test_each_cell_has_its_count_and_its_digest():
    """Each client's span gets its own count, and its own digest; one without documents adds up to nothing, and differs from one with some."""
    buckets = [{"key": 7, "spans": {"buckets": {"0": bucket(2), "1": {"doc_count": 0}}}}]
    counted = cells.read(VIEW, [7, 8], DAYS, {"clients": {"buckets": buckets}})
    assert counted.pop((7, DAYS[0])) == Cell(2, {"sqli": 2}, {"2026.02": 2})
    assert list(counted.values()) == [Cell()] * 3
    added_up = cells.read_added_up(VIEW, [7, 8], DAYS, {digest.NAME: {"value": [["7", 0, 2, 11, 12]]}})
    first = added_up.pop((7, DAYS[0]))
    assert first == Cell(2, digest=Digest(2, 11, 12))
    assert list(added_up.values()) == [Cell(digest=NOTHING)] * 3
    assert differing(first, Cell(2, digest=Digest(2, 11, 13))) == ["content"]
    assert differing(first, Cell(digest=NOTHING)) == ["count", "content"]


def test_documents_without_client_have_cells_too():
    """Where documents name no client, the question is for one alone, and its digest stands under no name."""
    assert set(cells.question(VIEW, [None], DAYS)["aggs"]) == {"spans"}
    counted = cells.read(VIEW, [None], DAYS, {"spans": {"buckets": {"0": bucket(1), "1": bucket(0)}}})
    assert [counted[None, day].docs for day in DAYS] == [1, 0]
    added_up = cells.read_added_up(VIEW, [None], DAYS, {digest.NAME: {"value": [["", 0, 1, 3, 4]]}})
    assert [added_up[None, day].digest for day in DAYS] == [Digest(1, 3, 4), NOTHING]


def test_a_store_adds_up_without_buckets():
    """All clients and spans are added up in one sum: for each bucket a store would unpack its documents once more."""
    asked = cells.adding_question(VIEW, [7, 8], DAYS, digest.aggregation(rules_of(), None, PLACE))
    (aggregation,) = asked["aggs"].values()
    (how,) = aggregation
    assert how == "scripted_metric"
    assert (aggregation[how]["params"]["firsts"], aggregation[how]["params"]["client"]) == ([0, 10], "client_id")
