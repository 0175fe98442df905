"""Reads topics back at read_committed with nothing of ours: confluent-kafka and fastavro only."""

from __future__ import annotations

import io
import json
from typing import Any

import fastavro
from confluent_kafka import Consumer, Message, TopicPartition


def messages(bootstrap: str, topic: str) -> list[Message]:
    """Give every committed message of a topic, partition by partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "readback",
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
        }
    )
    try:
        found = consumer.list_topics(topic, timeout=10).topics[topic]
        if found.error is not None:
            return []
        consumer.assign([TopicPartition(topic, number, 0) for number in found.partitions])
        open_partitions, read = set(found.partitions), []
        while open_partitions:
            for message in consumer.consume(1000, 1.0):
                if message.error():
                    open_partitions.discard(message.partition())
                else:
                    read.append(message)
        return read
    finally:
        consumer.close()


def records(bootstrap: str, topic: str, schema_text: str) -> list[dict[str, Any]]:
    """Give the records of a topic, decoded with the writer's schema."""
    parsed = fastavro.parse_schema(json.loads(schema_text))
    return [fastavro.schemaless_reader(io.BytesIO(message.value()[5:]), parsed, None) for message in messages(bootstrap, topic)]


def values(bootstrap: str, topic: str) -> list[Any]:
    """Give the JSON values of a topic."""
    return [json.loads(message.value()) if message.value() else None for message in messages(bootstrap, topic)]
