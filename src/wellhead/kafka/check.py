"""Takes the operator's Kafka settings, gives what librdkafka will not accept of them, never asks a broker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer

from wellhead.errors import ConfigError, Problem
from wellhead.kafka.client_log import ClientLog
from wellhead.kafka.errors import kafka_error
from wellhead.kafka.settings import (
    ClientConfig,
    ConnectorKafka,
    WorkerKafka,
    consumer_config,
    producer_config,
    redact,
    spellings,
)


def problems(worker: WorkerKafka, connector: ConnectorKafka) -> list[Problem]:
    """Give every setting of a connector's clients that is forbidden, unknown or of a wrong value; empty when all is well.

    librdkafka tells one problem at a time, so what it refuses is taken out and the rest is tried again.
    """
    try:
        producer, consumer = producer_config(worker, connector, "check"), consumer_config(worker)
    except ConfigError as error:
        return list(error.problems)
    found = _refused(Producer, producer) | _refused(Consumer, consumer)
    return [Problem(f"kafka settings: {name}" if name else "kafka settings", text) for name, text in found.items()]


def _refused(client: Callable[..., Any], config: ClientConfig) -> dict[str, str]:
    found: dict[str, str] = {}
    rest: dict[str, Any] = dict(config)
    while True:
        try:
            client({**rest, "bootstrap.servers": ""}, logger=ClientLog())
        except KafkaException as error:
            text = redact(kafka_error(error).str(), config)
            name = _named(text, rest)
            found[name] = text
            if not name:
                return found
            del rest[name]
        else:
            return found


def _named(text: str, config: Mapping[str, Any]) -> str:
    """Give the longest setting that `text` names."""
    return max((name for name in config if any(spelling in text for spelling in spellings(name))), key=len, default="")
