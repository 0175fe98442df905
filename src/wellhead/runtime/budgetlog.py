"""Takes the budget topic, gives its messages in order with the broker's time and appends to it, never trusts a producer's clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from wellhead.config.worker import WorkerSettings
from wellhead.errors import PermanentError, TemporaryError
from wellhead.kafka import settings
from wellhead.kafka.client_log import ClientLog, Hearing
from wellhead.kafka.errors import kafka_error, recovery, where
from wellhead.kafka.topics import TopicSpec, ensure

RETENTION_MS: Final = 2 * 86_400_000  # twice the longest window
_ASK_SECS: Final = 10.0
_BATCH: Final = 500
_STALE_MS: Final = 5_000  # what could not be appended by then is said anew
# The next try may well succeed, and the client makes it by itself.
_PASSING = frozenset(
    {
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._RESOLVE,  # noqa: SLF001
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
    }
)


class TopicGone(TemporaryError):  # noqa: N818 - the name says the event
    """The topic is another one than before: what it knew is lost."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One message: its offset, the broker's time (epoch ms), its group, and what was reported."""

    offset: int
    stamp_ms: int
    group: str
    value: bytes


class BudgetLog:
    """The topic's one partition. `poll` belongs to one thread; `append` may be called from any.

    Args:
        worker: Where it is, and its name.

    Raises:
        TemporaryError: The broker cannot be reached.
        PermanentError: It refuses us, or the topic is not fit.
    """

    def __init__(self, worker: WorkerSettings) -> None:
        self._topic = worker.budget_topic
        consumer = settings.consumer_config(worker, client_id="wellhead-budget")
        self._what = f"{where(consumer)}, topic {self._topic!r} (budget.topic)"
        ensure(settings.admin_config(worker), [budget_spec(worker)])
        self._hearing = Hearing()
        self._next = 0
        self._consumer = Consumer(self._hearing.settings(consumer), logger=ClientLog())
        writer = dict(settings.writer_config(worker, client_id="wellhead-budget"))
        # Whoever waits for a call waits for this.
        writer |= {"linger.ms": "0", "message.timeout.ms": str(_STALE_MS)}
        try:
            self._producer = Producer(self._hearing.settings(writer), logger=ClientLog())
            self._check_partitions()
        except BaseException:
            self._consumer.close()
            raise

    @property
    def reached(self) -> int:
        """The offset after the last message read."""
        return self._next

    def span(self) -> tuple[int, int]:
        """Give the first offset and the one after the last."""
        try:
            low, high = self._consumer.get_watermark_offsets(TopicPartition(self._topic, 0), timeout=_ASK_SECS)
        except KafkaException as error:
            raise self._recovery(error) from error
        return low, high

    def read_from(self, offset: int) -> None:
        """Read on, or again, from an offset."""
        self._next = offset
        self._consumer.assign([TopicPartition(self._topic, 0, offset)])

    def poll(self, secs: float) -> list[Entry]:
        """Give what comes next, waiting for at most `secs` for the first.

        Raises:
            TopicGone: It was deleted, or made again.
            TemporaryError: It cannot be read now.
            PermanentError: The broker refuses us, or does not stamp the messages.
        """
        try:
            self._producer.poll(0)
            first = self._consumer.poll(secs)
            if first is None:
                if self._hearing.refusal is not None:
                    raise recovery(self._hearing.refusal, f"{self._what}: cannot be read")
                return []
            messages = [first, *self._consumer.consume(_BATCH, 0)]
        except KafkaException as error:
            raise self._recovery(error) from error
        return [entry for message in messages if (entry := self._entry(message)) is not None]

    def append(self, group: str, value: bytes) -> None:
        """Hand over a message; it is lost where the broker does not take it within seconds."""
        try:
            self._producer.produce(self._topic, value, group.encode(), partition=0)
        except BufferError:
            return  # the broker has been away for long
        except KafkaException as error:
            raise self._recovery(error) from error

    def close(self) -> None:
        """Let go of both clients; what was not appended yet is given a moment."""
        self._producer.flush(0.5)
        self._consumer.close()

    def _entry(self, message: Message) -> Entry | None:
        error = message.error()
        if error is not None:
            if error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION):  # noqa: SLF001
                raise TopicGone(f"{self._what} was deleted; it is made again")
            if error.code() == KafkaError._PARTITION_EOF or error.code() in _PASSING or error.retriable():  # noqa: SLF001
                return None
            raise recovery(error, f"{self._what}: cannot be read")
        kind, stamp_ms = message.timestamp()
        offset = message.offset()
        assert offset is not None
        if offset < self._next:
            raise TopicGone(f"{self._what} was deleted and made again")
        self._next = offset + 1
        if kind != TIMESTAMP_LOG_APPEND_TIME:
            raise PermanentError(
                f"{self._what} has message.timestamp.type=CreateTime, so that calls would be timed by clocks that need not agree. "
                "Set it to LogAppendTime, or name another topic"
            )
        return Entry(offset, stamp_ms, (message.key() or b"").decode(errors="replace"), message.value() or b"")

    def _check_partitions(self) -> None:
        try:
            found = self._consumer.list_topics(self._topic, timeout=_ASK_SECS).topics[self._topic]
        except KafkaException as error:
            raise self._recovery(error) from error
        if len(found.partitions) > 1:
            raise PermanentError(
                f"{self._what} has {len(found.partitions)} partitions, so that its messages have no order. Name a topic with one partition"
            )

    def _recovery(self, error: KafkaException) -> TemporaryError | PermanentError:
        return recovery(self._hearing.refusal or self._hearing.cause(kafka_error(error)), f"{self._what}: cannot be used")


def budget_spec(worker: WorkerSettings) -> TopicSpec:
    """Give the budget topic as it is to be created."""
    config: Mapping[str, Any] = {
        "cleanup.policy": "delete",
        "message.timestamp.type": "LogAppendTime",
        "retention.ms": str(RETENTION_MS),
    }
    return TopicSpec(worker.budget_topic, 1, worker.budget_topic_replication_factor, config)
