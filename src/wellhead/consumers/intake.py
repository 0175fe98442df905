"""Takes a topic and a group, gives the committed messages of the partitions that fall to this member, and knows where each stands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, Message, TopicPartition

from wellhead.kafka.client_log import ClientLog, Hearing
from wellhead.kafka.errors import kafka_error, recovery, where

_ASK_SECS = 20.0
_SESSION = {
    "partition.assignment.strategy": "cooperative-sticky",
    "session.timeout.ms": "10000",
    "heartbeat.interval.ms": "1000",
    # Partitions that are added are found within so long; by default in five minutes.
    "topic.metadata.refresh.interval.ms": "20000",
}


class Intake:
    """A member of a consumer group that keeps its positions itself: they are committed with what was made of the messages. For one thread.

    Args:
        config: What `settings.consumer_config` gives.
        topic: The topic.
        start: Where a partition begins that the group has committed nothing of.
        on_gained: Called, from within `take`, with partitions that are this member's from now on.

    Raises:
        PermanentError: A setting is not one that librdkafka takes.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        topic: str,
        start: Literal["earliest", "latest"],
        on_gained: Callable[[Collection[int]], None],
    ) -> None:
        self._what = f"{where(config)}, topic {topic!r}, group {config.get('group.id')!r}"
        self._topic = topic
        self._start = start
        self._on_gained = on_gained
        self._hearing = Hearing()
        self.positions: dict[int, int] = {}
        """Offset of the next message of each partition that is this member's, as committed, or as `moved` says."""
        self.ended: set[int] = set()
        """Partitions that are read to their end."""
        self._waiting: dict[int, TopicPartition] = {}
        self._begun: dict[int, int] = {}
        try:
            self._consumer = Consumer(self._hearing.settings({**_SESSION, **config}), logger=ClientLog())
            self._consumer.subscribe([topic], on_assign=self._gain, on_revoke=self._lose, on_lost=self._lose)
        except KafkaException as error:
            raise recovery(kafka_error(error), f"{self._what}: cannot be read") from error

    def take(self, most: int, wait_secs: float) -> dict[int, list[Message]]:
        """Give up to `most` messages by partition, those of each in order; waits so long for that many.

        Raises:
            TemporaryError: The broker is away.
            PermanentError: It refuses the credentials or rights.
        """
        self._settle()
        try:
            messages = self._consumer.consume(most, wait_secs)
        except KafkaException as failure:
            raise self._recovery(kafka_error(failure)) from failure
        found: dict[int, list[Message]] = {}
        for message in messages:
            number = message.partition() or 0
            error = message.error()
            if error is None:
                self.ended.discard(number)
                if number in self.positions:
                    found.setdefault(number, []).append(message)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                self.ended.add(number)
            else:
                raise self._recovery(error)
        return found

    def moved(self, positions: Mapping[int, int]) -> None:
        """Say where partitions stand, once that is committed."""
        self.positions |= {number: offset for number, offset in positions.items() if number in self.positions}

    def rewind(self) -> None:
        """Read on from what is committed, as Kafka has it now.

        Raises:
            TemporaryError: The broker is away.
            PermanentError: It refuses the credentials or rights.
        """
        try:
            self.positions = self._committed(self.positions)
            for place in self.places(self.positions):
                self._consumer.seek(place)
        except KafkaException as error:
            raise self._recovery(kafka_error(error)) from error
        self.ended.clear()

    def rest(self, secs: float) -> None:
        """Stay a member for so long without reading.

        Raises:
            TemporaryError: The broker is away.
            PermanentError: It refuses the credentials or rights.
        """
        try:
            owned = self.places(self.positions)
            self._consumer.pause(owned)
            self._consumer.poll(secs)
            self._consumer.resume([place for place in owned if place.partition in self.positions])
        except KafkaException as error:
            raise self._recovery(kafka_error(error)) from error

    @property
    def membership(self) -> Any:
        """What a transaction needs to commit positions in this member's name."""
        return self._consumer.consumer_group_metadata()

    def places(self, positions: Mapping[int, int]) -> list[TopicPartition]:
        """Give positions as Kafka wants them."""
        return [TopicPartition(self._topic, number, offset) for number, offset in sorted(positions.items())]

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _gain(self, consumer: Consumer, gained: list[TopicPartition]) -> None:
        # Where they stand is asked outside this callback, in which an exception would vanish and the group would wait.
        # What is read meanwhile is dropped, and read again from the right place.
        consumer.incremental_assign(gained)
        self._waiting |= {place.partition: place for place in gained}

    def _settle(self) -> None:
        """Begin to read partitions that were gained; again with the next call where Kafka does not say where they stand."""
        if not self._waiting:
            return
        try:
            found = self._committed(self._waiting)
            self._consumer.incremental_unassign(list(self._waiting.values()))
            self._consumer.incremental_assign(self.places(found))
        except KafkaException as error:
            raise self._recovery(kafka_error(error)) from error
        self._waiting.clear()
        self.positions |= found
        self._on_gained(found.keys())

    def _lose(self, consumer: Consumer, lost: list[TopicPartition]) -> None:
        for place in lost:
            self.positions.pop(place.partition, None)
            self._waiting.pop(place.partition, None)
            self._begun.pop(place.partition, None)
            self.ended.discard(place.partition)
        consumer.incremental_unassign(lost)

    def _committed(self, numbers: Collection[int]) -> dict[int, int]:
        if not numbers:
            return {}
        found = {}
        for place in self._consumer.committed(self.places(dict.fromkeys(numbers, OFFSET_INVALID)), _ASK_SECS):
            if place.error is not None:
                raise KafkaException(place.error)
            low, high = self._consumer.get_watermark_offsets(place, _ASK_SECS)
            begin = low if self._start == "earliest" else high
            # What retention took before it was read is gone; a topic that was made anew begins at its start.
            if place.offset < 0:
                # Decided once: with "latest", what comes before the first commit is not to be jumped over.
                found[place.partition] = self._begun.setdefault(place.partition, begin)
            else:
                found[place.partition] = place.offset if low <= place.offset <= high else low
        return found

    def _recovery(self, error: KafkaError) -> Exception:
        return recovery(self._hearing.refusal or error, f"{self._what}: cannot read")
