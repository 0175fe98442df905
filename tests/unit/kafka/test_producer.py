"""Handing records to librdkafka loses none, doubles none and tells which are too large; every failure closes the producer."""

import psutil
import pytest
from confluent_kafka import Consumer, TopicPartition

from wellhead.errors import PermanentError, TemporaryError
from wellhead.kafka.errors import ProducerLost
from wellhead.kafka.limits import RecordLimits
from wellhead.kafka.messages import Message
from wellhead.kafka.producer import TransactionalProducer


@pytest.fixture
def producer_at(memory_broker):
    def make(*, limits: RecordLimits | None = None, step=lambda _: None, **settings: str) -> TransactionalProducer:
        spelled = {name.replace("_", "."): value for name, value in settings.items()}
        made = TransactionalProducer(
            {"bootstrap.servers": memory_broker, "transactional.id": "t"} | spelled, limits=limits, step=step
        )
        made.open()
        made.begin()
        return made

    return make


def committed(bootstrap: str, topic: str, count: int) -> list[bytes]:
    plain = Consumer({"bootstrap.servers": bootstrap, "group.id": "g", "auto.offset.reset": "earliest"})
    try:
        partitions = plain.list_topics(topic, 10).topics[topic].partitions
        plain.assign([TopicPartition(topic, number, 0) for number in partitions])
        return [message.value() for message in plain.consume(count + 1, 2.0)]
    finally:
        plain.close()


def test_a_full_queue_is_waited_for(producer_at, memory_broker) -> None:
    """With room for 7 records in the queue 100 arrive, each once."""
    producer = producer_at(queue_buffering_max_messages="7", linger_ms="0")
    values = [b"%d" % number for number in range(100)]
    assert producer.produce("t", values, timestamps_ms=list(range(1, 101))) == []
    producer.commit()
    assert sorted(committed(memory_broker, "t", 100)) == sorted(values)


def test_too_large_records_are_told_wherever_they_stand(producer_at, memory_broker) -> None:
    """First, last, neighbouring and beyond a slice of 1000: their indexes come back, all others are sent."""
    producer = producer_at(message_max_bytes="1000")
    values = [b"%d" % number for number in range(2500)]
    for index in (0, 1, 999, 1000, 1001, 2499):
        values[index] = b"x" * 2000
    assert producer.produce("t", values) == [0, 1, 999, 1000, 1001, 2499]
    producer.commit()
    assert sorted(committed(memory_broker, "t", 2494)) == sorted(value for value in values if len(value) < 2000)


def test_a_batch_of_nothing_but_too_large_records(producer_at) -> None:
    """Every index is told and nothing breaks."""
    producer = producer_at(message_max_bytes="1000")
    assert producer.produce("t", [b"x" * 2000] * 3) == [0, 1, 2]
    assert producer.produce("t", []) == []
    producer.commit()
    assert producer.is_open


def test_a_learned_limit_is_kept_before_sending(producer_at, memory_broker) -> None:
    """Indexes of what the topic, and of what the client cannot take, come in one ordered list."""
    producer = producer_at(limits=RecordLimits({"t": 500}), message_max_bytes="1000")
    values = [b"a", b"x" * 600, b"b", b"x" * 2000, b"c"]
    assert producer.produce("t", values, keys=[b"0", b"1", b"2", b"3", b"4"]) == [1, 3]
    producer.commit()
    assert sorted(committed(memory_broker, "t", 3)) == [b"a", b"b", b"c"]


def test_a_message_too_large_closes_the_producer(producer_at) -> None:
    """A cursor or dead letter is never left out silently."""
    producer = producer_at(message_max_bytes="1000")
    with pytest.raises(PermanentError, match="too large for topic 't'"):
        producer.send(Message("t", b"x" * 2000))
    assert not producer.is_open


def test_every_call_needs_an_open_producer() -> None:
    """Before `open` and after `close` calls say what to do; closing and aborting again is harmless."""
    producer = TransactionalProducer({"bootstrap.servers": "127.0.0.1:1", "transactional.id": "t"})
    producer.close()
    producer.abort()
    for call in (
        producer.begin,
        producer.commit,
        lambda: producer.produce("t", [b"x"]),
        lambda: producer.send(Message("t", b"x")),
    ):
        with pytest.raises(ProducerLost, match="Open it and read the cursor first"):
            call()


def test_a_setting_librdkafka_refuses_is_permanent_and_keeps_secrets() -> None:
    """I6: the setting is named, a secret value is not."""
    producer = TransactionalProducer(
        {
            "bootstrap.servers": "127.0.0.1:1",
            "transactional.id": "t",
            "security.protocol": "ssl",
            "ssl.key.pem": "s3cret-material",
        }
    )
    with pytest.raises(PermanentError, match=r"ssl\.key\.pem") as caught:
        producer.open()
    assert "s3cret-material" not in str(caught.value)


def test_a_broker_that_is_away_is_temporary() -> None:
    """The address and the reason are told."""
    producer = TransactionalProducer({"bootstrap.servers": "127.0.0.1:1", "transactional.id": "t"}, open_secs=0.1)
    with pytest.raises(TemporaryError, match=r"127\.0\.0\.1:1.*Connection refused"):
        producer.open()


def test_crash_points_are_told_in_order(producer_at) -> None:
    """Each point where a crash must do no harm is named as it is passed."""
    steps: list[str] = []
    producer = producer_at(step=steps.append)
    producer.produce("t", [b"x"] * 1001)
    producer.commit()
    assert steps == ["begin", "mid_produce", "mid_produce", "before_commit", "after_commit"]


def test_an_error_that_is_kept_keeps_no_client(producer_at) -> None:
    """The threads of a producer that failed end, though its error lives on as the task's last error."""
    before = psutil.Process().num_threads()
    kept = []
    for _ in range(5):
        for producer in (
            producer_at(message_max_bytes="1000"),
            TransactionalProducer({"bootstrap.servers": "127.0.0.1:1"}, open_secs=0.0),
        ):
            with pytest.raises((PermanentError, TemporaryError)) as caught:
                producer.send(Message("t", b"x" * 2000)) if producer.is_open else producer.open()
            kept.append(caught.value)
    assert len(kept) == 10
    assert psutil.Process().num_threads() <= before + 2
