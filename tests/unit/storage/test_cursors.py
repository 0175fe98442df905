"""The offsets topic folds to the newest cursor of every stream, whoever wrote it and however its key is spelled."""

from wellhead.kafka.cursors import CursorStore
from wellhead.kafka.messages import Message
from wellhead.storage.cursors import OffsetsTopic, StoredCursor

KEY, OTHER_SPELLING = b'["c",{"stream":"ip","tenant":"acme"}]', b'["c", {"tenant": "acme", "stream": "ip"}]'


def at(page: int | None) -> bytes | None:
    return None if page is None else b'{"page":%d}' % page


def test_what_a_task_commits_is_found(topic) -> None:
    """A cursor comes back with its stream, its place, its time and the record topic it stands behind."""
    offsets = OffsetsTopic()
    store = CursorStore({}, "o", "c", {"tenant": "acme", "stream": "ip"})
    offsets.fold(topic.write(store.message({"page": 1}), store.message({"page": 2}, "id")))
    assert offsets.of("c") == [StoredCursor({"stream": "ip", "tenant": "acme"}, {"page": 2}, 1001, 0, 1, "id")]
    assert (offsets.of("d"), offsets.connectors()) == ([], ["c"])


def test_a_reset_is_no_cursor(topic) -> None:
    """A null removes a cursor; a connector without any is not listed."""
    offsets = OffsetsTopic()
    offsets.fold(topic.write(Message("o", at(1), key=KEY), Message("o", None, key=KEY)))
    assert (offsets.of("c"), offsets.connectors()) == ([], [])
    offsets.fold(topic.write(Message("o", at(3), key=OTHER_SPELLING)))
    assert [stored.cursor for stored in offsets.of("c")] == [{"page": 3}]


def test_the_newest_wins_over_spellings_and_partitions(topic) -> None:
    """Order decides within a partition, time across; of one millisecond the cursor counts, not the null for another spelling."""
    offsets = OffsetsTopic()
    offsets.fold(topic.write(Message("o", at(1), key=KEY), partition=1, at_ms=9))
    offsets.fold(topic.write(Message("o", at(2), key=KEY), partition=1, at_ms=3))
    assert offsets.of("c")[0].cursor == {"page": 2}
    offsets.fold(topic.write(Message("o", at(4), key=OTHER_SPELLING), partition=2, at_ms=5))
    assert offsets.of("c")[0].cursor == {"page": 4}
    offsets.fold(topic.write(Message("o", at(5), key=KEY), partition=1, at_ms=7))
    offsets.fold(topic.write(Message("o", None, key=OTHER_SPELLING), partition=2, at_ms=7))
    assert offsets.of("c")[0].cursor == {"page": 5}


def test_streams_and_strangers_are_kept_apart(topic) -> None:
    """Each stream has its own cursor; keys of something else and values that are none are passed over."""
    offsets = OffsetsTopic()
    keys = [KEY, b'["c",{"stream":"ip","tenant":"b"}]', b'["d",{}]', b"x", b"[]", None]
    offsets.fold(topic.write(*(Message("o", at(number), key=key) for number, key in enumerate(keys))))
    offsets.fold(topic.write(Message("o", b"[1]", key=KEY), Message("o", b"nonsense", key=KEY)))
    assert [stored.cursor["page"] for stored in offsets.of("c")] == [0, 1]
    assert offsets.find("c", {"stream": "ip", "tenant": "acme"}).problem == "partition 0, offset 7"
    assert offsets.find("c", {"stream": "ip", "tenant": "b"}).problem == ""
    assert offsets.connectors() == ["c", "d"]


def test_a_cursor_that_cannot_be_read_is_named(topic) -> None:
    """The former one is still shown, but whoever asks for the stream is told where the newest stands, until there is a sound one."""
    offsets = OffsetsTopic()
    stream = {"tenant": "acme", "stream": "ip"}
    offsets.fold(topic.write(Message("o", at(1), key=KEY), Message("o", b"[1]", key=OTHER_SPELLING)))
    found = offsets.find("c", stream)
    assert (found.problem, found.keys) == ("partition 0, offset 1", {KEY, OTHER_SPELLING})
    assert [stored.cursor["page"] for stored in offsets.of("c")] == [1]
    offsets.fold(topic.write(Message("o", at(2), key=KEY)))
    assert (offsets.find("c", stream).stored.cursor, offsets.find("c", stream).problem) == ({"page": 2}, "")
    assert offsets.find("d", stream).stored is None
