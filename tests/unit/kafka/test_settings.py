"""The operator's settings reach librdkafka, in rank order; exactly-once cannot be switched off and secrets are not shown."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from wellhead.config.secrets import Hidden
from wellhead.errors import ConfigError
from wellhead.kafka.java_names import JAVA_NAMES
from wellhead.kafka.settings import admin_config, consumer_config, producer_config, redact


@dataclass
class Worker:
    kafka: dict[str, Any] = field(default_factory=lambda: {"bootstrap.servers": "127.0.0.1:1"})
    producer: dict[str, Any] = field(default_factory=dict)
    consumer: dict[str, Any] = field(default_factory=dict)
    group_id: str = "wellhead"


@dataclass
class Connector:
    producer_override: dict[str, Any] = field(default_factory=dict)


def producer_of(kafka=None, producer=None, override=None) -> dict[str, Any]:
    worker = Worker({"bootstrap.servers": "127.0.0.1:1"} | (kafka or {}), producer or {})
    return producer_config(worker, Connector(override or {}), "wellhead-c-0")


def problems_of(**layers: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        producer_of(**layers)
    return {problem.path: problem.message for problem in caught.value.problems}


def test_defaults_are_exactly_once_and_bounded() -> None:
    """Without a word from the operator a producer is idempotent, transactional, compressed and of bounded memory."""
    config = producer_of()
    assert config["enable.idempotence"] == "true"
    assert config["acks"] == "all"
    assert config["transactional.id"] == config["client.id"] == "wellhead-c-0"
    assert config["compression.type"] == "lz4"
    assert int(config["queue.buffering.max.kbytes"]) <= 65_536
    assert consumer_config(Worker())["isolation.level"] == "read_committed"


def test_the_queue_holds_the_largest_record_allowed() -> None:
    """Who raises message.max.bytes gets room for it, and who sets the queue's size gets that."""
    raised = producer_of(override={"message.max.bytes": 20_000_000})
    assert int(raised["queue.buffering.max.kbytes"]) * 1024 > 20_000_000
    chosen = producer_of(override={"message.max.bytes": "20000000", "queue.buffering.max.kbytes": "30000"})
    assert chosen["queue.buffering.max.kbytes"] == "30000"


def test_later_layers_win() -> None:
    """Defaults < kafka.* < producer.* < producer.override.*."""
    assert producer_of(kafka={"linger.ms": "1"})["linger.ms"] == "1"
    assert producer_of(kafka={"linger.ms": "1"}, producer={"linger.ms": "2"})["linger.ms"] == "2"
    assert producer_of(producer={"linger.ms": "2"}, override={"linger.ms": 3})["linger.ms"] == "3"


def test_an_alias_replaces_our_default() -> None:
    """A setting under its other name is not contradicted by our default."""
    config = producer_of(override={"compression.codec": "zstd", "queue.buffering.max.ms": "7"})
    assert "compression.type" not in config
    assert "linger.ms" not in config


def test_consumer_settings_reach_consumers_only() -> None:
    """consumer.* settles consumers, kafka.* settles all."""
    worker = Worker(
        {"bootstrap.servers": "127.0.0.1:1", "security.protocol": "ssl"}, {"linger.ms": "3"}, {"fetch.min.bytes": "9"}
    )
    assert consumer_config(worker)["fetch.min.bytes"] == "9"
    assert "fetch.min.bytes" not in admin_config(worker)
    assert "linger.ms" not in consumer_config(worker)
    assert {make(worker)["security.protocol"] for make in (consumer_config, admin_config)} == {"ssl"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("transactional.id", "mine"),
        ("enable.idempotence", "false"),
        ("enable.idempotence", False),
        ("acks", "1"),
        ("request.required.acks", "0"),
        ("isolation.level", "read_uncommitted"),
        ("enable.auto.commit", "true"),
        ("group.id", "mine"),
        ("partitioner", "random"),
    ],
)
def test_exactly_once_cannot_be_switched_off(name, value) -> None:
    """What would break exactly-once is refused under its own path."""
    assert problems_of(override={name: value}).keys() == {f"producer.override.{name}"}


def test_what_exactly_once_needs_may_be_repeated() -> None:
    """Saying what is so anyway is no error."""
    config = producer_of(override={"acks": -1, "enable.idempotence": True, "partitioner": "murmur2"})
    assert config["enable.idempotence"] == "true"
    assert config["partitioner"] == "murmur2"


def test_java_names_are_answered_with_ours() -> None:
    """A Java client's setting is refused with the librdkafka name, and all problems are told at once."""
    problems = problems_of(kafka={"max.request.size": "1"}, producer={"buffer.memory": "1"}, override={"max.block.ms": "1"})
    assert problems == {
        "kafka.max.request.size": "is a Java client's setting: use message.max.bytes",
        "producer.buffer.memory": "is a Java client's setting: use queue.buffering.max.kbytes",
        "producer.override.max.block.ms": "is a Java client's setting: leave it out: a full queue holds the vendor back",
    }


def test_bootstrap_servers_are_required() -> None:
    """A worker without a broker's address is told so."""
    with pytest.raises(ConfigError, match=r"kafka\.bootstrap\.servers: is required"):
        admin_config(Worker(kafka={}))


@pytest.mark.parametrize("name", sorted(JAVA_NAMES))
def test_no_java_name_is_one_librdkafka_knows(name) -> None:
    """Nothing is refused that librdkafka would have taken."""
    with pytest.raises(Exception, match=r"No such configuration property|not supported"):
        Producer({name: "1"})


def test_librdkafka_knows_every_default() -> None:
    """Each client can be built from its defaults."""
    assert Producer(producer_of()) is not None
    assert AdminClient(admin_config(Worker())) is not None
    consumer = Consumer(consumer_config(Worker()))
    consumer.close()
    assert consumer is not None


def test_secrets_do_not_show() -> None:
    """I6: neither passwords by name nor anything that came from a provider shows in the text form or a message."""
    config = producer_of(kafka={"sasl.password": "hunter22", "sasl.username": Hidden("svc-user", "${env:KAFKA_USER}")})
    shown = f"{config!r} {config} {[config]}"
    assert "hunter22" not in shown
    assert "svc-user" not in shown
    assert config["sasl.password"] == "hunter22"
    assert redact("bad password hunter22", config) == "bad password ******"
    assert Producer(config | {"security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN"}) is not None
