"""Tests of Filter."""


def test_selected_rows_are_left_out(feed):
    """What the predicate matches goes, the rest stays as it was."""
    table = feed.batch({"user": "alice"}, {"user": None}, {"user": "bob"})
    kept = feed.one({"type": "Filter"}, {"type": "FieldEquals", "field": "user", "values": "alice"}).apply(table)
    assert kept.column("user").to_pylist() == [None, "bob"]


def test_negated_it_keeps_only_what_matches(feed):
    """With negate a Filter lets through what the predicate matches, and nulls go."""
    table = feed.batch({"user": "alice"}, {"user": None}, {"user": "bob"})
    rule = {"type": "Filter", "negate": True}
    kept = feed.one(rule, {"type": "FieldEquals", "field": "user", "values": "alice"}).apply(table)
    assert kept.column("user").to_pylist() == ["alice"]


def test_a_batch_it_does_not_concern_is_not_copied(feed):
    """Where nothing matches the batch itself goes on."""
    table = feed.batch({"user": "alice"})
    assert feed.one({"type": "Filter"}, {"type": "FieldIsNull", "field": "user"}).apply(table) is table
