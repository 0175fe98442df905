"""Proves what a bulk request looks like and what its answer means, item by item."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wellhead.errors import PermanentError, TemporaryError
from wellhead.search.actions import Action, size_bytes
from wellhead.search.bulk import body_of, fit, read_answer
from wellhead.search.dialect import dialect_of

TYPELESS = dialect_of({"version": {"number": "2.19.6", "distribution": "opensearch"}})
TYPED = dialect_of({"version": {"number": "6.8.23"}})
ONE = Action("i-2026.02", "a:1", b'{"n":1}', 7)


def lines(actions, dialect=TYPELESS):
    return [orjson.loads(line) for line in body_of(actions, dialect).splitlines()]


def answered(*items, actions=None):
    return read_answer(actions or [ONE] * len(items), {"items": [{"index": item} for item in items]}, "store 's' at h")


def error(status, kind, reason, **more):
    return {"status": status, "error": {"type": kind, "reason": reason, **more}}


def test_an_action_is_a_line_and_its_document_another():
    """Index, id and external version stand in the action's line; a creation has no version and a deletion no document."""
    actions = [ONE, Action("i", "b", b"{}", 3, "create"), Action("i", "c", b"", 9, "delete"), Action("i", "d", b"{}")]
    assert lines(actions) == [
        {"index": {"_index": "i-2026.02", "_id": "a:1", "version": 7, "version_type": "external"}},
        {"n": 1},
        {"create": {"_index": "i", "_id": "b"}},
        {},
        {"delete": {"_index": "i", "_id": "c", "version": 9, "version_type": "external"}},
        {"index": {"_index": "i", "_id": "d"}},
        {},
    ]
    assert body_of(actions, TYPELESS).endswith(b"\n")


def test_elasticsearch_6_is_told_a_type():
    """The type stands with each action, and only there."""
    assert lines([ONE], TYPED)[0]["index"]["_type"] == "_doc"
    assert "_type" not in lines([ONE])[0]["index"]


@given(
    st.recursive(st.integers(-(2**63), 2**63 - 1) | st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=5)
)
def test_a_document_stays_one_line(value):
    """However it was written, a document cannot become two lines, so it cannot smuggle in an action."""
    source = orjson.dumps({"v": value}, option=orjson.OPT_INDENT_2)
    (action,), refused = fit([Action("i", "a", source)])
    assert refused == []
    assert b"\n" not in action.source
    assert orjson.loads(action.source) == orjson.loads(source)


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (Action("i", "a", b'{"n":\n'), "is no JSON"),
        (Action("i", "a", b'{}\n{"delete":{"_id":"b"}}'), "is no JSON"),
        (Action("i", "a", b""), "is empty"),
        (Action("i", "", b"{}"), "512 bytes"),
        (Action("i", "ü" * 257, b"{}"), "512 bytes"),
        (Action("", "a", b"{}"), "no index"),
        (Action("i", "a", b"{}", -1), "version"),
        (Action("i", "a", b"{}", 2**63), "version"),
    ],
)
def test_what_would_spoil_the_whole_bulk_is_refused_alone(action, reason):
    """What the store would refuse together with its neighbours never gets there."""
    whole, (refused,) = fit([ONE, action, Action("i", "x", b"", None, "delete")])
    assert [each.id for each in whole] == ["a:1", "x"]
    assert (refused.action, refused.status) == (action, 400)
    assert reason in refused.reason


def test_each_item_is_in_one_place():
    """Written, there already, wrong in itself, no room now: every action is in exactly one of them."""
    actions = [Action("i", str(number), b"{}", 1) for number in range(7)]
    deletion = Action("i", "x", b"", None, "delete")
    answer = read_answer(
        [*actions, deletion],
        {
            "items": [
                {"index": {"status": 201}},
                {"index": {"status": 200}},
                {"index": error(409, "version_conflict_engine_exception", "[1]: version conflict")},
                {"index": error(400, "mapper_parsing_exception", "no", caused_by={"type": "x", "reason": "because"})},
                {"index": error(429, "es_rejected_execution_exception", "queue is full")},
                {"index": error(503, "unavailable_shards_exception", "no primary")},
                {"index": error(413, "too_large", "no")},
                {"delete": {"status": 404}},
            ]
        },
        "here",
    )
    assert (answer.done, answer.stale, answer.known) == (2, 2, [actions[2], deletion])
    assert [(each.action, each.status) for each in answer.refused] == [(actions[3], 400), (actions[6], 413)]
    assert answer.refused[0].reason == "mapper_parsing_exception: no: x: because"
    assert answer.busy == [actions[4], actions[5]]


@pytest.mark.parametrize(
    ("item", "kind", "advice"),
    [
        (error(403, "security_exception", "no permissions for [indices:data/write]"), PermanentError, "Grant"),
        (error(403, "cluster_block_exception", "blocked by: [FORBIDDEN/12/index read-only];"), TemporaryError, "disk"),
        (error(429, "cluster_block_exception", "blocked by: [TOO_MANY_REQUESTS/12/disk]"), TemporaryError, "disk"),
        (error(404, "index_not_found_exception", "no such index"), PermanentError, "auto_create_index"),
        (
            error(400, "validation_exception", "would add [2] shards, but has [9]/[9] maximum normal shards open;"),
            PermanentError,
            "max_shards_per_node",
        ),
    ],
)
def test_a_good_document_is_never_blamed_for_the_store(item, kind, advice):
    """Rights, full disks and indices that may not be made stop the bulk instead of making dead letters of good documents."""
    with pytest.raises(kind, match=advice) as raised:
        answered({"status": 201}, item)
    assert "store 's' at h, index 'i-2026.02'" in str(raised.value)


@pytest.mark.parametrize("answer", [{}, {"items": []}, {"items": [{"index": {"status": 201}}] * 2}])
def test_an_answer_that_is_not_whole_is_asked_for_again(answer):
    """Where the items do not match what was sent, nothing is taken for done."""
    with pytest.raises(TemporaryError, match="sent again"):
        read_answer([ONE], answer, "here")


def test_a_bulk_weighs_what_it_holds():
    """The weight is at least that of the body."""
    assert size_bytes([ONE, ONE]) >= len(body_of([ONE, ONE], TYPELESS))
