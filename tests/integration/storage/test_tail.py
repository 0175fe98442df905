"""Proves on a real broker that a tail gives everything that is committed, soon, and says so when it cannot."""

import threading
import time
from itertools import pairwise

import pytest
from confluent_kafka.admin import NewPartitions

from wellhead.errors import PermanentError, TemporaryError
from wellhead.kafka.messages import Message
from wellhead.storage.tail import TopicTail


class Heard:
    """What a topic's callback was given."""

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.at_secs: list[float] = []

    def __call__(self, messages) -> None:
        now_secs = time.monotonic()
        for message in messages:
            self.values.append(message.value())
            self.at_secs.append(now_secs)


@pytest.fixture
def follow(lab):
    """Start a tail on topics; it is closed at the end."""

    def start(**topics: Heard) -> TopicTail:
        tail = TopicTail(lab.consumer_config, {f"{lab.prefix}{name}": heard for name, heard in topics.items()})
        lab.at_end(tail.close)
        tail.start()
        return tail

    return start


def test_gives_what_was_there_and_what_comes(lab, follow) -> None:
    """Both topics are read from their beginning and on; aborted messages never come."""
    one, two = lab.topic("one"), lab.topic("two", 3)
    producer = lab.producer()
    lab.write(producer, one, b"1", b"2")
    producer.begin()
    producer.send(Message(one, b"aborted"))
    producer.abort()
    lab.write(producer, two, *(b"%d" % number for number in range(500)))
    first, second = Heard(), Heard()
    tail = follow(one=first, two=second)
    tail.caught_up()
    assert first.values == [b"1", b"2"]
    assert sorted(second.values, key=int) == [b"%d" % number for number in range(500)]
    lab.write(producer, one, b"3")
    tail.caught_up(one)
    assert first.values == [b"1", b"2", b"3"]


def test_caught_up_means_all_that_was_committed_before(lab, follow) -> None:
    """However often, each commit is with the callback when `caught_up` returns."""
    topic, heard, producer = lab.topic("one"), Heard(), lab.producer()
    tail = follow(one=heard)
    for number in range(40):
        lab.write(producer, topic, b"%d" % number)
        tail.caught_up(topic)
        assert len(heard.values) == number + 1


def test_a_commit_is_heard_before_a_batch_is_full(lab, follow) -> None:
    """From the commit to the callback nothing waits for more to come, which a fetch does for half a second by default."""
    topic, heard, producer = lab.topic("one"), Heard(), lab.producer()
    tail = follow(one=heard)
    tail.caught_up()
    committed: list[float] = []
    for number in range(60):
        producer.begin()
        producer.send(Message(topic, b"%d" % number))
        committed.append(time.monotonic())
        producer.commit()
        lab.until(lambda: len(heard.values) == len(committed))
        time.sleep(0.03)
    took = sorted(at - began for at, began in zip(heard.at_secs, committed, strict=True))
    assert took[len(took) // 4] < 0.4
    assert all(later >= earlier for earlier, later in pairwise(heard.at_secs))


def test_waits_for_what_lies_behind_an_open_transaction(lab, follow) -> None:
    """What another committed behind the beginning of an open transaction is waited for, unless that is not wanted."""
    topic, heard = lab.topic("one"), Heard()
    other, ours = lab.producer("other"), lab.producer("ours")
    tail = follow(one=heard)
    other.begin()
    other.send(Message(topic, b"slow"))
    other._producer.flush(10)
    lab.write(ours, topic, b"quick")
    tail.caught_up(behind_open=False)
    assert heard.values == []
    with pytest.raises(TemporaryError, match=r"was not read to offset 3 within 0\.5 s, only to 0"):
        tail.caught_up(secs=0.5)
    release = threading.Timer(0.3, other.commit)
    release.start()
    tail.caught_up()
    release.join()
    assert heard.values == [b"slow", b"quick"]


def test_a_new_partition_is_followed_from_its_beginning(lab, follow) -> None:
    """Messages of a partition that was added while the tail runs come, without being asked for."""
    topic, heard = lab.topic("one"), Heard()
    tail = follow(one=heard)
    tail.caught_up()
    added = lab.admin().client.create_partitions([NewPartitions(topic, 4)])
    added[topic].result(30)
    plain = lab.plain()
    for number in range(4):
        lab.until(lambda number=number: plain.list_topics(topic, 10).topics[topic].partitions.keys() >= {number})
        plain.produce(topic, b"%d" % number, partition=number)
    assert plain.flush(30) == 0
    lab.until(lambda: len(heard.values) == 4)
    assert sorted(heard.values) == [b"0", b"1", b"2", b"3"]


def test_a_new_partition_counts_when_catching_up(lab, follow) -> None:
    """`caught_up` sees a partition that the tail itself has not noticed yet."""
    topic, heard = lab.topic("one"), Heard()
    tail = follow(one=heard)
    tail.caught_up()
    lab.admin().client.create_partitions([NewPartitions(topic, 2)])[topic].result(30)
    plain = lab.plain()
    lab.until(lambda: len(plain.list_topics(topic, 10).topics[topic].partitions) == 2)
    plain.produce(topic, b"new", partition=1)
    assert plain.flush(30) == 0
    tail.caught_up()
    assert heard.values == [b"new"]


def test_a_topic_made_again_ends_the_tail(lab, follow) -> None:
    """A topic that was deleted and made again is not followed as if nothing had happened."""
    topic, heard = lab.topic("one"), Heard()
    lab.plain().produce(topic, b"old")
    tail = follow(one=heard)
    tail.caught_up()
    lab.admin().client.delete_topics([topic])[topic].result(30)
    admin = lab.admin().client
    lab.until(lambda: topic not in admin.list_topics(timeout=10).topics)
    lab.topic("one")
    lab.until(lambda: tail.failure is not None)
    assert isinstance(tail.failure, PermanentError)
    assert tail.healthy_secs == float("inf")
    with pytest.raises(PermanentError, match=r"made again|is gone"):
        tail.caught_up()


def test_a_missing_topic_is_no_empty_one(lab, follow) -> None:
    """A topic that does not exist is refused at the start."""
    with pytest.raises(TemporaryError, match="does not exist"):
        follow(nowhere=Heard())


def test_a_closed_tail_sends_elsewhere(lab, follow) -> None:
    """Who asks a process that is stopping is told so, and closing twice does no harm."""
    lab.topic("one")
    tail = follow(one=Heard())
    tail.caught_up()
    tail.close()
    with pytest.raises(TemporaryError, match=r"is stopping .* Ask another worker"):
        tail.caught_up()
    tail.close()
    assert tail.failure is None


def test_knows_how_long_ago_it_was_at_the_end(lab, follow) -> None:
    """Health is a matter of a second or two while the broker answers, though nothing is written."""
    lab.topic("one")
    tail = follow(one=Heard())
    assert tail.healthy_secs > 1e6
    lab.until(lambda: tail.healthy_secs < 5)
    time.sleep(1.2)
    lab.until(lambda: tail.healthy_secs < 1.1)
    assert tail.failure is None


def test_a_defect_of_a_callback_is_not_silence(lab, follow, caplog) -> None:
    """A callback that raises ends the tail, which says so."""
    topic = lab.topic("one")
    told = []

    def defective(_messages) -> None:
        raise ZeroDivisionError

    tail = TopicTail(lab.consumer_config, {topic: defective}, on_failure=told.append)
    lab.at_end(tail.close)
    tail.start()
    lab.write(lab.producer(), topic, b"1")
    with pytest.raises(PermanentError, match="ZeroDivisionError"):
        tail.caught_up()
    lab.until(lambda: told == [tail.failure])
    assert "Traceback" in caplog.text
