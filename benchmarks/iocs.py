"""Takes numbers, gives the indicators that stand under them, as record batches and in a topic; every run makes the same ones.

    python -m benchmarks.iocs TOPIC SERVERS REGISTRY FIRST COUNT CHANGE

publishes COUNT indicators in transactions of 1,000 when CHANGE is above 0 (pages), else of 20,000.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import Producer

from wellhead.avro.encode import Encoder
from wellhead.avro.registry import Registry
from wellhead.avro.schema import Schema, load

SUBJECT = "threatstream.indicator"
PAGE = 1_000
LOAD = 20_000
_BASE_ID, _BASE_UPDATE = 58_700_000_000, 4_120_000_000
_START_MS, _END_MS = 1_767_225_600_000, 253_402_300_799_000


def schema() -> Schema:
    """Give the schema of the indicators."""
    return load(SUBJECT)


def page_numbers(page: int, rows: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Give which 1,000 indicators a page changes: nine tenths of them known, one tenth new."""
    known = np.random.default_rng(page).choice(rows, PAGE * 9 // 10, replace=False)
    return np.concatenate([known, np.arange(PAGE // 10) + rows + page * (PAGE // 10)]).astype(np.int64)


def table(numbers: np.ndarray[Any, np.dtype[np.int64]], change: int) -> pa.RecordBatch:
    """Give the indicators of `numbers` after their change number `change`: domain names, with 29 of 53 fields filled."""
    ids = _BASE_ID + numbers * 2_654_435_761 % 2**32
    texts = pa.array(ids).cast(pa.string())
    made: dict[str, Any] = {
        "id": pa.array(ids),
        "update_id": pa.array(_BASE_UPDATE + numbers + change * 10_000_000),
        "value": _joined("host-", texts, ".example.com"),
        "uuid": _joined("0f5b6a5c-6a2e-4c0f-8b55-", texts, "a"),
        "resource_uri": _joined("/api/v2/intelligence/", texts, "/"),
        "tags": _pairs(numbers),
        "confidence": pa.array((numbers * 7 % 101).astype(np.int32)),
        "retina_confidence": pa.array((numbers * 3 % 101).astype(np.int32)),
        "threatscore": pa.array((numbers % 101).astype(np.int32)),
        "feed_id": pa.array(numbers % 200),
        "created_ts": pa.array(_START_MS + numbers, pa.timestamp("ms", "UTC")),
        "modified_ts": pa.array(_START_MS + numbers + change, pa.timestamp("ms", "UTC")),
        "expiration_ts": pa.array(np.full(len(numbers), _END_MS), pa.timestamp("ms", "UTC")),
        "asn": pa.array(numbers % 60_000).cast(pa.string()),
        "latitude": pa.array(numbers % 180 - 90.0),
        "longitude": pa.array(numbers % 360 - 180.0),
        "is_public": pa.array(numbers % 2 == 0),
        "owner_organization_id": pa.array(numbers % 50),
    }
    few = {"itype": 30, "severity": 4, "threat_type": 20, "source": 40, "country": 200, "org": 5_000, "tlp": 4, "maltype": 300}
    made |= {name: _few(name, count, numbers) for name, count in few.items()}
    made |= {name: _few(name, 1, numbers, text) for name, text in _SAME.items()}
    fields = schema().arrow
    return pa.RecordBatch.from_arrays(
        [made[field.name].cast(field.type) if field.name in made else pa.nulls(len(numbers), field.type) for field in fields],
        schema=fields,
    )


_SAME = {"ioc_type": "domain", "stream": "domain", "type": "domain", "status": "active"}


def _joined(before: str, texts: Any, after: str) -> Any:
    joined: Any = pc.binary_join_element_wise(pa.scalar(before), texts, pa.scalar(after), "")
    return joined


def _few(name: str, count: int, numbers: Any, text: str | None = None) -> Any:
    return pa.array([text or f"{name} {number}" for number in range(count)]).take(pa.array(numbers % count))


def _pairs(numbers: Any) -> Any:
    items = np.stack([numbers % 500, numbers * 3 % 700], 1).ravel()
    tags, starts = _joined("tag-", pa.array(items).cast(pa.string()), ""), np.arange(0, len(items) + 1, 2, dtype=np.int32)
    pairs: Any = pa.ListArray.from_arrays(pa.array(starts, pa.int32()), tags)
    return pairs


def encoded(batch: pa.RecordBatch, encoder: Encoder) -> Iterator[tuple[bytes, bytes]]:
    """Give key and value of each message."""
    keys = [str(number).encode() for number in batch.column("id").to_pylist()]
    return zip(keys, encoder.encode(batch).values, strict=True)


def publish(topic: str, servers: str, registry: str, batches: Iterator[pa.RecordBatch]) -> None:
    """Publish each batch in a transaction of its own."""
    with Registry({"url": registry}) as known:
        encoder = Encoder(schema(), known.register(f"{topic}-value", schema()))
    producer = Producer(
        {
            "bootstrap.servers": servers,
            "transactional.id": topic,
            "compression.type": "lz4",
            "linger.ms": 50,
            "batch.size": 1_000_000,
            "queue.buffering.max.kbytes": 65_536,
        }
    )
    producer.init_transactions(30)
    for batch in batches:
        producer.begin_transaction()
        for key, value in encoded(batch, encoder):
            producer.produce(topic, value, key)
        producer.commit_transaction(60)


def main(topic: str, servers: str, registry: str, *numbers: str) -> None:
    """Publish."""
    first, rows, change = (int(number) for number in numbers)
    starts = range(first, first + rows, LOAD)
    loads = (table(np.arange(start, min(start + LOAD, first + rows), dtype=np.int64), 0) for start in starts)
    pages = (table(page_numbers(number, first), 1 + number) for number in range(rows // PAGE))
    publish(topic, servers, registry, pages if change else loads)


if __name__ == "__main__":
    main(*sys.argv[1:])
