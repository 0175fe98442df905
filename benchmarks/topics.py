"""Takes a broker's address, gives what its topics hold, by plain confluent-kafka; shares no code with what wrote them."""

from __future__ import annotations

import io
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import fastavro
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

_ANSWER_SECS = 30
_IDLE_POLLS = 40


class Topics:
    """Topics of one partition."""

    def __init__(self, bootstrap_servers: str, registry_url: str) -> None:
        self._servers = bootstrap_servers
        self._registry_url = registry_url
        # They outlive the broker for a moment and would say so on stderr.
        self._admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
        self._ends = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "benchmark-ends", "log_level": 0})
        self._schemas: dict[int, Any] = {}

    def create(self, *names: str) -> None:
        """Create topics of one partition."""
        topics = [NewTopic(name, num_partitions=1, replication_factor=1) for name in names]
        for done in self._admin.create_topics(topics).values():
            done.result(_ANSWER_SECS)

    def delete(self, *names: str) -> None:
        """Delete topics; their memory-backed files go a moment later."""
        for done in self._admin.delete_topics(list(names)).values():
            done.result(_ANSWER_SECS)

    def end(self, name: str) -> int:
        """Give how far a topic has grown, transaction markers included; 0 where it is not there yet."""
        try:
            low_high: tuple[int, int] | None = self._ends.get_watermark_offsets(TopicPartition(name, 0), timeout=5)
        except KafkaException:
            return 0
        return 0 if low_high is None else low_high[1]

    def committed(self, name: str) -> Iterator[Message]:
        """Give every committed message of a topic, in order."""
        consumer = Consumer(
            {
                "bootstrap.servers": self._servers,
                "group.id": "benchmark-readback",
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "enable.auto.commit": False,
                "queued.max.messages.kbytes": 65536,
            }
        )
        try:
            consumer.assign([TopicPartition(name, 0, 0)])
            idle = 0
            while idle < _IDLE_POLLS:
                messages = consumer.consume(10_000, 0.5)
                idle = 0 if messages else idle + 1
                for message in messages:
                    if message.error() is not None:
                        return
                    yield message
        finally:
            consumer.close()

    def record(self, value: bytes) -> dict[str, Any]:
        """Decode one value with the schema it names."""
        record = fastavro.schemaless_reader(io.BytesIO(value[5:]), self._schema(int.from_bytes(value[1:5], "big")), None)
        assert isinstance(record, dict)
        return record

    def schema_text(self, subject: str) -> str:
        """Give the newest schema of a subject."""
        with urllib.request.urlopen(f"{self._registry_url}/subjects/{subject}/versions/latest", timeout=_ANSWER_SECS) as answer:  # noqa: S310
            return str(json.load(answer)["schema"])

    def register(self, subject: str, schema: str) -> None:
        """Register a schema under a subject."""
        request = urllib.request.Request(  # noqa: S310 - the embedded registry, on loopback
            f"{self._registry_url}/subjects/{subject}/versions",
            json.dumps({"schema": schema}).encode(),
            {"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=_ANSWER_SECS).close()  # noqa: S310

    def close(self) -> None:
        self._ends.close()

    def _schema(self, schema_id: int) -> Any:
        if schema_id not in self._schemas:
            url = f"{self._registry_url}/schemas/ids/{schema_id}"
            with urllib.request.urlopen(url, timeout=_ANSWER_SECS) as answer:  # noqa: S310 - the embedded registry, on loopback
                self._schemas[schema_id] = fastavro.parse_schema(json.loads(json.load(answer)["schema"]))
        return self._schemas[schema_id]
