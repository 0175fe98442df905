"""Differences of two documents name the field and the way, and show no more than they must."""

from wellhead.migration.verify.document import Document, same
from wellhead.migration.verify.fields import cut, differences
from wellhead.migration.verify.rules import Rules, rules_of


def document(content, index="w-hits-2026.02", version=3):
    return Document("a", index, version, content, "a")


PLAIN = Rules()


def found(left, right, rules=PLAIN):
    return {each.path: each for each in differences(document(left), document(right), rules)}


def test_each_way_has_its_word():
    """A value, a type, a time, a missing and an extra field are told apart, inside objects too."""
    left = {"a": 1, "b": 2, "time": 1000, "c": {"d": [1], "e": True}, "gone": "x"}
    right = {"a": 2, "b": "2", "time": 3601000, "c": {"d": [2], "e": 1}, "new": "y"}
    told = found(left, right)
    assert {path: each.how for path, each in told.items()} == {
        "a": "value", "b": "type", "time": "time", "c.d": "value", "c.e": "type", "gone": "missing", "new": "extra",
    }  # fmt: skip
    assert told["time"].shift_ms == 3_600_000
    assert (told["b"].left, told["b"].right) == ("number 2", 'text "2"')


def test_index_and_version():
    """Another index and an older version differ, a newer version does not, and both may be ignored."""
    left, right = document({}), document({}, index="w-hits-2026.03", version=2)
    assert [each.path for each in differences(left, right, Rules())] == ["_index", "_version"]
    assert not same(left, right, Rules())
    assert same(left, right, rules_of(["_index", "_version"]))
    assert same(left, document({}, version=4), Rules())


def test_payloads_are_never_shown_and_long_values_are_cut():
    """What was typed appears as length and digest; control characters and long texts cannot flood a terminal."""
    told = found({"value": "' or 1=1", "path": "/a" * 100}, {"value": "secret", "path": "\x1b[2J"})
    assert "or 1=1" not in str(told["value"])
    assert "secret" not in str(told["value"])
    assert len(told["path"].left) < 100
    assert "\x1b" not in told["path"].right
    assert cut("a\u202eb") == "a?b"
