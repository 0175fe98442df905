import pytest

from wellhead.errors import PermanentError
from wellhead.recovery.stored import StoredCursors


class Message:
    """A message of an offsets topic, as a consumer gives it."""

    def __init__(self, key, value, at_ms, partition=0, offset=0):
        self._fields = (key, value, at_ms, partition, offset)

    def key(self):
        return self._fields[0]

    def value(self):
        return self._fields[1]

    def timestamp(self):
        return (1, self._fields[2])

    def partition(self):
        return self._fields[3]

    def offset(self):
        return self._fields[4]


def folded(*messages):
    cursors = StoredCursors("offsets")
    cursors.add(messages)
    return cursors


def test_the_newest_spelling_of_a_key_counts():
    """One stream may stand under keys of other bytes, in other partitions: the newest of them is its cursor, with its own bytes."""
    other = b'["feed", {"tenant": "acme", "stream": "ip"}]'
    found = folded(
        Message(b'["feed",{"stream":"ip","tenant":"acme"}]', b'{"n":1}', 100, 0, 7),
        Message(other, b'{"n":2}', 200, 1, 3),
        Message(b'["else",{}]', b'{"m":0}', 50, 1, 4),
    ).all()
    assert [(each.connector, each.cursor) for each in found] == [("else", {"m": 0}), ("feed", {"n": 2})]
    assert (found[1].key, found[1].kafka_partition, found[1].kafka_offset, list(found[1].partition)) == (
        other,
        1,
        3,
        ["tenant", "stream"],
    )


def test_a_value_beats_a_null_of_the_same_millisecond():
    """A commit writes nulls for other spellings beside its cursor: the cursor counts."""
    found = folded(
        Message(b'["feed",{"a":1,"b":2}]', b'{"n":1}', 100, 0, 1), Message(b'["feed",{"b":2,"a":1}]', None, 100, 1, 9)
    ).all("feed")
    assert [each.cursor for each in found] == [{"n": 1}]


def test_what_is_no_cursor_is_passed_over_or_told():
    """A key of something else is nobody's cursor; a value that is none stops with its place and the next step."""
    assert folded(Message(b"session-key", b"{}", 1), Message(None, b"{}", 1)).all() == []
    with pytest.raises(PermanentError, match=r"partition 0, offset 5 .*Write a sound one"):
        folded(Message(b'["feed",{}]', b"[1]", 1, 0, 5)).all()
    assert folded(Message(b'["feed",{}]', b"[1]", 1)).all("another") == []


def test_a_reset_is_a_cursor_that_is_none():
    """A null is kept as what it is, so that a reset can be told from a stream nobody ever ran."""
    (each,) = folded(Message(b'["feed",{"a":1}]', None, 9)).all()
    assert (each.cursor, each.at_ms) == (None, 9)
