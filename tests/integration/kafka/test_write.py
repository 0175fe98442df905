"""Proves on a real broker that messages written outside transactions arrive where the transactional ones do, or are told."""

import pytest

from wellhead.errors import TemporaryError
from wellhead.kafka import settings
from wellhead.kafka.messages import Message
from wellhead.kafka.write import write_now


def test_a_null_lands_behind_the_cursor_it_resets(lab) -> None:
    """Keys go to the partitions Java's clients and our transactions put them in, so compaction never brings a reset cursor back."""
    topic = lab.topic("offsets", 7, cleanup_policy="compact")
    producer = lab.producer()
    producer.open()
    producer.begin()
    keys = [f"key {number}".encode() for number in range(40)]
    for key in keys:
        producer.send(Message(topic, b"{}", key))
    producer.commit()
    write_now(settings.writer_config(lab.worker), [Message(topic, None, key) for key in keys])
    places = {(message.key(), message.partition(), message.value() is None) for message in lab.read(topic)}
    assert len(places) == 2 * len(keys)
    assert len({(key, partition) for key, partition, _ in places}) == len(keys)


def test_a_broker_that_is_away_is_told(lab) -> None:
    """Nobody waits for ever, and the message names topic and broker."""
    config = settings.writer_config(lab.worker) | {"bootstrap.servers": "127.0.0.1:1"}
    with pytest.raises(TemporaryError, match=r"127.0.0.1:1: cannot write to offsets"):
        write_now(config, [Message("offsets", None, b"key")], secs=1.5)


def test_nothing_to_write_asks_nobody(lab) -> None:
    """An empty list is written without a broker."""
    assert write_now(settings.writer_config(lab.worker) | {"bootstrap.servers": "127.0.0.1:1"}, []) is None
