"""A topic of connections, a watch on it in processes of its own, and all that it makes, read back and held against a detector run alone."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import fastavro
import httpx
from confluent_kafka import Producer
from readback import messages, records
from served_topic import ServedTopic
from watchable import SOURCE

from wellhead.avro import schema as schemas
from wellhead.avro.encode import Encoder
from wellhead.avro.registry import Registry
from wellhead.avro.rows import to_batch
from wellhead.avro.schema import Schema
from wellhead.config.load import load
from wellhead.consumers.floods.findings import SUBJECT, Finding
from wellhead.consumers.floods.make import detectors
from wellhead.kafka.messages import Headers
from wellhead.stack import Stack

PATIENCE_SECS = 120.0
AFTER_MS = 15_000
"""In so long after its last record all is found of a gateway: the limits below wait no longer for anything."""
FIELDS: Mapping[str, Any] = {
    "gateway": "string",
    "snapshot_time": {"type": "long", "logicalType": "timestamp-millis"},
    "sequence": "long",
    "change": "string",
    "local_ip": "string",
    "local_port": "int",
    "remote_ip": "string",
    "remote_port": "int",
    "remote_name": ["null", "string"],
    "direction": "string",
    "state": "string",
    "since": {"type": "long", "logicalType": "timestamp-millis"},
    "idle_secs": ["null", "double"],
    "bytes_sent": ["null", "long"],
    "bytes_received": ["null", "long"],
    "process": ["null", "string"],
}
CONNECTION = Schema(
    "connection",
    0,
    json.dumps(
        {"type": "record", "name": "connection", "fields": [{"name": name, "type": kind} for name, kind in FIELDS.items()]}
    ),
)
LIMITS = {
    "established.max": 60,
    "share.min.connections": 20,
    "idle.max": 30,
    "idle.secs": 60,
    "orphan.max": 30,
    "open.after.secs": 10,
    "close.after.secs": 10,
    "update.secs": 10,
    "late.secs": 1,
    "silent.after.secs": 36_000,
}


_PUSH = [(f"198.51.100.{each}", f"p{each}.ticker.example") for each in range(3)]


def snapshots(gateway: str, count: int, seed: int, last_ms: int) -> list[list[dict[str, Any]]]:
    """Give full snapshots of a gateway, ten seconds apart: ordinary connections, and a push service that grows, stands idle and goes."""
    random, made = Random(seed), []
    for number in range(count):
        time_ms = last_ms - 10_000 * (count - 1 - number)
        wave = number % 16
        pushed = 0 if wave in (0, 15) else min(wave, 8) * 12
        rows = [
            _row(gateway, time_ms, number, port=20_000 + each, there=_PUSH[each % 3], idle_secs=10 * wave)
            for each in range(pushed)
        ]
        for each in range(random.randrange(15, 25)):
            host = random.randrange(40)
            rows.append(
                _row(gateway, time_ms, number, port=40_000 + each, there=(f"203.0.113.{host}", f"www.site{host}.example"))
            )
        made.append(rows)
    return made


def _row(gateway: str, time_ms: int, number: int, *, port: int, there: tuple[str, str], idle_secs: float = 0) -> dict[str, Any]:
    return {
        "gateway": gateway,
        "snapshot_time": time_ms,
        "sequence": number,
        "change": "full",
        "local_ip": "10.0.0.1",
        "local_port": port,
        "remote_ip": there[0],
        "remote_port": 443,
        "remote_name": there[1],
        "direction": "server",
        "state": "ESTABLISHED",
        "since": time_ms - 1000 * int(idle_secs),
        "idle_secs": float(idle_secs),
        "bytes_sent": None,
        "bytes_received": None,
        "process": "filter",
    }


class FloodTopic(ServedTopic):
    """One topic of connections with the watch that reads it.

    Args:
        stack: Kafka and the registry.
        unique: Begins every name.
        folder: Where the configuration, logs and the bypass file lie.
        partitions: Of the topic.
        words: Words of the watch, over the usual ones.
    """

    def __init__(
        self, stack: Stack, unique: str, folder: Path, *, partitions: int = 2, words: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__("floods", stack.bootstrap_servers, folder, PATIENCE_SECS)
        self.base = f"{unique}gate"
        self.topic = f"{self.base}.connection"
        self.group = f"{unique}floods-proxies-{self.topic}"
        self.registry_url = stack.registry_url
        self.bypass = folder / "bypass.txt"
        watch = {
            "topics": [self.topic],
            "limits": LIMITS,
            "batch.max.records": 100,
            "batch.linger.ms": 5,
            "state.interval.secs": 0.3,
        }
        watch |= {"bypass": {"file": str(self.bypass), "grace.secs": 0}} | dict(words or {})
        worker = {
            "group.id": f"{unique}floods",
            "kafka": {"bootstrap.servers": self.bootstrap},
            "schema.registry.url": self.registry_url,
            "listeners": "http://127.0.0.1:0",
        }
        self.file = folder / "floods.yaml"
        self.file.write_text(json.dumps({"worker": worker, "floods": {"proxies": watch}}))
        (self.settings,) = load([self.file], environ={}).floods
        self.make_topic(partitions)
        self._truth: dict[str, list[dict[str, Any]]] | None = None

    def produce(self, rows: Sequence[dict[str, Any]], *, raw: Iterable[bytes] = (), headers: Headers | None = None) -> None:
        """Write records as the source does, keyed by gateway."""
        with Registry({"schema.registry.url": self.registry_url}) as registry:
            schema_id = registry.register(f"{self.topic}-value", CONNECTION)
        encoded = Encoder(CONNECTION, schema_id).encode(to_batch(rows, CONNECTION)[0])
        # All of it can be read at once, or nothing: a watch that runs already never sees a piece and then waits for the next.
        producer = Producer(
            {"bootstrap.servers": self.bootstrap, "linger.ms": 5, "transactional.id": self.topic, "log_level": 0}
        )
        producer.init_transactions(30)
        producer.begin_transaction()
        for value, row in zip(encoded.values, rows, strict=True):
            key, time_ms = row["gateway"].encode(), row["snapshot_time"]
            producer.produce(self.topic, value, key, timestamp=time_ms, headers=headers)
            producer.poll(0)
        for value in raw:
            producer.produce(self.topic, value, b"junk")
        producer.commit_transaction(30)
        self._truth = None

    def said(self, number: int, event: str) -> list[dict[str, Any]]:
        """Give what a process logged under a name."""
        lines = [json.loads(line) for line in self.log_of(number).read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def url(self, number: int) -> str | None:
        started = self.said(number, "started")
        return started[0]["listening"][0] if started else None

    def health(self, number: int) -> dict[str, Any]:
        url = self.url(number)
        if url is None:
            return {"status": "none"}
        told: dict[str, Any] = httpx.get(f"{url}/health", timeout=30, trust_env=False).json()
        return told

    def call(self, *words: str) -> tuple[int, str]:
        """Call a verb of `wellhead floods`; give its exit code and what it printed."""
        argv = [sys.executable, "-m", "wellhead", "floods", *words, str(self.file)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr

    def findings(self) -> dict[str, list[dict[str, Any]]]:
        """Give the findings of each gateway in their order, as they stand in the topic."""
        found: dict[str, list[dict[str, Any]]] = {}
        for row in records(self.bootstrap, self.settings.finding_topic, schemas.load(SUBJECT).text):
            found.setdefault(row["gateway"], []).append(row)
        return found

    def truth(self) -> dict[str, list[dict[str, Any]]]:
        """Give what a detector of each gateway finds in the same records, all at once and alone, and in the time after the last."""
        if self._truth is not None:
            return self._truth
        parsed = fastavro.parse_schema(json.loads(CONNECTION.text))
        finding = fastavro.parse_schema(json.loads(schemas.load(SUBJECT).text))
        rows: dict[str, list[dict[str, Any]]] = {}
        for message in messages(self.bootstrap, self.topic):
            if message.key() != b"junk":
                row: Any = fastavro.schemaless_reader(io.BytesIO(message.value()[5:]), parsed, None)
                rows.setdefault(row["gateway"], []).append(row)
        found: dict[str, list[dict[str, Any]]] = {}
        for gateway, mine in rows.items():
            detector = detectors(self.settings)(gateway)
            last_ms = int(mine[-1]["snapshot_time"].timestamp() * 1000)
            told: list[Finding] = [
                *detector.take(to_batch(mine, CONNECTION)[0], SOURCE),
                *detector.tick(last_ms + AFTER_MS),
            ]
            if told:
                found[gateway] = [_written(each, finding) for each in told]
        self._truth = found
        return found


def _written(finding: Finding, schema: Any) -> dict[str, Any]:
    """Give a finding as a reader of the topic gets it."""
    held = io.BytesIO()
    fastavro.schemaless_writer(held, schema, finding.row())
    held.seek(0)
    row: Any = fastavro.schemaless_reader(held, schema, None)
    return dict(row)
