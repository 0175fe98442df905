"""Three brokers survive the loss of one."""

import psutil
import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from wellhead.stack import KafkaCluster, StackError


def commit_one(producer: Producer, topic: str) -> None:
    producer.begin_transaction()
    producer.produce(topic, b"record")
    producer.commit_transaction(60)


def test_transactions_go_on_without_the_leader(kafka_cluster: KafkaCluster, unique: str):
    """The topic's leader is killed: the next transaction commits; restarted, the broker is in sync again."""
    topic = f"{unique}topic"
    admin = AdminClient({"bootstrap.servers": kafka_cluster.bootstrap_servers})
    admin.create_topics([NewTopic(topic, 1, 3)])[topic].result(30)
    producer = Producer({"bootstrap.servers": kafka_cluster.bootstrap_servers, "transactional.id": topic})
    producer.init_transactions(30)
    commit_one(producer, topic)
    leader = admin.list_topics(topic, timeout=30).topics[topic].partitions[0].leader

    kafka_cluster.kill(leader)
    commit_one(producer, topic)
    assert kafka_cluster.pid(leader) is None

    kafka_cluster.restart(leader)
    assert kafka_cluster.pid(leader) is not None
    commit_one(producer, topic)


def test_paused_broker_keeps_its_port_and_answers_nothing(kafka_cluster: KafkaCluster):
    """A frozen broker is reachable and silent; resumed, it answers."""
    address = kafka_cluster.bootstrap_servers.split(",")[0]
    admin = AdminClient({"bootstrap.servers": address})
    pid = kafka_cluster.pid(1)
    assert pid is not None

    kafka_cluster.pause(1)
    assert psutil.Process(pid).status() == psutil.STATUS_STOPPED
    with pytest.raises(KafkaException):
        admin.list_topics(timeout=1)

    kafka_cluster.resume(1)
    assert len(admin.list_topics(timeout=30).brokers) >= 2


def test_unknown_broker_is_refused(kafka_cluster: KafkaCluster):
    """Brokers are numbered from 1; another number names those there are."""
    with pytest.raises(StackError, match=r"no broker 0; the brokers are \[1, 2, 3\]"):
        kafka_cluster.kill(0)
