"""Takes a topic, writes hits to it at a steady rate, every so often one that opens an attack of its own, and knows when that could be read."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, Self

from confluent_kafka import KafkaError, Message, Producer

from wellhead.avro import schema as schemas
from wellhead.avro.encode import Encoder
from wellhead.avro.registry import Registry
from wellhead.avro.rows import to_batch
from wellhead.stack import Stack

SUBJECT = "wallarm.hit"
TYPES = ("sqli", "xss", "rce", "ptrav", "ssrf", "brute")
SLICE_SECS = 0.05
MARKS_PER_SEC = 10


def rows(numbers: Sequence[int], things: int, random: Random, now_ms: int) -> list[dict[str, Any]]:
    """Give hits as records: of many senders on so many things, as a scan of some sites looks."""
    made = []
    for number in numbers:
        thing = random.randrange(things)
        client = 100 + thing % 8
        made.append(
            {
                "id": f"hits_production_{client}_202611_v_1:{number:012d}",
                "client_id": client,
                "type": TYPES[thing % len(TYPES)],
                "ip": f"198.51.{random.randrange(64)}.{random.randrange(250)}",
                "remote_country": random.choice(("NL", "US", "DE", "BR")),
                "time": now_ms,
                "domain": f"site{thing % 40}.example",
                "path": f"/api/v1/object/{thing}",
                "point": ["post", "json_doc", "hash", "user"],
                "parameter": "POST_JSON_DOC_HASH_user_value",
                "value": "' OR 1=1 --",
                "status_code": 403,
                "response_time": 37,
                "block_status": "blocked",
                "request_id": f"{number:032x}",
            }
        )
    return made


class HitLoad:
    """Writes hits until it is stopped.

    Args:
        stack: Kafka and the registry.
        topic: Where they go.
        per_sec: How many a second.
        things: How many things are attacked.

    Attributes:
        marks: When each marked hit could be read, by its domain, which no other hit has; monotonic seconds.
        sent: How many hits were written.
    """

    def __init__(self, stack: Stack, topic: str, *, per_sec: int, things: int) -> None:
        self.topic, self.per_sec, self.things = topic, per_sec, things
        self.marks: dict[str, float] = {}
        self.sent = 0
        self._random = Random(5)
        self._encoder = encoder(stack, topic)
        self._producer = Producer({"bootstrap.servers": stack.bootstrap_servers, "linger.ms": 2, "compression.type": "lz4"})
        self._halt = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hits")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._halt.set()
        self._thread.join()

    def _run(self) -> None:
        due_secs, marked_secs = time.monotonic(), 0.0
        while not self._halt.is_set():
            self._slice(marked := due_secs - marked_secs >= 1 / MARKS_PER_SEC)
            marked_secs = due_secs if marked else marked_secs
            due_secs += SLICE_SECS
            while (left := due_secs - time.monotonic()) > 0:
                self._producer.poll(min(left, 0.005))
        self._producer.flush(30)

    def _slice(self, marked: bool) -> None:  # noqa: FBT001 - the only caller is above
        count = round(self.per_sec * SLICE_SECS)
        made = rows(range(self.sent, self.sent + count), self.things, self._random, int(time.time() * 1000))
        if marked:
            made[-1]["domain"] = f"mark{self.sent}.example"
        values = self._encoder.encode(to_batch(made, schemas.load(SUBJECT))[0]).values
        for value, row in zip(values, made, strict=True):
            is_mark = str(row["domain"]).startswith("mark")
            told = self._mark(str(row["domain"])) if is_mark else None
            self._producer.produce(self.topic, value, str(row["client_id"]).encode(), on_delivery=told)
        self.sent += count

    def _mark(self, domain: str) -> Any:
        def readable(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                self.marks[domain] = time.monotonic()

        return readable


def encoder(stack: Stack, topic: str) -> Encoder:
    """Register the hits' schema for a topic and give what encodes them."""
    schema = schemas.load(SUBJECT)
    with Registry({"schema.registry.url": stack.registry_url}) as registry:
        return Encoder(schema, registry.register(f"{topic}-value", schema))


def fill(stack: Stack, topic: str, count: int, things: int) -> None:
    """Write so many hits as fast as possible."""
    made, random = encoder(stack, topic), Random(6)
    producer = Producer({"bootstrap.servers": stack.bootstrap_servers, "linger.ms": 20, "compression.type": "lz4"})
    now_ms = int(time.time() * 1000)
    for since in _spans(count, 5000):
        held = rows(since, things, random, now_ms)
        values = made.encode(to_batch(held, schemas.load(SUBJECT))[0]).values
        for value, row in zip(values, held, strict=True):
            producer.produce(topic, value, str(row["client_id"]).encode())
        producer.flush(60)


def _spans(count: int, size: int) -> Iterator[range]:
    return (range(at, min(at + size, count)) for at in range(0, count, size))
