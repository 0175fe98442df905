"""Proves on a real broker that a bounded read gives what is committed, all of it, and nothing else."""

import threading
import time

import pytest

from wellhead.errors import TemporaryError
from wellhead.kafka.consumer import read_to_end


def write(producer, topic: str, values: list[bytes], times: list[int] | None = None) -> None:
    producer.begin()
    producer.produce(topic, values, timestamps_ms=times)
    producer.commit()


def test_reads_committed_records_of_all_partitions(lab) -> None:
    """Every committed record comes once, aborted ones and transaction markers do not."""
    topic = lab.topic("log", 4)
    producer = lab.producer()
    producer.open()
    write(producer, topic, [b"%d" % number for number in range(3000)])
    producer.begin()
    producer.produce(topic, [b"aborted"] * 500)
    producer.abort()
    producer.open()  # an abort that the broker does not answer in time closes the producer
    write(producer, topic, [b"%d" % number for number in range(3000, 5000)])
    batches: list[list[bytes | None]] = []
    count = read_to_end(lab.consumer_config, topic, lambda messages: batches.append([message.value() for message in messages]))
    values = [value for batch in batches for value in batch]
    assert count == 5000
    assert sorted(int(value or b"") for value in values) == list(range(5000))


def test_reads_from_a_time_on(lab) -> None:
    """With `from_ms` nothing at or after that time is left out, and what was committed before it is."""
    topic = lab.topic("log")
    producer = lab.producer()
    producer.open()
    write(producer, topic, [b"old"], [1_000])
    write(producer, topic, [b"new", b"late"], [5_000, 2_000])
    values: list[bytes | None] = []
    read_to_end(
        lab.consumer_config, topic, lambda messages: values.extend(message.value() for message in messages), from_ms=4_000
    )
    assert values == [b"new", b"late"]
    assert read_to_end(lab.consumer_config, topic, values.extend, from_ms=time.time_ns() // 1_000_000 + 60_000) == 0


def test_a_missing_topic_is_empty(lab) -> None:
    """Reading a topic that does not exist gives nothing and does not create it."""
    name = f"{lab.prefix}nowhere"
    assert read_to_end(lab.consumer_config, name, lambda _: None) == 0
    with pytest.raises(TemporaryError, match="does not exist"):
        read_to_end(lab.consumer_config, name, lambda _: None, missing_ok=False)


def test_an_emptied_topic_is_empty(lab) -> None:
    """A topic whose every record was aborted ends at once."""
    topic = lab.topic("log")
    producer = lab.producer()
    producer.open()
    producer.begin()
    producer.produce(topic, [b"aborted"])
    producer.abort()
    started = time.monotonic()
    assert read_to_end(lab.consumer_config, topic, lambda _: None) == 0
    assert time.monotonic() - started < 5


def test_waits_for_an_open_transaction_and_gives_up_in_the_end(lab) -> None:
    """What lies behind an open transaction is waited for; a transaction that never ends is named."""
    topic = lab.topic("log")
    hanging, ours = lab.producer("hanging"), lab.producer("ours")
    hanging.open()
    hanging.begin()
    hanging.produce(topic, [b"hanging"])
    hanging._producer.flush(10)
    ours.open()
    write(ours, topic, [b"ours"])
    with pytest.raises(TemporaryError, match="left a transaction open"):
        read_to_end(lab.consumer_config, topic, lambda _: None, stalled_secs=1.0)
    values: list[bytes | None] = []
    release = threading.Timer(0.5, hanging.abort)
    release.start()
    read_to_end(lab.consumer_config, topic, lambda messages: values.extend(message.value() for message in messages))
    release.join()
    assert values == [b"ours"]


def test_without_a_broker_it_is_temporary(lab_at) -> None:
    """A broker that is away is a temporary error that names the address."""
    config = lab_at("127.0.0.1:1").consumer_config
    with pytest.raises(TemporaryError, match=r"kafka at 127\.0\.0\.1:1, topic 'x'"):
        read_to_end(config, "x", lambda _: None)
