"""Proves that brokers that die in the middle of a transaction cost time, never a record and never a second copy."""

import threading
import time
from collections.abc import Callable

import pytest
from breakable import kill_lone
from confluent_kafka import Message

from wellhead.errors import PermanentError, TemporaryError
from wellhead.kafka.cursors import CursorStore
from wellhead.kafka.errors import CommitUnknown, ProducerLost
from wellhead.kafka.producer import TransactionalProducer
from wellhead.stack import KafkaCluster, Stack


@pytest.fixture
def lone(lone_broker: Stack, lab_at):
    return lab_at(lone_broker.bootstrap_servers)


@pytest.fixture
def freezable(freezable_broker: Stack, lab_at):
    return lab_at(freezable_broker.bootstrap_servers)


@pytest.fixture
def trio(kafka_cluster: KafkaCluster, lab_at):
    return lab_at(kafka_cluster.bootstrap_servers)


class Writer:
    """Does what the runtime does: writes numbered batches from the cursor on, and after any temporary error opens and reads it again."""

    def __init__(self, producer: TransactionalProducer, cursors: CursorStore, topic: str, batch: int = 200) -> None:
        self.producer, self.cursors, self.topic, self.batch = producer, cursors, topic, batch
        self.errors: list[TemporaryError] = []
        self.next: int | None = None

    def write(self, until: int, before_commit: Callable[[int], None] = lambda _: None) -> None:
        deadline = time.monotonic() + 90
        while self.next is None or self.next < until:
            assert time.monotonic() < deadline, self.errors
            try:
                self._write_one(before_commit)
            except TemporaryError as error:
                self.errors.append(error)
                self.next = None

    def _write_one(self, before_commit: Callable[[int], None]) -> None:
        if self.next is None:
            self.producer.open()
            self.next = (self.cursors.load() or {"next": 0})["next"]
        after = self.next + self.batch
        self.producer.begin()
        self.producer.produce(self.topic, [b"%d" % number for number in range(self.next, after)])
        before_commit(self.next)
        self.producer.send(self.cursors.message({"next": after}))
        self.producer.commit()
        self.next = after


def assert_each_once(read: list[Message], until: int) -> None:
    numbers = sorted(int(message.value()) for message in read)
    assert numbers == list(range(until)), f"{len(numbers)} records, {len(set(numbers))} different"


def test_broker_killed_in_the_middle_of_a_transaction(lone, lone_broker: Stack) -> None:
    """The only broker dies under an open transaction and comes back: every record is there once, the cursor fits."""
    topic, offsets = lone.topic("log", 2), lone.topic("offsets", cleanup_policy="compact")
    writer = Writer(lone.producer(), lone.cursors(offsets), topic)
    killed = []

    def kill_and_restart(number: int) -> None:
        if number in (1000, 2000) and number not in killed:
            killed.append(number)
            kill_lone(lone_broker)
            restart = threading.Timer(1.0, lone_broker.kafka.restart)
            restart.start()
            restart.join()

    writer.write(3000, kill_and_restart)
    assert killed == [1000, 2000]
    assert_each_once(lone.read(topic), 3000)
    assert lone.cursors(offsets).load() == {"next": 3000}


def test_one_broker_of_three_killed(trio, kafka_cluster: KafkaCluster) -> None:
    """With three brokers the death of any one is survived, again and again, without a record lost or doubled."""
    topic, offsets = trio.topic("log", 3, 3), trio.topic("offsets", 3, 3, cleanup_policy="compact")
    writer = Writer(trio.producer(), trio.cursors(offsets), topic)

    def kill_one(number: int) -> None:
        if number == 1000:
            kafka_cluster.kill(1)
        if number == 3000:
            kafka_cluster.restart(1)
        if number == 4000:
            kafka_cluster.kill(2)

    writer.write(6000, kill_one)
    kafka_cluster.restart(2)
    assert_each_once(trio.read(topic), 6000)
    assert trio.cursors(offsets).load() == {"next": 6000}


def test_a_broker_away_at_the_start_is_named(lab_at) -> None:
    """Opening without a broker is a temporary error that names the address and the cause."""
    lab = lab_at("127.0.0.1:1")
    producer = lab.producer(open_secs=1.0)
    with pytest.raises(TemporaryError, match=r"kafka at 127.0.0.1:1.*cannot open.*Connection refused"):
        producer.open()
    assert not producer.is_open


def test_a_commit_without_answer_is_unknown_until_the_cursor_tells(freezable, freezable_broker: Stack) -> None:
    """When the broker freezes after the commit was asked for, the caller is told that only the cursor knows."""
    topic, offsets = freezable.topic("log"), freezable.topic("offsets", cleanup_policy="compact")
    producer, cursors = freezable.producer(transaction_timeout_ms="3000"), freezable.cursors(offsets)
    producer.open()
    producer.begin()
    producer.produce(topic, [b"once"])
    producer.send(cursors.message({"next": 1}))
    producer._producer.flush(10)
    freezable_broker.kafka.pause()
    try:
        with pytest.raises(CommitUnknown, match="The cursor will tell"):
            producer.commit()
    finally:
        freezable_broker.kafka.resume()
    producer.open()
    committed = cursors.load()
    assert committed in (None, {"next": 1})
    assert freezable.values(topic) == ([b"once"] if committed else [])


def test_records_that_cannot_be_delivered_are_known_to_be_lost(freezable, freezable_broker: Stack) -> None:
    """When the broker freezes before the records are delivered, the commit was never asked for and nothing is visible."""
    topic = freezable.topic("log")
    producer = freezable.producer(transaction_timeout_ms="2000")
    producer.open()
    producer.begin()
    producer.produce(topic, [b"x"])
    producer._producer.flush(10)
    freezable_broker.kafka.pause()
    producer.produce(topic, [b"y"])
    try:
        with pytest.raises(ProducerLost) as caught:
            producer.commit()
    finally:
        freezable_broker.kafka.resume()
    assert not isinstance(caught.value, CommitUnknown)
    producer.open()
    assert freezable.values(topic) == []


def test_interrupt_ends_a_wait(lone, lone_broker: Stack) -> None:
    """A task that is stopped while the broker is away stops within a few seconds, not at the transaction's timeout."""
    topic = lone.topic("log")
    producer = lone.producer()
    producer.open()
    producer.begin()
    producer.produce(topic, [b"x"] * 10)
    lone_broker.kafka.kill()
    threading.Timer(0.5, producer.interrupt).start()
    started = time.monotonic()
    with pytest.raises(ProducerLost):
        producer.commit()
    assert time.monotonic() - started < 5


def test_a_full_queue_is_interrupted_too(lone, lone_broker: Stack) -> None:
    """Producing into a full queue while the broker is away holds the caller back, until it is interrupted."""
    topic = lone.topic("log")
    producer = lone.producer(queue_buffering_max_messages="100")
    producer.open()
    producer.begin()
    producer.produce(topic, [b"x"])
    lone_broker.kafka.kill()
    threading.Timer(1.0, producer.interrupt).start()
    started = time.monotonic()
    with pytest.raises(ProducerLost, match="interrupted"):
        producer.produce(topic, [b"x"] * 1000)
    assert 0.9 < time.monotonic() - started < 6


def test_a_setting_the_broker_refuses_is_permanent(lone) -> None:
    """A transaction timeout above the broker's limit is no reason to wait."""
    producer = lone.producer(transaction_timeout_ms="10000000")
    with pytest.raises(PermanentError, match=r"transaction\.timeout\.ms is above the broker's"):
        producer.open()


def test_an_expired_transaction_is_not_a_takeover(lone) -> None:
    """A transaction that outlives transaction.timeout.ms is lost and tried again, not mistaken for another owner."""
    topic = lone.topic("log")
    producer = lone.producer(transaction_timeout_ms="1000")
    producer.open()
    producer.begin()
    producer.produce(topic, [b"late"])
    producer._producer.flush(10)
    time.sleep(3)  # the coordinator looks for expired transactions twice a second
    with pytest.raises(TemporaryError, match=r"open for more than transaction\.timeout\.ms"):
        producer.commit()
    producer.open()
    producer.begin()
    producer.produce(topic, [b"again"])
    producer.commit()
    assert lone.values(topic) == [b"again"]
