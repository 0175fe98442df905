"""Three brokers: the one that matters most dies in the middle of a transaction, and the worker goes on with the others."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from deployed import Deployed, deployed

from wellhead.stack import KafkaOptions, Stack

TRANSACTIONS = "__transaction_state"
QUICK = KafkaOptions(properties={"broker.session.timeout.ms": "2000", "broker.heartbeat.interval.ms": "400"})


@pytest.fixture(scope="module")
def trio() -> Iterator[Stack]:
    with Stack.start(brokers=3, kafka=QUICK) as running:
        yield running


@pytest.fixture
def trio_worker(trio: Stack, unique: str, tmp_path: Path) -> Iterator[Deployed]:
    with deployed(trio, unique, tmp_path) as made:
        made.connector["transaction.boundary"] = "poll"
        yield made


def leader(worker: Deployed, topic: str, partition: int) -> int:
    topics = AdminClient({"bootstrap.servers": worker.bootstrap}).list_topics(topic, timeout=10).topics
    return topics[topic].partitions[partition].leader


def coordinator(worker: Deployed) -> int:
    """Give the broker that coordinates the task's transactions: Kafka places an id by Java's hash of it."""
    number = 0
    for letter in f"{worker.prefix}group-wss-acme-0":
        number = (number * 31 + ord(letter)) & 0xFFFFFFFF
    topics = AdminClient({"bootstrap.servers": worker.bootstrap}).list_topics(TRANSACTIONS, timeout=10).topics
    return leader(worker, TRANSACTIONS, (number & 0x7FFFFFFF) % len(topics[TRANSACTIONS].partitions))


@pytest.mark.parametrize("role", ["leader of the topic", "leader of the cursors", "coordinator"])
def test_one_broker_of_three_killed(trio: Stack, trio_worker: Deployed, role: str):
    """With one broker of three killed under an open transaction the worker ends its pull, nothing lost, nothing twice."""
    process = trio_worker.run_until_frozen("before_commit:3")
    brokers = {
        "leader of the topic": lambda: leader(trio_worker, f"{trio_worker.prefix}wss.access_log", 0),
        "leader of the cursors": lambda: leader(trio_worker, f"{trio_worker.prefix}offsets", 0),
        "coordinator": lambda: coordinator(trio_worker),
    }
    killed = brokers[role]()
    trio.kafka.kill(killed)
    try:
        process.send_signal(signal.SIGCONT)
        assert process.wait(90) == 0, trio_worker.said()[-5:]
    finally:
        trio.kafka.restart(killed)
    trio_worker.assert_exactly_once()
