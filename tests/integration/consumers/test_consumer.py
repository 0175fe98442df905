"""Proves on a real broker what a topic consumer reads, and what it says when the topic is no longer what it was."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from wellhead.clock import SystemClock
from wellhead.consumers.consumer import TopicConsumer
from wellhead.consumers.position import Position, Read
from wellhead.errors import PermanentError, TemporaryError

CLOCK = SystemClock()


class LaterClock(SystemClock):
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.ahead_secs = 0.0

    def now_ms(self) -> int:
        return super().now_ms() + int(self.ahead_secs * 1000)

    def monotonic_secs(self) -> float:
        return super().monotonic_secs() + self.ahead_secs


def opened(topic: Any, **more: Any) -> TopicConsumer:
    return TopicConsumer(topic.consumer_config, topic.name, **{"clock": CLOCK, **more})


def to_end(topic: Any, position: Position | None = None, **more: Any) -> tuple[str | None, list[Read], list[bytes]]:
    with opened(topic, **more) as consumer:
        start = consumer.start(position)
        reads = list(consumer.read())
    return start.lost, reads, [message.key() or b"" for read in reads for message in read.messages]


def numbered(count: int, first: int = 0) -> list[tuple[int, int, str]]:
    return [(number, number, f"value {number}") for number in range(first, first + count)]


def test_reads_what_is_committed_and_goes_on_from_there(topics: Callable[..., Any]) -> None:
    """Committed messages and tombstones of every partition come once, aborted ones never; the position goes on behind them."""
    topic = topics(2)
    topic.write(numbered(500))
    topic.write(numbered(400, 500), partition=1)
    topic.write(numbered(100, 9000), commit=False)
    topic.write([7, 8], partition=1)
    lost, reads, keys = to_end(topic)
    assert lost is None
    assert sorted(keys) == sorted([b"%d" % number for number in range(900)] + [b"7", b"8"])
    assert [read.at_end for read in reads[:-1]] == [False] * (len(reads) - 1)
    assert reads[-1].at_end
    assert reads[-1].position.complete
    again = to_end(topic, reads[-1].position)
    assert (again[0], again[2], [read.at_end for read in again[1]]) == (None, [], [True])
    topic.write(numbered(3, 100))
    assert sorted(to_end(topic, reads[-1].position)[2]) == [b"100", b"101", b"102"]


def test_every_batch_has_the_position_behind_it(topics: Callable[..., Any]) -> None:
    """Stopping after any batch and going on from its position gives the rest, none twice, none missing."""
    topic = topics(3)
    for partition in range(3):
        topic.write(numbered(7000, 7000 * partition), partition=partition)
    keys: list[bytes] = []
    position, rounds = None, 0
    while True:
        with opened(topic) as consumer:
            consumer.start(position)
            read = next(iter(consumer.read()))
        keys += [message.key() or b"" for message in read.messages]
        position, rounds = read.position, rounds + 1
        assert position.complete == read.at_end
        if read.at_end:
            break
    assert rounds > 1
    assert len(keys) == 21_000
    assert len(set(keys)) == 21_000


def test_waits_for_an_open_transaction_and_gives_up_in_the_end(topics: Callable[..., Any]) -> None:
    """What lies behind an open transaction is waited for; where its end does not come, that is said."""
    topic = topics()
    topic.write(numbered(2), commit=None)
    topic.write(numbered(2, 10))
    with opened(topic, stalled_secs=0.5) as consumer, pytest.raises(TemporaryError, match="left a transaction open"):  # noqa: PT012
        consumer.start(None)
        list(consumer.read())
    release = threading.Timer(0.5, topic.finish)
    release.start()
    keys = to_end(topic)[2]
    release.join()
    assert sorted(keys) == [b"0", b"1", b"10", b"11"]


def test_a_topic_made_again_starts_over(topics: Callable[..., Any]) -> None:
    """A topic deleted and made again under the same name is noticed by its id, even where the offsets would fit."""
    topic = topics()
    topic.write(numbered(5))
    position = to_end(topic)[1][-1].position
    topic.delete()
    topic.make()
    topic.write(numbered(9, 100))
    lost, _, keys = to_end(topic, position)
    assert "made again" in str(lost)
    assert keys == [b"%d" % number for number in range(100, 109)]


def test_a_topic_made_again_while_read_is_noticed(topics: Callable[..., Any]) -> None:
    """Who reads on, once or following, in a topic that was made again meanwhile is told to start over."""
    topic = topics()
    topic.write(numbered(5))
    clock = LaterClock()
    with opened(topic, clock=clock) as consumer:
        consumer.start(None)
        following = consumer.read(follow=True)
        assert any(read.at_end for read in following)
        topic.delete()
        topic.make()
        clock.ahead_secs += 31
        with pytest.raises(TemporaryError, match=r"made again|cannot read"):
            list(following)
        with pytest.raises(TemporaryError, match="made again"):
            list(consumer.read())
        assert "made again" in str(consumer.start(Position("another", {0: 5}, 0)).lost)


def test_history_that_is_gone_starts_over(topics: Callable[..., Any]) -> None:
    """Where messages behind the position were deleted everything is read anew; a log goes on with what is there."""
    topic = topics(2, cleanup_policy="compact,delete")
    topic.write(numbered(10))
    topic.write(numbered(10, 10), partition=1)
    position = to_end(topic)[1][-1].position
    topic.write(numbered(10, 20))
    topic.cut(15)
    lost, _, keys = to_end(topic, position)
    assert "partition 0: offsets 11 to 14 were deleted before they were read" in str(lost)
    assert len(keys) == 16
    lost, _, keys = to_end(topic, position, on_gap="skip")
    assert "partition 0" in str(lost)
    assert keys == [b"%d" % number for number in range(24, 30)]


def test_history_cut_while_reading_is_noticed(topics: Callable[..., Any]) -> None:
    """Messages that go between start and read, or while following, are an error, never jumped over."""
    topic = topics(1, cleanup_policy="compact,delete")
    topic.write(numbered(10))
    with opened(topic) as consumer:
        consumer.start(None)
        topic.cut(5)
        with pytest.raises(TemporaryError, match=r"offset 0 is gone|deleted meanwhile"):
            list(consumer.read())
        consumer.start(None)
        assert [len(read.messages) for read in consumer.read()] == [5]


def test_a_position_beyond_the_end_starts_over(topics: Callable[..., Any]) -> None:
    """A topic that ends before the position lost messages, so everything is read anew."""
    topic = topics()
    topic.write(numbered(4))
    position = to_end(topic)[1][-1].position
    beyond = Position(position.topic_id, {0: 99}, position.whole_ms)
    lost, _, keys = to_end(topic, beyond)
    assert "ends at offset 5, before 99" in str(lost)
    assert len(keys) == 4


def test_tombstones_may_be_gone_after_a_long_absence(topics: Callable[..., Any]) -> None:
    """Back after more than delete.retention.ms everything is read anew, unless nothing was written since."""
    topic = topics(1, delete_retention_ms="3600000")
    topic.write(numbered(4))
    position = to_end(topic)[1][-1].position
    clock = LaterClock()
    clock.ahead_secs = 3700
    assert to_end(topic, position, clock=clock)[0] is None
    topic.write(numbered(1))
    lost, _, keys = to_end(topic, position, clock=clock)
    assert "tombstones are kept for 1 h" in str(lost)
    assert len(keys) == 5


def test_new_partitions_are_taken_up(topics: Callable[..., Any]) -> None:
    """A partition added later is read from its start: by the next run, and by one who follows."""
    topic = topics()
    topic.write(numbered(3))
    position = to_end(topic)[1][-1].position
    clock, stop = LaterClock(), threading.Event()
    with opened(topic, clock=clock, stop=stop) as consumer:
        consumer.start(position)
        following = consumer.read(follow=True)
        assert next(following).at_end
        topic.widen(2)
        topic.write(numbered(4, 50), partition=1)
        clock.ahead_secs += 31
        keys: list[bytes] = []
        while len(keys) < 4:
            keys += [message.key() or b"" for message in next(following).messages]
        assert keys == [b"50", b"51", b"52", b"53"]
    assert to_end(topic, position)[2] == keys


def test_following_tells_the_end_again_and_again(topics: Callable[..., Any]) -> None:
    """Who follows gets new messages as they come, hears of the end after them, and now and then while nothing comes."""
    topic = topics(2)
    topic.write(numbered(3))
    clock = LaterClock()
    with opened(topic, clock=clock) as consumer:
        consumer.start(None)
        following = consumer.read(follow=True)
        first = next(read for read in following if read.at_end)
        topic.write([1], partition=1)
        seen: list[Any] = []
        while not (seen and seen[-1].at_end):
            seen.append(next(following))
        assert [message.value() for read in seen for message in read.messages] == [None]
        clock.ahead_secs += 60
        idle = next(following)
        assert (idle.messages, idle.at_end) == ([], True)
        assert idle.position.whole_ms > first.position.whole_ms + 59_000


@pytest.mark.parametrize("follow", [True, False])
def test_stops_within_a_second(topics: Callable[..., Any], follow: bool) -> None:
    """Told to stop, following or waiting for a transaction's end, it ends within a second, without an error."""
    topic = topics()
    topic.write(numbered(3))
    if not follow:
        topic.write(numbered(1), commit=None)
    stop = threading.Event()
    with opened(topic, stop=stop) as consumer:
        consumer.start(None)
        reading = consumer.read(follow=follow)
        count = 0
        while count < 3:
            count += len(next(reading).messages)
        told: list[float] = []
        timer = threading.Timer(0.3, lambda: (told.append(time.monotonic()), stop.set()))
        timer.start()
        assert not [read for read in reading if read.messages]
        assert time.monotonic() - told[0] < 1
        timer.join()
    assert count == 3
    assert time.monotonic() - told[0] < 2


def test_a_missing_topic_is_told_at_once(topics: Callable[..., Any]) -> None:
    """A topic that does not exist is a temporary error that names it, and is not made."""
    topic = topics()
    started = time.monotonic()
    with (
        TopicConsumer(topic.consumer_config, f"{topic.name}-none", clock=CLOCK) as consumer,
        pytest.raises(TemporaryError, match=r"-none' does not exist"),
    ):
        consumer.start(None)
    assert time.monotonic() - started < 5


def test_without_a_broker_it_is_temporary_and_stops_soon(topics: Callable[..., Any]) -> None:
    """A broker that is away is a temporary error after ten seconds, or within a second when told to stop."""
    config = topics().consumer_config | {"bootstrap.servers": "127.0.0.1:1"}
    with TopicConsumer(config, "x", clock=LaterClock()) as consumer:
        consumer.clock.ahead_secs = 0  # type: ignore[attr-defined]
        threading.Timer(0.2, lambda: setattr(consumer.clock, "ahead_secs", 11)).start()
        with pytest.raises(TemporaryError, match=r"kafka at 127\.0\.0\.1:1, topic 'x'"):
            consumer.start(None)
    stop = threading.Event()
    with TopicConsumer(config, "x", clock=CLOCK, stop=stop) as consumer:
        threading.Timer(0.3, stop.set).start()
        started = time.monotonic()
        with pytest.raises(TemporaryError, match="told to stop"):
            consumer.start(None)
        assert time.monotonic() - started < 2


def test_a_refusal_is_permanent(topics: Callable[..., Any]) -> None:
    """Settings that no client takes are the operator's to mend."""
    with pytest.raises(PermanentError, match="a setting"):
        TopicConsumer(topics().consumer_config | {"fetch.wait.max.ms": "never"}, "x", clock=CLOCK)


def test_shows_its_lag_and_never_reads_it(topics: Callable[..., Any]) -> None:
    """The shown position is the group's committed offset; reading begins where the given position says all the same."""
    topic = topics()
    topic.write(numbered(6))
    group = f"{topic.name}-lag"
    with opened(topic, lag_group=group) as consumer:
        consumer.start(None)
        *_, last = consumer.read()
        consumer.show(last.position)
    plain = Consumer({"bootstrap.servers": topic.consumer_config["bootstrap.servers"], "group.id": group})
    try:
        (committed,) = plain.committed([TopicPartition(topic.name, 0)], 10)
        assert committed.offset == last.position.offsets[0] == 7
    finally:
        plain.close()
    assert len(to_end(topic, lag_group=group)[2]) == 6
