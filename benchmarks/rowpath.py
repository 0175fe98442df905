"""Takes records one at a time, publishes each by itself with fastavro and a producer: the plain way, kept to compare with.

Exactly once like the product: one transaction each half second.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterable
from typing import Any

import fastavro
from confluent_kafka import Producer

_HEADER = b"\x00\x00\x00\x00\x01"
_INTERVAL_SECS = 0.5


def publish(records: Iterable[dict[str, Any]], schema: Any, topic: str, servers: str) -> None:
    """Publish every record, at its `time`.

    Args:
        records: They.
        schema: A schema as fastavro parsed it.
        topic: Where to; also the transactional id.
        servers: Kafka.
    """
    producer = Producer(
        {
            "bootstrap.servers": servers,
            "transactional.id": topic,
            "compression.type": "lz4",
            "linger.ms": 20,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    producer.init_transactions()
    producer.begin_transaction()
    due = time.monotonic() + _INTERVAL_SECS
    for number, record in enumerate(records):
        value = io.BytesIO()
        value.write(_HEADER)
        fastavro.schemaless_writer(value, schema, record)
        while True:
            try:
                producer.produce(topic, value.getvalue(), timestamp=int(record["time"].timestamp() * 1000))
                break
            except BufferError:
                producer.poll(0.05)
        if number % 1000 == 0 and time.monotonic() >= due:
            producer.commit_transaction()
            producer.begin_transaction()
            due = time.monotonic() + _INTERVAL_SECS
    producer.commit_transaction()
