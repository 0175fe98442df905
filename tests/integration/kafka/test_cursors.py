"""Proves on a real broker that the newest committed cursor is found, whoever wrote it and however its key is spelled."""

import threading
import time

import pytest
from confluent_kafka import Producer

from wellhead.errors import PermanentError, TemporaryError
from wellhead.kafka.messages import Message


@pytest.fixture
def offsets(lab) -> str:
    return lab.topic("offsets", 5, cleanup_policy="compact")


def write_as_others_do(lab, topic: str, *records: tuple[str, str | None]) -> None:
    """Write with a plain producer, as Connect's worker or a console tool would."""
    plain = Producer({"bootstrap.servers": lab.bootstrap_servers, "partitioner": "murmur2_random"})
    for key, value in records:
        plain.produce(topic, value, key)
        plain.flush(10)
        time.sleep(0.01)  # newest is told by time across partitions


def commit(producer, *messages: Message) -> None:
    producer.begin()
    for message in messages:
        producer.send(message)
    producer.commit()


def test_no_cursor_yet(lab, offsets) -> None:
    """An empty offsets topic gives None."""
    assert lab.cursors(offsets).load() is None


def test_key_and_value_are_connects_to_the_byte(lab, offsets) -> None:
    """The stored record is what Connect would have written."""
    producer, cursors = lab.producer(), lab.cursors(offsets, "wss-acme", tenant="acme", stream="access_log")
    producer.open()
    commit(producer, cursors.message({"token": "a/ü", "hour": 17, "done": False, "at": None}))
    (message,) = lab.read(offsets)
    assert message.key() == b'["wss-acme",{"stream":"access_log","tenant":"acme"}]'
    assert message.value() == '{"token":"a/ü","hour":17,"done":false,"at":null}'.encode()


def test_reset_by_null(lab, offsets) -> None:
    """A null value means no cursor."""
    producer, cursors = lab.producer(), lab.cursors(offsets)
    producer.open()
    commit(producer, cursors.message({"page": 1}))
    commit(producer, cursors.message(None))
    assert cursors.load() is None


def test_other_streams_and_connectors_do_not_disturb(lab, offsets) -> None:
    """Only the same connector and the same partition map count."""
    write_as_others_do(
        lab,
        offsets,
        ('["c",{"stream":"log","tenant":"acme"}]', '{"page":1}'),
        ('["c",{"stream":"log","tenant":"other"}]', '{"page":2}'),
        ('["d",{"stream":"log","tenant":"acme"}]', '{"page":3}'),
        ('["c",{"stream":"log"}]', '{"page":4}'),
        ("not json", "{}"),
        ("[]", "{}"),
        ('["c",5]', "{}"),
    )
    assert lab.cursors(offsets).load() == {"page": 1}


@pytest.mark.parametrize(
    "key",
    [
        '["c",{"tenant":"acme","stream":"log"}]',
        '[ "c", { "tenant" : "acme", "stream": "log" } ]',
        '["c",{"stream":"l\\u006fg","tenant":"acme"}]',
    ],
)
def test_a_key_spelled_otherwise_is_ours(lab, offsets, key: str) -> None:
    """What Connect's REST API or a person wrote with another order or spacing is read, and wins when it is newer."""
    producer, cursors = lab.producer(), lab.cursors(offsets)
    producer.open()
    commit(producer, cursors.message({"page": 1}))
    write_as_others_do(lab, offsets, (key, '{ "page" : 2 }'))
    assert cursors.load() == {"page": 2}
    time.sleep(0.01)
    commit(producer, *cursors.messages({"page": 3}))
    assert cursors.load() == {"page": 3}
    assert (key.encode(), None) in {(message.key(), message.value()) for message in lab.read(offsets)}


def test_a_reset_under_another_spelling_counts(lab, offsets) -> None:
    """A newer null under another spelling of the key resets the cursor."""
    write_as_others_do(
        lab, offsets, ('["c",{"stream":"log","tenant":"acme"}]', '{"page":1}'), ('["c",{"tenant":"acme","stream":"log"}]', None)
    )
    assert lab.cursors(offsets).load() is None


def test_a_broken_cursor_is_named(lab, offsets) -> None:
    """A value that is no JSON object stops the task and says where it lies."""
    write_as_others_do(lab, offsets, ('["c",{"stream":"log","tenant":"acme"}]', "[1]"))
    with pytest.raises(PermanentError, match=r"partition \d, offset 0 is not a JSON object"):
        lab.cursors(offsets).load()


def test_a_missing_topic_is_not_an_empty_one(lab) -> None:
    """Where the offsets topic is missing the cursor is unknown, not None: the stream must not start anew."""
    with pytest.raises(TemporaryError, match="does not exist"):
        lab.cursors(f"{lab.prefix}nowhere").load()


def test_a_cursor_behind_an_open_transaction_is_not_missed(lab) -> None:
    """Another task's open transaction hides what was committed after it; loading waits for its end and then finds the newest."""
    offsets = lab.topic("offsets", cleanup_policy="compact")
    other, ours = lab.producer("other"), lab.producer("ours")
    others, cursors = lab.cursors(offsets, "other"), lab.cursors(offsets)
    ours.open()
    commit(ours, cursors.message({"page": 1}))
    other.open()
    other.begin()
    other.send(others.message({"page": 100}))
    other._producer.flush(10)  # it lies in the topic now, before what follows
    commit(ours, cursors.message({"page": 2}))
    release = threading.Timer(1.0, other.commit)
    release.start()
    started = time.monotonic()
    loaded = cursors.load()
    release.join()
    assert loaded == {"page": 2}
    assert time.monotonic() - started >= 0.9


def test_twenty_thousand_cursors_load_quickly(lab) -> None:
    """A well filled offsets topic costs about a second, not a minute."""
    offsets = lab.topic("offsets", 25, cleanup_policy="compact")
    producer = lab.producer()
    producer.open()
    producer.begin()
    for page in range(20):
        for task in range(1000):
            producer.send(lab.cursors(offsets, f"c{task}").message({"page": page}))
    producer.commit()
    started = time.monotonic()
    assert lab.cursors(offsets, "c77").load() == {"page": 19}
    assert time.monotonic() - started < 10
