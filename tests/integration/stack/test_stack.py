"""The stack is a real Kafka and a real registry."""

import httpx
import psutil
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from wellhead.stack import Stack

V1 = '{"type":"record","name":"r","fields":[{"name":"a","type":"int"}]}'
INCOMPATIBLE = '{"type":"record","name":"r","fields":[{"name":"b","type":"int"}]}'


def create_topic(bootstrap_servers: str, name: str, replicas: int = 1) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    admin.create_topics([NewTopic(name, 1, replicas)])[name].result(30)


def read_committed(bootstrap_servers: str, topic: str, group: str, count: int) -> list[bytes]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "group.protocol": "consumer",
        }
    )
    consumer.subscribe([topic])
    values: list[bytes] = []
    try:
        while len(values) < count:
            message = consumer.poll(30)
            assert message is not None, f"only {len(values)} of {count} came"
            values.append(message.value())
    finally:
        consumer.close()
    return values


def test_committed_transaction_is_read_and_aborted_one_is_not(stack: Stack, unique: str):
    """Transactions work the new way, and so do KIP-848 groups: the formatted folder carries the feature levels."""
    topic = f"{unique}topic"
    create_topic(stack.bootstrap_servers, topic)
    producer = Producer({"bootstrap.servers": stack.bootstrap_servers, "transactional.id": topic})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, b"aborted")
    producer.flush(30)
    producer.abort_transaction(30)
    producer.begin_transaction()
    producer.produce(topic, b"committed")
    producer.commit_transaction(30)

    assert read_committed(stack.bootstrap_servers, topic, topic, 1) == [b"committed"]


def test_registry_refuses_what_old_records_cannot_be_read_with(stack: Stack, unique: str):
    """Compatibility is BACKWARD from the start."""
    versions = f"{stack.registry_url}/subjects/{unique}value/versions"
    with httpx.Client(trust_env=False) as client:
        accepted = client.post(versions, json={"schema": V1})
        refused = client.post(versions, json={"schema": INCOMPATIBLE})

    assert (accepted.status_code, refused.status_code) == (200, 409)


def test_processes_are_the_servers_themselves(stack: Stack):
    """The pids are the servers' own, so that signals reach them."""
    names = [psutil.Process(process.pid).name() for process in stack.processes]

    assert names == ["java", "java"]
    assert [
        connection.laddr.ip
        for process in stack.processes
        for connection in psutil.Process(process.pid).net_connections()
        if connection.status == psutil.CONN_LISTEN and connection.laddr.ip not in {"127.0.0.1", "::ffff:127.0.0.1"}
    ] == []
