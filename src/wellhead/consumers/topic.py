"""Takes a topic's name, gives which topic that is now and what it holds; never reads a message."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import ConfigResource, OffsetSpec, ResourceType  # type: ignore[attr-defined]

from wellhead.clock import Clock
from wellhead.errors import TemporaryError
from wellhead.kafka.admin import Admin
from wellhead.kafka.errors import kafka_error, recovery, refused, where

T = TypeVar("T")
_SLICE_SECS = 0.9
"""One request may take so long, so that a stop is noticed within a second; it is asked again until PATIENCE_SECS are over."""
PATIENCE_SECS = 10.0
_PAUSE_SECS = 0.1
_PASSING = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError.REQUEST_TIMED_OUT,
    }
)
_DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Span:
    """What a partition holds: its first offset and its end, exclusive, open transactions included."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """A topic as it is at one moment.

    Attributes:
        topic_id: Kafka's id of it.
        spans: What each partition holds.
        tombstones_ms: For how many milliseconds tombstones stay readable; None where the topic is not compacted.
    """

    topic_id: str
    spans: Mapping[int, Span]
    tombstones_ms: int | None


class TopicLook:
    """Asks a broker about one topic. Blocking; gives up within a second once `stop` is set.

    Args:
        config: Settings of any of our clients.
        topic: The topic.
        clock: Tells how long has been tried.
        stop: Ends the attempts.
    """

    def __init__(self, config: Mapping[str, Any], topic: str, clock: Clock, stop: threading.Event) -> None:
        self._what = f"{where(config)}, topic {topic!r}"
        self._topic = topic
        self._clock = clock
        self._stop = stop
        self._admin = Admin(config)

    def facts(self) -> TopicFacts:
        """Give the topic as it is now.

        Raises:
            TemporaryError: There is no such topic, the broker cannot be reached, or `stop` was set.
            PermanentError: The broker refuses the credentials or rights.
        """
        described = self._patiently(self._describe)
        partitions = [TopicPartition(self._topic, part.id) for part in described.partitions]
        firsts = self._offsets(partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        ends = self._offsets(partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        spans = {part: Span(firsts[part], ends[part]) for part in firsts}
        return TopicFacts(str(described.topic_id), spans, self._patiently(self._tombstones_ms))

    def close(self) -> None:
        """End the connection."""
        self._admin.close()

    def _describe(self) -> Any:
        asked = self._admin.client.describe_topics(TopicCollection([self._topic]), request_timeout=_SLICE_SECS)
        try:
            return asked[self._topic].result()
        except KafkaException as error:
            if kafka_error(error).code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
            raise TemporaryError(
                f"{self._what} does not exist (yet). Start the connector that writes it, or correct the name"
            ) from error

    def _offsets(self, partitions: list[TopicPartition], spec: Any) -> dict[int, int]:
        def ask() -> dict[int, int]:
            asked = self._admin.client.list_offsets(
                dict.fromkeys(partitions, spec), isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=_SLICE_SECS
            )
            return {part.partition: future.result().offset for part, future in asked.items()}

        return self._patiently(ask)

    def _tombstones_ms(self) -> int | None:
        resource = ConfigResource(ResourceType.TOPIC, self._topic)
        try:
            found = self._admin.client.describe_configs([resource], request_timeout=_SLICE_SECS)[resource].result()
        except KafkaException as error:
            if refused(kafka_error(error)) is None:
                raise
            return _DAY_MS  # Without DescribeConfigs it cannot be known: Kafka's default then, to be on the safe side.
        return int(found["delete.retention.ms"].value) if "compact" in str(found["cleanup.policy"].value) else None

    def _patiently(self, ask: Callable[[], T]) -> T:
        """Ask until there is an answer, time is over, or `stop` is set."""
        until_secs = self._clock.monotonic_secs() + PATIENCE_SECS
        while True:
            try:
                return ask()
            except KafkaException as error:
                cause = kafka_error(error)
                last = error
            if cause.code() not in _PASSING or self._clock.monotonic_secs() > until_secs:
                raise recovery(self._admin.cause(last), f"{self._what}: cannot look at the topic") from last
            if self._stop.wait(_PAUSE_SECS):
                raise TemporaryError(f"{self._what}: told to stop before the broker answered") from last
