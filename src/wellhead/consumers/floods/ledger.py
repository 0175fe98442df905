"""Takes what is known of partitions, writes findings, state and offsets in one Kafka transaction: all of it is visible, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import TopicPartition

from wellhead.avro import schema as schemas
from wellhead.avro.registry import Registry
from wellhead.clock import Clock
from wellhead.config.floods import FloodsSettings
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.floods.findings import SUBJECT
from wellhead.consumers.floods.parts import group_of
from wellhead.consumers.floods.state_topic import records_of
from wellhead.consumers.floods.watching import PartitionWatch
from wellhead.consumers.transaction import Transactions
from wellhead.kafka.messages import Message


class Ledger(Transactions):
    """Writes what watching makes. One thread uses it.

    Args:
        settings: The watch's.
        worker: Where Kafka is.
        topic: The watched topic.
        registry: Where the findings' schema is registered.
        clock: Bounds waits.
    """

    def __init__(self, settings: FloodsSettings, worker: WorkerSettings, topic: str, registry: Registry, clock: Clock) -> None:
        self._topic = topic
        self._state_topic = settings.state_topic
        self._group = group_of(settings, worker, topic)
        schema = schemas.load(SUBJECT)
        super().__init__(worker, settings.name, registry, settings.finding_topic, schema, clock=clock)

    def write(
        self,
        watches: Mapping[int, PartitionWatch],
        letters: Sequence[Message],
        offsets: Sequence[TopicPartition],
        membership: Any,
    ) -> int:
        """Write what is known of partitions, dead letters and the offsets; give the bytes of state.

        Raises:
            CommitUnknown: Asked for, not answered: `open`, and the committed offsets tell.
            TemporaryError: Nothing of it is or will be visible.
            PermanentError: A person must change something.
        """
        self.begin()
        state_bytes = 0
        for partition, watch in watches.items():
            rows = [each.row() for each in watch.pending]
            self.events(rows, [each.gateway.encode() for each in watch.pending])
            state = list(records_of(watch, self._topic, partition, self._group))
            keys, values = [key for key, _ in state], [value for _, value in state]
            self.produce(self._state_topic, values, keys, partition)
            state_bytes += sum(len(value or b"") for _, value in state)
        self.send(letters)
        # I1: the offsets join the transaction of what they led to.
        self.commit(offsets, membership)
        return state_bytes
