"""A deployment of a test source whose topics and dead letters the test writes itself, and redrives in this process."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import readback
import scripted_source
from confluent_kafka import Producer
from worker_file import worker_section

from wellhead.api import Batch, Reject
from wellhead.avro import schema as schemas
from wellhead.avro.encode import Encoder
from wellhead.avro.keys import key_bytes
from wellhead.avro.registry import Registry
from wellhead.avro.rows import to_batch
from wellhead.clock import SystemClock
from wellhead.config.deployment import LoadedConnector
from wellhead.config.load import load
from wellhead.kafka.deadletters import DeadLetter, dead_letter
from wellhead.kafka.messages import Message
from wellhead.kafka.settings import admin_config, consumer_config
from wellhead.kafka.topics import ensure
from wellhead.plugins import Plugins
from wellhead.recovery.dlq import open_letters
from wellhead.recovery.letter import Selection
from wellhead.recovery.redrive import Report
from wellhead.runtime.redriving import redrive
from wellhead.runtime.topics import topic_specs
from wellhead.stack import Stack

PLUGINS = Plugins(EntryPoint(name, f"{name}_source:connector", "wellhead.connectors") for name in ("scripted", "keyed"))
SCHEMAS = Path(scripted_source.__file__).parent / "schemas"
Again = Callable[[Any, str, Reject], Batch[Any]]


class LetterBoxSite:
    """One connector, `feed`, of a test source.

    Args:
        stack: The servers.
        prefix: Of its topics.
        folder: Where its file is written.
        source: `scripted` or `keyed`.
        again: How its streams read a reject again; None: not at all.
    """

    def __init__(self, stack: Stack, prefix: str, folder: Path, source: str, again: Again | None = None) -> None:
        self.stack = stack
        self.prefix = prefix
        self.folder = folder
        self.source = source
        self.again = again
        self.settings: dict[str, Any] = {}
        loaded = self.loaded()
        (self.subject,) = {stream.subject for stream in loaded.streams}
        self.stream = loaded.streams[0].name
        self.schema = schemas.load(self.subject)
        self.topic, self.dlq = f"{prefix}{self.subject}", f"{prefix}{self.subject}.dlq"
        for stream in loaded.streams:
            ensure(admin_config(self.worker), topic_specs(self.worker, loaded.settings, stream))
        with Registry(self.worker.schema_registry) as registry:
            self._encoder = Encoder(self.schema, registry.register(f"{self.topic}-value", self.schema))

    def loaded(self) -> LoadedConnector:
        path = self.folder / "deployment.json"
        worker = worker_section(self.stack.bootstrap_servers, self.stack.registry_url, self.prefix, self.folder)
        connector = {"connector.class": self.source, "topic.prefix": self.prefix, "tenant": "acme", **self.settings}
        path.write_text(json.dumps({"worker": worker, "connectors": {"feed": connector}}))
        deployment = load([path], environ={}, plugins=PLUGINS)
        self.worker = deployment.worker
        (found,) = deployment.connectors
        return replace(found, streams=tuple(replace(stream, redrive=self.again) for stream in found.streams))

    def value(self, row: Mapping[str, Any]) -> bytes:
        (value,) = self._encoder.encode(to_batch([row], self.schema)[0]).values
        return value

    def key(self, row: Mapping[str, Any]) -> bytes | None:
        stream = self.loaded().streams[0]
        return key_bytes(to_batch([row], self.schema)[0], stream.key)[0] if stream.key else None

    def publish(self, *rows: Mapping[str, Any], at_ms: int = 0, ended: bool = False) -> None:
        """Write records, or tombstones, as a worker would."""
        self.write((Message(self.topic, None if ended else self.value(row), self.key(row)) for row in rows), at_ms=at_ms)

    def letter(self, raw: bytes, stage: str, *, at_ms: int = 0, **more: Any) -> None:
        """Write a dead letter as a worker would."""
        self.write([self.letter_message(raw, stage, **more)], at_ms=at_ms)

    def letter_message(self, raw: bytes, stage: str, **more: Any) -> Message:
        kept = DeadLetter(raw, stage, "feed", 0, self.stream, "acme", "was wrong", topic=self.topic)
        return dead_letter(self.dlq, replace(kept, **more))

    def redrive(self, *, dry_run: bool = False, step: Callable[[str], None] = lambda _name: None, **chosen: Any) -> Report:
        selection = Selection(**chosen)
        (report,) = redrive(
            [self.loaded()],
            self.worker,
            selection,
            dry_run=dry_run,
            by="test",
            clock=SystemClock(),
            redact=str,
            step=step,
        )  # fmt: skip
        return report

    def outcomes(self, **more: Any) -> dict[str, int]:
        """Redrive; give the letters by outcome."""
        return {outcome.value: number for outcome, number in self.redrive(**more).letters.items()}

    def open_letters(self) -> list[dict[str, Any]]:
        return open_letters(consumer_config(self.worker), [self.dlq], 1000)

    def reasons(self, report: Report) -> list[str]:
        return [first.reason for _, first in report.still_open.values()]

    def records(self) -> list[dict[str, Any]]:
        text = (SCHEMAS / self.subject / "v1.avsc").read_text()
        return readback.records(self.stack.bootstrap_servers, self.topic, text)

    def held(self, column: str) -> Counter[Any]:
        return Counter(record[column] for record in self.records())

    def standing(self) -> dict[bytes, bytes | None]:
        """Give the newest value of each key."""
        found = readback.messages(self.stack.bootstrap_servers, self.topic)
        return {message.key(): message.value() for message in sorted(found, key=lambda each: (each.partition(), each.offset()))}

    def write(self, messages: Iterable[Message], *, at_ms: int = 0) -> None:
        producer = Producer({"bootstrap.servers": self.stack.bootstrap_servers, "partitioner": "murmur2_random"})
        for message in messages:
            producer.produce(message.topic, message.value, message.key, timestamp=at_ms, headers=list(message.headers))
        assert producer.flush(30) == 0


def steps_until(point: str, then: Callable[[], object]) -> Callable[[str], None]:
    """Give a step that calls `then` once, when `point` is reached first."""
    waiting: Sequence[Callable[[], object]] = [then]

    def step(name: str) -> None:
        nonlocal waiting
        if name == point and waiting:
            (call,), waiting = waiting, []
            call()

    return step
