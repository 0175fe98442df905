"""Takes the documents topic, lays what is committed in it on the shelf as a member of the store's own group, commits what is stored; never waits for the store."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, OFFSET_STORED, Consumer, KafkaError, KafkaException, Message, TopicPartition

from wellhead.clock import Clock
from wellhead.consumers.attacks.store.documents import read_document
from wellhead.consumers.attacks.store.shelf import Shelf
from wellhead.kafka.client_log import ClientLog, Hearing
from wellhead.kafka.errors import kafka_error, recovery, refused, where
from wellhead.telemetry.logs import get_logger

WAIT_SECS: Final = 0.05
_MOST_AT_ONCE: Final = 1000
_COMMIT_SECS: Final = 0.1
_ASK_SECS: Final = 5.0
_SETTLE_SECS: Final = 2.0
_CLOSE_SECS: Final = 2.0
_LOW: Final = 0.5
_DEFAULTS: Final[dict[str, Any]] = {
    "session.timeout.ms": 10_000,
    "heartbeat.interval.ms": 1_000,
    "socket.timeout.ms": 10_000,
    # A topic that is made only now, or gets more partitions, is found within so long.
    "topic.metadata.refresh.interval.ms": 5_000,
}
_FORCED: Final[dict[str, Any]] = {
    "group.protocol": "classic",
    "partition.assignment.strategy": "cooperative-sticky",
    # What was deleted before it was stored must be told, not quietly jumped over.
    "auto.offset.reset": "error",
    "allow.auto.create.topics": False,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a writer reads.

    Attributes:
        topic: The documents topic.
        group_id: The store's own group.
        prefix: What the names of the store's indices begin with.
    """

    topic: str
    group_id: str
    prefix: str


class Reader:
    """The reading half of a writer, for one thread.

    Args:
        place: What is read.
        consumer: What `settings.consumer_config` gives.
        shelf: Where documents are laid.
        clock: Spaces commits.

    Raises:
        PermanentError: A setting is not one that librdkafka takes.
    """

    def __init__(self, place: Place, consumer: Mapping[str, Any], shelf: Shelf, clock: Clock) -> None:
        self._place = place
        self._what = f"{where(consumer)}, topic {place.topic!r}, group {place.group_id!r}"
        self._shelf = shelf
        self._clock = clock
        self._log = get_logger("attacks")
        self._hearing = Hearing()
        self._paused = False
        self._owned: frozenset[int] = frozenset()
        self._committed_secs = float("-inf")
        settings = _DEFAULTS | dict(consumer) | _FORCED | {"group.id": place.group_id}
        try:
            self._consumer = Consumer(self._hearing.settings(settings), logger=ClientLog())
            self._consumer.subscribe([place.topic], on_assign=self._assign, on_revoke=self._revoke, on_lost=self._lose)
        except KafkaException as error:
            raise recovery(kafka_error(error), f"{self._what}: cannot join") from error

    def read(self) -> None:
        """Lay down what has arrived, or arrives within `WAIT_SECS`; serves the group meanwhile.

        Raises:
            PermanentError: Kafka refuses the login, the rights or a setting.
            TemporaryError: The consumer can do no more; another must take its place.
        """
        try:
            self._pause_or_resume()
            first = self._consumer.poll(WAIT_SECS)
            if first is not None:
                self._lay([first, *self._consumer.consume(_MOST_AT_ONCE, 0)])
        except KafkaException as error:
            raise recovery(self._hearing.refusal or kafka_error(error), f"{self._what}: cannot be read") from error
        if self._hearing.refusal is not None:
            raise recovery(self._hearing.refusal, f"{self._what}: cannot be read")

    def commit(self) -> None:
        """Commit what is stored since the last time, if that was not just now.

        Raises:
            PermanentError: Kafka refuses the rights on the group.
        """
        now_secs = self._clock.monotonic_secs()
        if now_secs - self._committed_secs >= _COMMIT_SECS:
            self._committed_secs = now_secs
            self._commit()

    def close(self) -> None:
        """Commit what is stored and leave the group; gives up where Kafka does not answer."""
        ending = threading.Thread(target=self._end, name="attacks-store-end", daemon=True)
        ending.start()
        ending.join(_CLOSE_SECS)

    def _end(self) -> None:
        with suppress(KafkaException, RuntimeError):
            self._consumer.close()  # revokes everything first

    # --- records

    def _lay(self, messages: Sequence[Message]) -> None:
        documents = [read_document(message, self._place.prefix) for message in messages if message.error() is None]
        self._shelf.put(documents)
        for message in messages:
            if (error := message.error()) is not None:
                self._hear(message, error)

    def _hear(self, message: Message, error: KafkaError) -> None:
        partition, offset = message.partition() or 0, message.offset() or 0
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
            self._shelf.reached(partition, offset)
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
            self._begin(partition)
        elif error.fatal() or refused(error) is not None:
            raise recovery(error, f"{self._what}: cannot be read")

    def _begin(self, partition: int) -> None:
        """Read a partition from its first message: nothing of it was stored yet, or what follows was deleted."""
        place = TopicPartition(self._place.topic, partition)
        (told,) = self._consumer.committed([place], _ASK_SECS)
        if told.offset >= 0:
            self._log.error("documents_deleted_unstored", **self._names, partition=partition, offset=told.offset)
        if partition in self._owned:  # librdkafka seeks nowhere in a partition that it gave up
            self._consumer.incremental_unassign([place])
            self._consumer.incremental_assign(self._places({partition: OFFSET_BEGINNING}))
            self._obey_where_paused({partition})

    def _pause_or_resume(self) -> None:
        if self._paused and self._shelf.has_room(_LOW):
            self._paused = False
            self._consumer.resume(self._places(dict.fromkeys(self._owned, OFFSET_STORED)))
        elif not self._paused and not self._shelf.has_room():
            self._paused = True
            self._obey_where_paused(self._owned)

    def _obey_where_paused(self, numbers: AbstractSet[int]) -> None:
        if self._paused:
            self._consumer.pause(self._places(dict.fromkeys(numbers, OFFSET_STORED)))

    # --- the group

    def _assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        fresh = frozenset(each.partition for each in partitions)
        self._shelf.assign(fresh)
        self._owned |= fresh
        consumer.incremental_assign(self._places(dict.fromkeys(fresh, OFFSET_STORED)))
        self._obey_where_paused(fresh)
        if fresh:
            self._log.info("partitions_assigned", **self._names, partitions=sorted(fresh), owned=len(self._owned))

    def _revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        leaving = frozenset(each.partition for each in partitions)
        # What is under way when this gives up is stored by the next owner again, which changes nothing.
        self._shelf.withdraw(leaving, _SETTLE_SECS)
        with suppress(Exception):  # it only saves the next owner work
            self._commit()
        self._let_go(consumer, leaving)

    def _lose(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        leaving = frozenset(each.partition for each in partitions)
        self._shelf.withdraw(leaving, 0.0)
        self._log.warning("partitions_lost", **self._names, partitions=sorted(leaving))
        self._let_go(consumer, leaving)

    def _let_go(self, consumer: Consumer, leaving: frozenset[int]) -> None:
        self._shelf.forget(leaving)
        self._owned -= leaving
        consumer.incremental_unassign([TopicPartition(self._place.topic, number) for number in leaving])

    def _commit(self) -> None:
        offsets = self._shelf.to_commit()
        if not offsets:
            return
        try:
            told = self._consumer.commit(offsets=self._places(offsets), asynchronous=False)
        except KafkaException as error:
            reason = kafka_error(error)
            if refused(reason) is not None:
                raise recovery(reason, f"{self._what}: cannot commit") from error
            return  # tried again, or done again by the next owner
        self._shelf.committed({each.partition: each.offset for each in told or () if each.error is None})

    def _places(self, offsets: Mapping[int, int]) -> list[TopicPartition]:
        return [TopicPartition(self._place.topic, number, offset) for number, offset in sorted(offsets.items())]

    @property
    def _names(self) -> dict[str, str]:
        return {"group": self._place.group_id}
