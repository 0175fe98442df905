"""Takes the group of a job, gives which partitions of its topic are this process's; never reads a record."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from wellhead.errors import PermanentError, WellheadError
from wellhead.kafka.client_log import ClientLog, Hearing
from wellhead.kafka.errors import kafka_error, recovery, where
from wellhead.telemetry.logs import get_logger

OnPartition = Callable[[int], None]

_POLL_SECS = 0.1
_JOIN_SECS = 90.0
_GROUP: Mapping[str, Any] = {
    "group.protocol": "classic",
    "partition.assignment.strategy": "cooperative-sticky",
    "enable.auto.commit": False,
    "enable.partition.eof": False,
    "allow.auto.create.topics": False,
}


class Ownership:
    """This process's place among those that share a job: Kafka's group gives each partition to one of them.

    Callbacks run on the thread that speaks to the group. What is taken away in an orderly way goes to another process only when
    `on_gone` has returned, so it may wait for what is under way; what was lost may already be another's.

    Args:
        config: What `settings.consumer_config` gives.
        group: The job's group, and the name of its topic.
        on_come: A partition is ours from now on.
        on_gone: It is not any more.
    """

    def __init__(self, config: Mapping[str, Any], group: str, on_come: OnPartition, on_gone: OnPartition) -> None:
        self._what = f"{where(config)}: group {group!r}"
        self._on_come = on_come
        self._on_gone = on_gone
        self._hearing = Hearing()
        defaults = {"session.timeout.ms": 10_000, "heartbeat.interval.ms": 1_000}
        settings = {**defaults, **config, **_GROUP, "group.id": group}
        self._consumer = Consumer(self._hearing.settings(settings), logger=ClientLog())
        self._consumer.subscribe([group], on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="migrate-group", daemon=True)
        self.failure: WellheadError | None = None
        self.owned: frozenset[int] = frozenset()

    def start(self) -> None:
        """Begin to join; what is ours comes by the callback."""
        self._thread.start()

    def close(self) -> None:
        """Give back what is ours and leave the group."""
        self._closing.set()
        self._thread.join(_JOIN_SECS)

    # Below runs on the group's thread.

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._turn()
        except WellheadError as error:
            self.failure = error
        except Exception as error:  # noqa: BLE001 - told by the process, which cannot go on without its place
            get_logger("migration").exception("group_failed")
            self.failure = PermanentError(
                f"{self._what}: {type(error).__name__}; the log holds the trace. Start the command again"
            )
        finally:
            with suppress(KafkaException, RuntimeError):
                self._consumer.close()

    def _turn(self) -> None:
        message = self._consumer.poll(_POLL_SECS)
        error = None if message is None else message.error()
        if error is not None and (error.fatal() or error.code() == KafkaError._FATAL):  # noqa: SLF001
            raise recovery(error, self._what)
        if self._hearing.refusal is not None:
            raise recovery(self._hearing.refusal, self._what)

    def _assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        places = [TopicPartition(each.topic, each.partition, 0) for each in partitions]
        try:
            consumer.incremental_assign(places)
            if places:
                consumer.pause(places)  # what stands there is read by another connection, of all partitions
        except KafkaException as error:
            raise recovery(kafka_error(error), self._what) from error
        for each in places:
            self.owned |= {each.partition}
            self._on_come(each.partition)

    def _revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for each in partitions:
            self.owned -= {each.partition}
            self._on_gone(each.partition)
        consumer.incremental_unassign(partitions)
