"""Tests of the predicates."""

import datetime as dt

import pytest

from wellhead.testing.clock import FakeClock


def matched(feed, table, predicate, **how):
    return feed.one({"type": "Filter"}, predicate, **how).condition.test(table).to_pylist()


@pytest.mark.parametrize(
    ("field", "values", "rows", "expected"),
    [
        ("user", "alice, bob", ["bob", "Bob", None], [True, False, False]),
        ("user", ["a,b"], ["a,b", "a", ""], [True, False, False]),
        ("nbytes", [0, 7], [7, 70, None], [True, False, False]),
        ("score", "0.5", [0.5, 5.0, None], [True, False, False]),
        ("blocked", [False], [False, True, None], [True, False, False]),
        ("verdict", "DENY", ["DENY", "ALLOW", None], [True, False, False]),
        ("seen", "2026-01-01T00:00:00Z", [dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None, None], [True, False, False]),
    ],
)
def test_field_equals(feed, field, values, rows, expected):
    """A field equals one of the values as its own type has it; a null equals nothing."""
    table = feed.batch(*({field: value} for value in rows))
    assert matched(feed, table, {"type": "FieldEquals", "field": field, "values": values}) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"), [("li", [True, True, False]), ("^al", [True, False, False]), ("(?i)ALI", [True, True, False])]
)
def test_field_matches(feed, pattern, expected):
    """A pattern is found anywhere, unless it is anchored; a null holds nothing."""
    table = feed.batch({"user": "alice"}, {"user": "malice"}, {"user": None})
    assert matched(feed, table, {"type": "FieldMatches", "field": "user", "pattern": pattern}) == expected


def test_field_is_null(feed):
    """Empty is not null, for text and for maps."""
    table = feed.batch({"user": "", "extensions": []}, {})
    assert matched(feed, table, {"type": "FieldIsNull", "field": "user"}) == [False, True]
    assert matched(feed, table, {"type": "FieldIsNull", "field": "extensions"}) == [False, True]


def test_older_than_counts_from_the_clock(feed):
    """A record grows old while the clock goes on; exactly of the age it is not older, and a null is never old."""
    clock = FakeClock(start_ms=feed.now_ms)
    made = feed.one({"type": "Filter"}, {"type": "OlderThan", "field": "seen", "age.secs": 60}, clock=clock)
    table = feed.batch({"seen": feed.now - dt.timedelta(seconds=60)}, {"seen": feed.now}, {"seen": None})
    assert made.condition.test(table).to_pylist() == [False, False, False]
    clock.advance(1)
    assert made.condition.test(table).to_pylist() == [True, False, False]


@pytest.mark.parametrize(
    ("predicate", "path", "message"),
    [
        (
            {"type": "FieldEquals", "field": "statsu", "values": "1"},
            "field",
            "stream event has no field 'statsu'; did you mean status?",
        ),
        ({"type": "FieldEquals", "field": "status", "values": "ok"}, "values", "must be written as int, the type of status"),
        (
            {"type": "FieldEquals", "field": "verdict", "values": "NO"},
            "values",
            "must be of the symbols of verdict: ALLOW, DENY",
        ),
        (
            {"type": "FieldEquals", "field": "geo", "values": "x"},
            "values",
            "geo is record, whose values cannot be written as text",
        ),
        ({"type": "FieldMatches", "field": "nbytes", "pattern": "1"}, "field", "nbytes is long, not text"),
        (
            {"type": "FieldMatches", "field": "user", "pattern": "(?=x)"},
            "pattern",
            "must be an RE2 pattern, without look-around and back references: invalid perl operator: (?=",
        ),
        ({"type": "OlderThan", "field": "url", "age.secs": 1}, "field", "url is string, not a timestamp"),
    ],
)
def test_what_a_field_cannot_answer_is_refused(refused, predicate, path, message):
    """A question of the wrong type is told before anything runs."""
    words = {f"predicates.p.{word}": value for word, value in predicate.items()}
    told = refused({"transforms.it.type": "Filter", "transforms.it.predicate": "p", **words})
    assert told == {f"predicates.p.{path}": message}
