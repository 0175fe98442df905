"""Takes a topic and a stored position, gives committed batches with the position after each; never keeps the position itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from wellhead.clock import Clock
from wellhead.consumers.position import Position, Read, Start
from wellhead.consumers.resume import OnGap, resume
from wellhead.consumers.topic import Span, TopicFacts, TopicLook
from wellhead.errors import TemporaryError
from wellhead.kafka.client_log import ClientLog, Hearing
from wellhead.kafka.errors import kafka_error, recovery, where

BATCH = 10_240
"""Twelve of them are a row group of DuckDB's, see `lookup/follow.py`."""
_WAIT_SECS = 0.1
_FILL_SECS = 0.25
"""A batch is waited for so long to be full while there is certainly more."""
_QUEUE_FULL_MS = "20"
"""librdkafka fetches no more for so long once its queue is full: by default a second, in which the queue runs dry."""
LOOK_SECS = 30.0
"""So often someone who follows looks whether the topic is still the same, whole, and has no more partitions."""


class TopicConsumer:
    """Reads one topic at read_committed, every partition of it, from positions that its user stores; joins no group.

        with TopicConsumer(consumer_config(worker), "threatstream.indicator", clock=clock, stop=stop) as consumer:
            start = consumer.start(state.position())
            if start.lost:
                state.clear()
            for read in consumer.read():
                state.apply(changes_of(read.messages, ...), read.position)

    Blocking, for one thread; only `stop` may be set from another one.

    Args:
        config: What `settings.consumer_config` gives.
        topic: The topic.
        clock: Tells when a position was whole, and when looking for new partitions is due.
        stop: Once set, `read` ends within a second, and `start` raises TemporaryError where it still waits for the broker.
        on_gap: What to do where messages that follow the position are gone. "restart": begin all partitions from their start and say so
            in `Start.lost`, for a state that must know every key. "skip": go on with the first message there is, and say so, for logs.
        lag_group: Group whose committed offsets `show` moves, so that lag tools see the reader; None shows nothing. Never read from.
        stalled_secs: Seconds without anything to read, though there is more, after which `read` gives up.

    Raises:
        PermanentError: A setting is not one that librdkafka takes.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        topic: str,
        *,
        clock: Clock,
        stop: threading.Event | None = None,
        on_gap: OnGap = "restart",
        lag_group: str | None = None,
        stalled_secs: float = 90.0,
    ) -> None:
        self._what = f"{where(config)}, topic {topic!r}"
        self._topic = topic
        self.clock = clock
        self.stop = stop or threading.Event()
        self._on_gap = on_gap
        self._lag_group = lag_group
        self._stalled_secs = stalled_secs
        self._topic_id = ""
        self._offsets: dict[int, int] = {}
        self._whole_ms, self._complete = 0, False
        self._hearing = Hearing()
        # Where an offset is gone it must be told, not quietly jumped over.
        own = {"auto.offset.reset": "error"} | ({"group.id": lag_group} if lag_group else {})
        try:
            self._look = TopicLook(config, topic, clock, self.stop)
            settings = {"fetch.queue.backoff.ms": _QUEUE_FULL_MS, **config, **own}
            self._consumer = Consumer(self._hearing.settings(settings), logger=ClientLog())
        except KafkaException as error:
            raise recovery(kafka_error(error), f"{self._what}: cannot be read") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def start(self, position: Position | None) -> Start:
        """Decide where reading begins and assign every partition.

        It begins at `position` unless that is None, or what follows it cannot be had complete: the topic was deleted and made again, its
        retention (or DeleteRecords) took messages that were not read yet, it ends before the position, or, on a compacted topic, reading
        was away for longer than `delete.retention.ms`, so that tombstones may be gone. Partitions that are new are read from their start.

        Raises:
            TemporaryError: The topic does not exist (yet), or the broker cannot be reached.
            PermanentError: The broker refuses the credentials or rights.
        """
        start = resume(position, self._look.facts(), self.clock.now_ms(), self._on_gap)
        self._topic_id, self._whole_ms = start.position.topic_id, start.position.whole_ms
        self._offsets, self._complete = dict(start.position.offsets), start.position.complete
        self._assign()
        return start

    def read(self, *, follow: bool = False) -> Iterator[Read]:
        """Read on from where `start`, or the last `read`, left off.

        Without `follow` it ends after everything the topic held at the call, open transactions included, whose end it waits for; the last
        Read has `at_end`, even when it has no messages. With `follow` it goes on until `stop` is set; whenever it has come to the end again,
        and every half minute while it stays there, a Read says so.

        Raises:
            TemporaryError: The broker is away, an open transaction blocks the topic, or the topic was replaced or cut meanwhile: call
                `start` again with the stored position.
            PermanentError: The broker refuses the credentials or rights.
        """
        return self._follow() if follow else self._to_end()

    def show(self, position: Position) -> None:
        """Commit `position` to `lag_group`, without waiting; only for people and lag tools."""
        if self._lag_group is not None:
            self._consumer.commit(offsets=self._partitions(position.offsets), asynchronous=True)

    def close(self) -> None:
        """Close the connections."""
        self._look.close()
        self._consumer.close()

    def _to_end(self) -> Iterator[Read]:
        asked_ms = self.clock.now_ms()
        spans = self._same_topic().spans
        missing, waiting = self._before(spans), list[Message]()
        moved_secs = self.clock.monotonic_secs()
        while missing and not self.stop.is_set():
            messages, said = self._consume(BATCH - len(waiting), _FILL_SECS)
            missing, waiting = self._before(spans), waiting + messages
            if messages or said:
                moved_secs = self.clock.monotonic_secs()
            elif self.clock.monotonic_secs() - moved_secs > self._stalled_secs or self._hearing.refusal is not None:
                raise self._stalled({number: spans[number].end for number in missing})
            # Full batches, all but the last: what comes of them may be worth most in certain sizes.
            if missing and waiting and (len(waiting) == BATCH or not messages):
                yield Read(waiting, self._position(), at_end=False)
                waiting = []
        if not missing:
            self._whole_ms, self._complete = asked_ms, True
            yield Read(waiting, self._position(), at_end=True)

    def _before(self, spans: Mapping[int, Span]) -> set[int]:
        """Give the partitions that are not read to their end yet."""
        return {number for number, span in spans.items() if self._offsets[number] < span.end}

    def _follow(self) -> Iterator[Read]:
        self._same_topic()
        looked_secs, ended, told = self.clock.monotonic_secs(), set[int](), False
        while not self.stop.is_set():
            asked_ms = self.clock.now_ms()
            before = dict(self._offsets)
            messages, said = self._consume(BATCH, _WAIT_SECS)
            ended -= {number for number, offset in self._offsets.items() if offset != before[number]}
            ended |= {message.partition() or 0 for message in said}
            at_end = ended >= self._offsets.keys()
            due = self.clock.monotonic_secs() - looked_secs >= LOOK_SECS
            if at_end and (due or not told or messages):
                self._whole_ms, self._complete = asked_ms, True
            if messages or (at_end and (due or not told)):
                yield Read(messages, self._position(), at_end=at_end)
                told = at_end
            if due:
                self._same_topic()
                looked_secs = self.clock.monotonic_secs()

    def _consume(self, count: int, wait_secs: float) -> tuple[list[Message], list[Message]]:
        """Take what has arrived, or arrives in time: the records, and what was said about the ends of partitions."""
        messages = self._consumer.consume(count, wait_secs)
        said: list[Message] = []
        if any(map(Message.error, messages)):
            said = [message for message in messages if message.error() is not None and self._is_end(message)]
            messages = [message for message in messages if message.error() is None]
        if messages:
            self._come_to({place.partition: place.offset for place in self._consumer.position(self._partitions(self._offsets))})
        # The end of a partition lies past the markers of transactions, which no record's offset tells.
        self._come_to({message.partition() or 0: message.offset() or 0 for message in said})
        return messages, said

    def _come_to(self, offsets: Mapping[int, int]) -> None:
        """Move on; librdkafka says a negative offset where it has no news."""
        self._offsets |= {number: offset for number, offset in offsets.items() if offset > self._offsets.get(number, offset)}

    def _is_end(self, message: Message) -> bool:
        """Whether it tells of the end of a partition; if not, it is raised, unless it tells of what was before `start` was called again."""
        error, offset = message.error(), message.offset() or 0
        assert error is not None
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
            return True
        # librdkafka does not take back what it has to say about an assignment that is over.
        past = offset < self._offsets.get(message.partition() or 0, 0)
        if error.code() == KafkaError._AUTO_OFFSET_RESET and past:  # noqa: SLF001
            return False
        raise self._failure(message, error)

    def _same_topic(self) -> TopicFacts:
        """Look at the topic again; take up new partitions.

        Raises:
            TemporaryError: It is another one, or what was to be read next is gone.
        """
        facts = self._look.facts()
        if facts.topic_id != self._topic_id:
            raise TemporaryError(f"{self._what} was deleted and made again while it was read. Starting over with the new one")
        for number, span in facts.spans.items():
            if number in self._offsets and not span.first <= self._offsets[number] <= span.end:
                raise TemporaryError(f"{self._what}, partition {number}: offset {self._offsets[number]} is gone. Starting over")
        if new := {number: span.first for number, span in facts.spans.items() if number not in self._offsets}:
            self._offsets |= new
            self._assign()
        return facts

    def _assign(self) -> None:
        self._consumer.assign(self._partitions(self._offsets))

    def _partitions(self, offsets: Mapping[int, int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, number, offset) for number, offset in sorted(offsets.items())]

    def _position(self) -> Position:
        return Position(self._topic_id, dict(self._offsets), self._whole_ms, self._complete)

    def _failure(self, message: Message, error: KafkaError) -> Exception:
        place = f"{self._what}, partition {message.partition()}"
        if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
            return TemporaryError(f"{place}: the next message to read was deleted meanwhile ({error.str()}). Starting over")
        return recovery(error, f"{place}: cannot read")

    def _stalled(self, ends: Mapping[int, int]) -> Exception:
        if self._hearing.refusal is not None:
            return recovery(self._hearing.refusal, f"{self._what}: cannot read")
        number = min(ends)
        return TemporaryError(
            f"{self._what}: nothing more to read for {self._stalled_secs:g} s, though partition {number} goes on to offset {ends[number]}. "
            "The broker is away, or a producer left a transaction open, which ends with its transaction.timeout.ms"
        )


__all__ = ["OnGap", "Position", "Read", "Start", "TopicConsumer"]
