"""Gives unit tests librdkafka's own broker in memory: good for queues and sizes, not for what readers see."""

from collections.abc import Iterator

import pytest
from confluent_kafka import Producer


@pytest.fixture
def memory_broker() -> Iterator[str]:
    owner = Producer({"bootstrap.servers": "127.0.0.1:1", "test.mock.num.brokers": 1, "log_level": 0})
    (broker,) = owner.list_topics(timeout=10).brokers.values()
    yield f"{broker.host}:{broker.port}"
    del owner
