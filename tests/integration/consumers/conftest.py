"""Gives tests a real topic that they write, cut, delete and make again, and a registry to encode by."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from wellhead.avro.encode import Encoder
from wellhead.avro.registry import Registry
from wellhead.avro.rows import to_batch
from wellhead.avro.schema import Schema
from wellhead.config.worker import WorkerSettings
from wellhead.kafka.settings import consumer_config
from wellhead.stack import Stack

SCHEMA = Schema(
    "indicator",
    0,
    json.dumps(
        {
            "type": "record",
            "name": "indicator",
            "fields": [
                {"name": "id", "type": "long"},
                {"name": "update_id", "type": "long"},
                {"name": "value", "type": ["null", "string"], "default": None},
                {"name": "unused", "type": ["null", "string"], "default": None},
            ],
        }
    ),
)


class Topic:
    """One topic, written by plain confluent-kafka."""

    def __init__(self, stack: Stack, name: str, partitions: int, config: Mapping[str, str]) -> None:
        self.name = name
        self._stack = stack
        self._config = dict(config)
        self._admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers, "log_level": 0})
        self._producers: dict[str, Producer] = {}
        self.worker = WorkerSettings(
            group_id=f"{name}-group",
            kafka={"bootstrap.servers": stack.bootstrap_servers},
            schema_registry={"url": stack.registry_url},
        )
        self.registry = Registry({"url": stack.registry_url})
        self._encoder = Encoder(SCHEMA, self.registry.register(f"{name}-value", SCHEMA))
        self.make(partitions)

    @property
    def consumer_config(self) -> dict[str, Any]:
        return consumer_config(self.worker)

    def make(self, partitions: int = 1) -> None:
        self._admin.create_topics([NewTopic(self.name, partitions, 1, config=self._config)])[self.name].result(30)
        self._until(lambda: len(self._admin.list_topics(self.name, 10).topics[self.name].partitions) == partitions)

    def delete(self) -> None:
        self._admin.delete_topics([self.name])[self.name].result(30)
        self._until(lambda: self.name not in self._admin.list_topics(timeout=10).topics)

    def widen(self, partitions: int) -> None:
        self._admin.create_partitions([NewPartitions(self.name, partitions)])[self.name].result(30)
        self._until(lambda: len(self._admin.list_topics(self.name, 10).topics[self.name].partitions) == partitions)

    def cut(self, before: int, partition: int = 0) -> None:
        self._admin.delete_records([TopicPartition(self.name, partition, before)])[TopicPartition(self.name, partition)].result(
            30
        )

    def write(self, messages: Sequence[tuple[int, int, str] | int], *, commit: bool | None = True, partition: int = 0) -> None:
        """Write (id, update_id, value) or the id of a tombstone in one transaction; abort it, or with None leave it open."""
        producer = self._producer(partition if commit is not None else "open")
        producer.begin_transaction()
        for key, value in self.encoded(messages):
            producer.produce(self.name, value, key, partition)
        producer.flush(30)
        if commit is not None:
            (producer.commit_transaction if commit else producer.abort_transaction)(30)

    def finish(self) -> None:
        """Commit what was left open."""
        self._producers["open"].commit_transaction(30)

    def encoded(self, messages: Sequence[tuple[int, int, str] | int]) -> list[tuple[bytes, bytes | None]]:
        rows = [message for message in messages if not isinstance(message, int)]
        batch, bad = to_batch([{"id": key, "update_id": order, "value": value} for key, order, value in rows], SCHEMA)
        assert not bad
        values = iter(self._encoder.encode(batch).values)
        return [
            (str(message).encode(), None) if isinstance(message, int) else (str(message[0]).encode(), next(values))
            for message in messages
        ]

    def raw(self, key: bytes | None, value: bytes | None) -> None:
        producer = self._producer("raw")
        producer.begin_transaction()
        producer.produce(self.name, value, key, 0)
        producer.commit_transaction(30)

    def close(self) -> None:
        self.registry.close()
        self._producers.clear()

    def _producer(self, name: object) -> Producer:
        if str(name) not in self._producers:
            made = Producer(
                {
                    "bootstrap.servers": self._stack.bootstrap_servers,
                    "transactional.id": f"{self.name}-{name}",
                    "linger.ms": 5,
                    "log_level": 0,
                }
            )
            made.init_transactions(30)
            self._producers[str(name)] = made
        return self._producers[str(name)]

    @staticmethod
    def _until(holds: Any) -> None:
        deadline = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < deadline, "the broker did not follow"
            time.sleep(0.05)


@pytest.fixture
def topics(stack: Stack, unique: str) -> Iterator[Any]:
    """Make topics: `topics(partitions, **config)`; they are compacted unless told otherwise."""
    made: list[Topic] = []

    def make(partitions: int = 1, **config: str) -> Topic:
        spelled = {key.replace("_", "."): value for key, value in ({"cleanup_policy": "compact"} | config).items()}
        made.append(Topic(stack, f"{unique}indicator{len(made)}", partitions, spelled))
        return made[-1]

    yield make
    for topic in made:
        topic.close()
