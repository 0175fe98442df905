"""Gives tests a real cluster, producers and topics of their own, and a reader that shares no code with the product."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from breakable import PATIENT, QUICK
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from wellhead.clock import Clock
from wellhead.config.worker import WorkerSettings
from wellhead.kafka import settings
from wellhead.kafka.cursors import CursorStore
from wellhead.kafka.limits import RecordLimits
from wellhead.kafka.producer import TransactionalProducer
from wellhead.kafka.topics import TopicSpec, ensure
from wellhead.stack import Stack


@dataclass
class Overrides:
    producer_override: dict[str, Any] = field(default_factory=dict)


class Lab:
    """One cluster as one test sees it."""

    def __init__(self, bootstrap_servers: str, prefix: str) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.prefix = prefix
        self.worker = WorkerSettings(
            group_id=f"{prefix}group",
            kafka={"bootstrap.servers": bootstrap_servers},
            schema_registry={"url": "http://127.0.0.1:1"},
        )
        self.admin_config = settings.admin_config(self.worker)
        self.consumer_config = settings.consumer_config(self.worker)
        self._producers: list[TransactionalProducer] = []

    def topic(self, name: str, partitions: int = 1, replicas: int = -1, **config: str) -> str:
        spelled = {key.replace("_", "."): value for key, value in config.items()}
        ensure(self.admin_config, [TopicSpec(self.prefix + name, partitions, replicas, spelled)])
        return self.prefix + name

    def producer(
        self,
        task: str = "0",
        *,
        step: Callable[[str], None] | None = None,
        limits: RecordLimits | None = None,
        clock: Clock | None = None,
        open_secs: float = 30.0,
        **override: str,
    ) -> TransactionalProducer:
        spelled = Overrides({key.replace("_", "."): value for key, value in override.items()})
        made = TransactionalProducer(
            settings.producer_config(self.worker, spelled, f"{self.prefix}{task}"),
            limits=limits,
            clock=clock,
            open_secs=open_secs,
            **({"step": step} if step else {}),
        )
        self._producers.append(made)
        return made

    def cursors(self, topic: str, connector: str = "c", **partition: str) -> CursorStore:
        return CursorStore(self.consumer_config, topic, connector, partition or {"stream": "log", "tenant": "acme"})

    def read(self, topic: str, *, isolation: str = "read_committed", within_secs: float = 30.0) -> list[Message]:
        """Read everything with a plain consumer, until the end of every partition stayed the end for a moment."""
        plain = Consumer(
            {
                "bootstrap.servers": self.bootstrap_servers,
                "group.id": f"{self.prefix}reader",
                "isolation.level": isolation,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
            }
        )
        try:
            partitions = plain.list_topics(topic, 10).topics[topic].partitions
            plain.assign([TopicPartition(topic, number, 0) for number in partitions])
            return _to_the_end(plain, set(partitions), within_secs)
        finally:
            plain.close()

    def values(self, topic: str, *, isolation: str = "read_committed") -> list[bytes | None]:
        return [message.value() for message in self.read(topic, isolation=isolation)]

    def close(self) -> None:
        for producer in self._producers:
            producer.close()


def _to_the_end(plain: Consumer, numbers: set[int], within_secs: float) -> list[Message]:
    found: list[Message] = []
    deadline, quiet_since, ended = time.monotonic() + within_secs, float("inf"), set[int]()
    while time.monotonic() < deadline and time.monotonic() - quiet_since < 0.5:
        for message in plain.consume(1000, 0.1):
            if message.error() is None:
                found.append(message)
                ended.discard(message.partition())
                quiet_since = float("inf")
            else:
                assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                ended.add(message.partition())
        if ended == numbers:
            quiet_since = min(quiet_since, time.monotonic())
    assert ended == numbers, "the reader did not come to the end"
    return found


@pytest.fixture
def lab(stack: Stack, unique: str) -> Iterator[Lab]:
    made = Lab(stack.bootstrap_servers, unique)
    yield made
    made.close()


@pytest.fixture
def lab_at(unique: str) -> Iterator[Callable[[str], Lab]]:
    """Give a lab for any address."""
    made: list[Lab] = []

    def at(bootstrap_servers: str) -> Lab:
        made.append(Lab(bootstrap_servers, unique))
        return made[-1]

    yield at
    for each in made:
        each.close()


@pytest.fixture
def lone_broker() -> Iterator[Stack]:
    """One broker that the test may kill and restart; it forgets its dead incarnation and expired transactions quickly."""
    with Stack.start(registry=False, kafka=QUICK) as running:
        yield running


@pytest.fixture
def freezable_broker() -> Iterator[Stack]:
    """One broker that the test may freeze; expired transactions end quickly, but the broker never expels itself for being late."""
    with Stack.start(registry=False, kafka=PATIENT) as running:
        yield running
