"""Gives storage tests topics, producers and settings of their own on a real broker."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import Producer

from wellhead.config.worker import WorkerSettings
from wellhead.kafka import settings
from wellhead.kafka.admin import Admin
from wellhead.kafka.messages import Message
from wellhead.kafka.producer import TransactionalProducer
from wellhead.kafka.topics import TopicSpec, ensure
from wellhead.stack import KafkaOptions, Stack


@dataclass
class NoOverrides:
    producer_override: dict[str, Any] = field(default_factory=dict)


class Lab:
    """One cluster as one test sees it; every internal topic's name begins with the test's own prefix."""

    def __init__(self, bootstrap_servers: str, prefix: str) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.prefix = prefix
        names = ("config_storage_topic", "status_storage_topic", "offset_storage_topic", "offset_history_topic", "audit_topic")
        self.worker = WorkerSettings(
            group_id=f"{prefix}group",
            kafka={"bootstrap.servers": bootstrap_servers},
            schema_registry={"url": "http://127.0.0.1:1"},
            offset_storage_partitions=3,
            assignment_topic=f"{prefix}assignment",
            lease_topic=f"{prefix}leases",
            **{name: f"{prefix}{name.replace('_', '-')}" for name in names},
        )
        self.admin_config = settings.admin_config(self.worker)
        self.consumer_config = settings.consumer_config(self.worker)
        self.writer_config = settings.writer_config(self.worker)
        self._closing: list[Callable[[], None]] = []

    def topic(self, name: str, partitions: int = 1, **config: str) -> str:
        spelled = {key.replace("_", "."): value for key, value in config.items()}
        ensure(self.admin_config, [TopicSpec(self.prefix + name, partitions, config=spelled)])
        return self.prefix + name

    def producer(self, task: str = "0") -> TransactionalProducer:
        made = TransactionalProducer(settings.producer_config(self.worker, NoOverrides(), f"{self.prefix}{task}"))
        made.open()
        self.at_end(made.close)
        return made

    def plain(self) -> Producer:
        """A producer as Connect or a console tool would use."""
        return Producer({"bootstrap.servers": self.bootstrap_servers, "partitioner": "murmur2_random", "linger.ms": 0})

    def admin(self) -> Admin:
        made = Admin(self.admin_config)
        self.at_end(made.close)
        return made

    @staticmethod
    def commit(producer: TransactionalProducer, *messages: Message) -> None:
        producer.begin()
        for message in messages:
            producer.send(message)
        producer.commit()

    def write(self, producer: TransactionalProducer, topic: str, *values: bytes) -> None:
        self.commit(producer, *(Message(topic, value, key=value) for value in values))

    @staticmethod
    def until(true: Callable[[], bool], secs: float = 60.0) -> None:
        """Return once `true()`; a busy machine gets a minute."""
        deadline = time.monotonic() + secs
        while not true():
            assert time.monotonic() < deadline, "it did not come true"
            time.sleep(0.02)

    def at_end(self, work: Callable[[], None]) -> None:
        self._closing.append(work)

    def close(self) -> None:
        for work in reversed(self._closing):
            work()


@pytest.fixture
def lab(stack: Stack, unique: str) -> Iterator[Lab]:
    made = Lab(stack.bootstrap_servers, unique)
    yield made
    made.close()


@pytest.fixture
def lone_broker() -> Iterator[Stack]:
    """One broker that the test may kill and restart."""
    quick = KafkaOptions(properties={"broker.session.timeout.ms": "2000", "broker.heartbeat.interval.ms": "400"})
    with Stack.start(registry=False, kafka=quick) as running:
        yield running


@pytest.fixture
def lone(lone_broker: Stack, unique: str) -> Iterator[Lab]:
    made = Lab(lone_broker.bootstrap_servers, unique)
    yield made
    made.close()
