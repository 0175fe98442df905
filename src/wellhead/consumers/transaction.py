"""Takes records and the offsets they were made of, writes both in one Kafka transaction: all of it is visible, or nothing."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from confluent_kafka import TopicPartition

from wellhead.avro.encode import Encoder
from wellhead.avro.registry import Registry
from wellhead.avro.rows import to_batch
from wellhead.avro.schema import Schema
from wellhead.clock import Clock
from wellhead.config.worker import WorkerSettings
from wellhead.errors import PermanentError
from wellhead.kafka.messages import Headers, Message
from wellhead.kafka.producer import TransactionalProducer
from wellhead.kafka.settings import producer_config

RECORD_BYTES = 8 << 20
"""What a service writes may be so large: an attack of tens of thousands that merged, the state of a gateway of tens of thousands."""


class Transactions:
    """The transactions of one member of a consumer group. One thread uses it.

    Args:
        worker: Where Kafka is.
        name: Name of the entry; stands in the transactional id.
        registry: Where the schema of the events is registered.
        event_topic: Topic of the events.
        schema: Theirs.
        clock: Bounds waits.
    """

    def __init__(
        self, worker: WorkerSettings, name: str, registry: Registry, event_topic: str, schema: Schema, *, clock: Clock
    ) -> None:
        # A process of its own each time: it is the membership of the consumer group that says who may commit.
        transactional_id = f"{worker.group_id}-{name}-{uuid.uuid4().hex[:12]}"
        config = producer_config(worker, None, transactional_id)
        self._producer = TransactionalProducer({**config, "message.max.bytes": str(RECORD_BYTES)}, clock=clock)
        self._registry = registry
        self._event_topic = event_topic
        self._schema = schema
        self._encoder: Encoder | None = None

    def open(self) -> None:
        """Be ready to write; after any error too.

        Raises:
            TemporaryError: Kafka or the registry is away.
            PermanentError: It refuses us.
        """
        if self._encoder is None:
            subject = f"{self._event_topic}-value"
            self._encoder = Encoder(self._schema, self._registry.register(subject, self._schema))
        if not self._producer.is_open:
            self._producer.open()

    @property
    def is_open(self) -> bool:
        """Whether it is ready to write."""
        return self._producer.is_open

    def begin(self) -> None:
        """Begin a transaction."""
        self._producer.begin()

    def events(self, events: Sequence[dict[str, Any]], keys: Sequence[bytes], *, partition: int | None = None) -> None:
        """Add events, of which the schema's fields are written."""
        if not events:
            return
        assert self._encoder is not None
        rows = [{name: event[name] for name in self._schema.names if name in event} for event in events]
        encoded = self._encoder.encode(to_batch(rows, self._schema)[0])
        self.produce(self._event_topic, encoded.values, keys, partition)

    def produce(
        self,
        topic: str,
        values: Sequence[bytes | None],
        keys: Sequence[bytes],
        partition: int | None,
        headers: Sequence[Headers] | None = None,
    ) -> None:
        """Add records.

        Raises:
            PermanentError: One is too large for its topic; nothing of the transaction will be visible.
        """
        large = self._producer.produce(topic, values, keys=keys, partition=partition, own_headers=headers)
        if large:
            self._producer.abort()
            size_bytes = len(values[large[0]] or b"")
            raise PermanentError(
                f"{topic}: the record {keys[large[0]].decode()} is too large for it ({size_bytes} bytes). "
                f"Raise max.message.bytes of the topic to {RECORD_BYTES}, which it has unless it was there before"
            )

    def send(self, letters: Sequence[Message]) -> None:
        """Add dead letters."""
        for letter in letters:
            self._producer.send(letter)

    def commit(self, offsets: Sequence[TopicPartition], membership: Any) -> None:
        """Add the offsets and make everything since `begin` visible at once.

        Raises:
            CommitUnknown: Asked for, not answered: `open`, and the committed offsets tell.
            TemporaryError: Nothing of it is or will be visible.
            PermanentError: A person must change something.
        """
        self._producer.place(offsets, membership)
        self._producer.commit()

    def limit_bytes(self, topic: str) -> int:
        """Give the most bytes a record of a topic may have, as far as is known."""
        return self._producer.limit_bytes(topic)

    def close(self) -> None:
        """Close the connection; what is open is taken back."""
        self._producer.close()
