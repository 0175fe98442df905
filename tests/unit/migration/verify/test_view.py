"""Each side is asked in its own names."""

from wellhead.migration.copy.mapping import Layout
from wellhead.migration.verify.spans import Span
from wellhead.migration.verify.view import month_of, view_of

OLD = Layout.model_validate({
    "index": "hits_*", "target": "{prefix}-hits-{month}", "month": "time", "client": "clientid", "time": "ts", "time.unit": "s",
    "tie": "key", "rename": {"clientid": "client_id", "ts": "time", "attack_type": "type", "key": "id"}, "convert": {"time": "secs_to_ms"},
})  # fmt: skip


def test_names_before_and_after():
    """The source is asked for what its fields are called there, the target for what they became."""
    old, new = view_of("hits", OLD, "from", "x"), view_of("hits", OLD, "to", "w")
    assert (old.pattern, old.client, old.time, old.tie, old.type) == ("hits_*", "clientid", "ts", "key", "attack_type")
    assert (new.pattern, new.client, new.time, new.tie, new.type) == ("w-hits-*", "client_id", "time", "id", "type")
    assert not old.tells_months
    span = Span(1_500, 3_000)
    assert old.bounds(span) == {"gte": 2, "lt": 3}
    assert new.bounds(span) == {"gte": 1_500, "lt": 3_000}


def test_clients_and_those_without_one():
    """Named clients and documents that name none are found by one query."""
    query = view_of("hits", OLD, "to", "w").query(Span(0, 1), [11, None])
    (_, either) = query["bool"]["filter"]
    assert either["bool"]["should"] == [
        {"terms": {"client_id": [11]}},
        {"bool": {"must_not": [{"exists": {"field": "client_id"}}]}},
    ]


def test_months_of_indices():
    """The month is read from the end of a name."""
    assert [month_of(name) for name in ("w-hits-2026.02", "hits_12_202603_v_1", "other")] == ["2026.02", "2026.03", "other"]
