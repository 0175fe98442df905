"""Proves on a real broker what a transaction shows, hides and refuses."""

import os
import time

import pytest
from confluent_kafka import Message

from wellhead.errors import PermanentError, TemporaryError
from wellhead.kafka.errors import Fenced, ProducerLost
from wellhead.kafka.limits import RecordLimits
from wellhead.kafka.messages import Message as Outgoing


def test_commit_shows_records_and_cursor_at_once(lab) -> None:
    """Before the commit a read-committed reader sees nothing, after it everything, in order, with keys, times and headers."""
    records, offsets = lab.topic("log"), lab.topic("offsets", cleanup_policy="compact")
    producer, cursors = lab.producer(), lab.cursors(offsets)
    producer.open()
    producer.begin()
    values = [b"%d" % number for number in range(2500)]
    refused = producer.produce(
        records,
        values,
        keys=[b"k"] * 2500,
        timestamps_ms=list(range(1_700_000_000_000, 1_700_000_002_500)),
        headers=[("h", b"1")],
    )
    producer.send(cursors.message({"page": 7}))
    assert refused == []
    assert lab.values(records) == []
    producer.commit()
    read: list[Message] = lab.read(records)
    assert [message.value() for message in read] == values
    assert [message.timestamp()[1] for message in read] == list(range(1_700_000_000_000, 1_700_000_002_500))
    assert {(message.key(), tuple(message.headers())) for message in read} == {(b"k", (("h", b"1"),))}
    assert cursors.load() == {"page": 7}


def test_abort_shows_nothing_and_the_producer_goes_on(lab) -> None:
    """Aborted records are never read, and the next transaction of the same producer is."""
    topic = lab.topic("log")
    producer = lab.producer()
    producer.open()
    producer.begin()
    producer.produce(topic, [b"aborted"] * 100)
    producer.abort()
    assert producer.is_open
    producer.begin()
    producer.produce(topic, [b"kept"])
    producer.commit()
    assert lab.values(topic) == [b"kept"]


def test_closing_aborts_the_open_transaction(lab) -> None:
    """What was staged in a producer that is closed is never read, and holds nobody back from reading what comes after it."""
    topic = lab.topic("log")
    producer, other = lab.producer("closed"), lab.producer("other")
    producer.open()
    producer.begin()
    producer.produce(topic, [b"staged"] * 100)
    producer._producer.flush(10)
    producer.close()
    other.open()
    other.begin()
    other.produce(topic, [b"later"])
    other.commit()
    assert lab.values(topic) == [b"later"]
    with pytest.raises(ProducerLost, match="not open"):
        producer.begin()


def test_commit_of_a_cursor_alone(lab) -> None:
    """A transaction that holds nothing but a cursor moves it."""
    offsets = lab.topic("offsets", 3, cleanup_policy="compact")
    producer, cursors = lab.producer(), lab.cursors(offsets)
    producer.open()
    for page in (1, 2, 3):
        producer.begin()
        producer.send(cursors.message({"page": page}))
        producer.commit()
    assert cursors.load() == {"page": 3}


def test_an_empty_transaction_commits(lab) -> None:
    """Committing nothing is no error."""
    producer = lab.producer()
    producer.open()
    producer.begin()
    producer.commit()
    assert producer.is_open


def test_the_former_owner_is_fenced(lab) -> None:
    """Once a second producer has opened the id, whatever the first staged or commits is never visible (I4)."""
    topic = lab.topic("log")
    zombie, owner = lab.producer(), lab.producer()
    zombie.open()
    zombie.begin()
    zombie.produce(topic, [b"zombie"] * 10)
    owner.open()
    with pytest.raises(Fenced, match="taken over"):
        zombie.commit()
    assert not zombie.is_open
    owner.begin()
    owner.produce(topic, [b"owner"])
    owner.commit()
    assert lab.values(topic) == [b"owner"]


def test_an_idle_former_owner_is_fenced_too(lab) -> None:
    """A producer that had nothing open when it was replaced cannot write afterwards."""
    topic = lab.topic("log")
    zombie, owner = lab.producer(), lab.producer()
    zombie.open()
    owner.open()

    def write() -> None:
        zombie.begin()
        zombie.produce(topic, [b"zombie"])
        zombie.commit()

    with pytest.raises(Fenced):
        write()
    assert lab.values(topic) == []


def test_a_former_owner_that_goes_on_producing_is_told_so(lab) -> None:
    """Wherever librdkafka first tells that the producer was fenced, the error is Fenced and not one of librdkafka's own."""
    topic = lab.topic("log")
    zombie, owner = lab.producer(), lab.producer()
    zombie.open()
    zombie.begin()
    zombie.produce(topic, [b"zombie"])
    owner.open()
    deadline = time.monotonic() + 30

    def produce_on() -> None:
        while time.monotonic() < deadline:
            zombie.produce(topic, [b"zombie"])
            time.sleep(0.02)

    with pytest.raises(Fenced, match="taken over"):
        produce_on()
    assert not zombie.is_open
    assert lab.values(topic) == []


def test_too_large_for_the_client_is_told_at_once(lab) -> None:
    """Records above message.max.bytes are left out and their indexes told, the rest of the batch is committed."""
    topic = lab.topic("log")
    producer = lab.producer(message_max_bytes="2000")
    producer.open()
    producer.begin()
    values = [b"a", b"x" * 3000, b"b", b"x" * 3000, *[b"c"] * 1500, b"x" * 3000]
    keys = [b"%d" % number for number in range(len(values))]
    assert producer.produce(topic, values, keys=keys) == [1, 3, len(values) - 1]
    producer.commit()
    assert {message.key() for message in lab.read(topic)} == set(keys) - {b"1", b"3", keys[-1]}


def test_too_large_for_the_topic_is_told_on_the_retry(lab) -> None:
    """A topic's own max.message.bytes aborts the transaction once; the retry leaves out only the records that can never pass."""
    topic = lab.topic("log", max_message_bytes="2000")
    limits = RecordLimits()
    producer = lab.producer(limits=limits)
    small = [os.urandom(100) for _ in range(200)]  # together far more than the topic takes in one batch
    values = [*small[:100], os.urandom(5000), *small[100:]]
    producer.open()
    producer.begin()
    assert producer.produce(topic, values) == []
    with pytest.raises(TemporaryError, match=r"larger than a topic's max\.message\.bytes"):
        producer.commit()
    assert lab.values(topic) == []
    producer.open()
    producer.begin()
    assert producer.produce(topic, values) == [100]
    producer.commit()
    assert sorted(lab.values(topic)) == sorted(small)
    assert producer.limit_bytes(topic) == 2000


def test_too_large_in_a_long_transaction_names_its_cause(lab) -> None:
    """When the broker refuses a batch while records are still handed over, the cause is found and the limit learned all the same."""
    topic = lab.topic("log", max_message_bytes="2000")
    producer = lab.producer(linger_ms="0")
    producer.open()
    producer.begin()

    def pour() -> None:
        for _ in range(200):
            producer.produce(topic, [os.urandom(5000)])
            time.sleep(0.01)
        producer.commit()

    with pytest.raises(TemporaryError, match=r"larger than a topic's max\.message\.bytes"):
        pour()
    assert producer.limit_bytes(topic) == 2000
    assert lab.values(topic) == []


def test_a_single_message_too_large_stops_the_task(lab) -> None:
    """A cursor or dead letter that its topic cannot take is a permanent error that names topic and limit."""
    topic = lab.topic("offsets")
    producer = lab.producer()
    producer.open()
    producer.begin()
    with pytest.raises(PermanentError, match=r"2000101 bytes is too large .* takes 1000000"):
        producer.send(Outgoing(topic, b"x" * 2_000_000, key=b"abcd"))
    assert lab.values(topic) == []


def test_a_full_queue_loses_and_doubles_nothing(lab) -> None:
    """With a queue far smaller than the batch every record arrives once and in order."""
    topic = lab.topic("log")
    producer = lab.producer(queue_buffering_max_messages="70")
    values = [b"%d" % number for number in range(5000)]
    producer.open()
    producer.begin()
    assert producer.produce(topic, values, timestamps_ms=[0] * 5000) == []
    producer.commit()
    assert lab.values(topic) == values


def test_impossible_times_become_now(lab) -> None:
    """A time a day ahead or before 1970 does not poison the batch."""
    topic = lab.topic("log")
    producer = lab.producer()
    now = time.time_ns() // 1_000_000
    producer.open()
    producer.begin()
    producer.produce(topic, [b"a", b"b", b"c"], timestamps_ms=[now + 86_400_000, 1_000, -5])
    producer.commit()
    times = [message.timestamp()[1] for message in lab.read(topic)]
    assert times[1] == 1_000
    assert all(abs(time_ms - now) < 60_000 for time_ms in (times[0], times[2]))


def test_steps_are_told_in_order(lab) -> None:
    """A crash test can strike at the begin, amid the records, before and after the commit."""
    topic = lab.topic("log")
    steps: list[str] = []
    producer = lab.producer(step=steps.append)
    producer.open()
    producer.begin()
    producer.produce(topic, [b"x"] * 1500)
    producer.commit()
    assert steps == ["begin", "mid_produce", "mid_produce", "before_commit", "after_commit"]


def test_keys_land_where_java_puts_them(lab) -> None:
    """A key goes to the partition of Java's murmur2, so that Connect's tools and ours write the same partition."""
    topic = lab.topic("log", 25)
    producer = lab.producer()
    producer.open()
    producer.begin()
    producer.produce(topic, [b"x"] * 3, keys=[b"21", b"foobar", b'["c",{"stream":"log"}]'])
    producer.commit()
    # Kafka's own test vectors of Utils.murmur2: "21" -> -973932308, "foobar" -> -790332482.
    expected = {b"21": (-973932308 & 0x7FFFFFFF) % 25, b"foobar": (-790332482 & 0x7FFFFFFF) % 25}
    landed = {message.key(): message.partition() for message in lab.read(topic)}
    assert {key: landed[key] for key in expected} == expected
