"""The newest record that means a stream is its cursor, whatever its key's spelling and partition."""

from confluent_kafka import Message as Received

from wellhead.kafka.cursors import CursorStore, _Search

KEY = b'["c",{"stream":"ip","tenant":"acme"}]'
OTHER_SPELLING = b'["c", {"tenant": "acme", "stream": "ip"}]'


def received(key: bytes | None, value: bytes | None, *, partition: int = 0, at_ms: int = 1) -> Received:
    return Received(topic="offsets", partition=partition, offset=at_ms, key=key, value=value, timestamp=(1, at_ms))


def newest(*messages: Received) -> bytes | None:
    search = _Search("c", {"tenant": "acme", "stream": "ip"})
    search.look_through(list(messages))
    found = search.newest()
    return None if found is None else found.value()


def test_messages_to_stage() -> None:
    """The message holds Connect's bytes; null resets."""
    store = CursorStore({}, "offsets", "c", {"tenant": "acme", "stream": "ip"})
    message = store.message({"page": 1})
    assert (message.topic, message.key, message.value) == ("offsets", KEY, b'{"page":1}')
    assert store.message(None).value is None
    assert store.messages({"page": 1}) == [message]


def test_order_decides_within_a_partition() -> None:
    """Within one partition the later record wins, even where a clock ran backwards."""
    assert newest(received(KEY, b"1", at_ms=9), received(KEY, b"2", at_ms=3)) == b"2"


def test_time_decides_across_partitions() -> None:
    """Of two spellings in two partitions the newer wins, whichever was read first."""
    old, new = received(KEY, b"old", partition=4, at_ms=5), received(OTHER_SPELLING, b"new", partition=1, at_ms=6)
    assert newest(old, new) == newest(new, old) == b"new"


def test_strangers_are_passed_over() -> None:
    """No key, other tenants, other connectors and garbage do not count."""
    strangers = [None, b"", b"garbage", b"[]", b'["d",{"stream":"ip","tenant":"acme"}]', b'["c",{"stream":"ip","tenant":"b"}]']
    assert newest(*(received(key, b"x") for key in strangers)) is None


def test_a_commit_that_clears_other_spellings_keeps_its_cursor() -> None:
    """The nulls for other spellings and the cursor of one commit share a millisecond and lie in different partitions: the cursor counts."""
    null, cursor = received(OTHER_SPELLING, None, partition=3, at_ms=7), received(KEY, b"1", partition=9, at_ms=7)
    assert newest(null, cursor) == newest(cursor, null) == b"1"
