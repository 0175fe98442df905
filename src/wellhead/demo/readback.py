"""Takes a topic, gives its committed records by plain confluent-kafka and fastavro; shares nothing with what wrote them."""

from __future__ import annotations

import io
import json
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import fastavro
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

_HEADER_BYTES = 5
# Of a broker that ends with an interrupted demo nobody wants to hear.
_SILENT = 0
_WAIT_SECS = 0.2
_IDLE_POLLS = 50
# A proxy that the environment names does not know what listens on this machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Reader:
    """An independent consumer: no code of Wellhead's, so that a mistake cannot hide itself."""

    def __init__(self, bootstrap_servers: str, registry_url: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._registry_url = registry_url
        self._schemas: dict[int, Any] = {}
        self._looking: Consumer | None = None

    def messages(self, topic: str) -> Iterator[Message]:
        """Give every committed message of a topic."""
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap_servers,
                "group.id": "demo-readback",
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "enable.auto.commit": False,
                "log_level": _SILENT,
            }
        )
        try:
            partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
            consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
            unread, idle = set(partitions), 0
            while unread and idle < _IDLE_POLLS:
                messages = consumer.consume(5000, _WAIT_SECS)
                idle = 0 if messages else idle + 1
                for message in messages:
                    if message.error() is None:
                        yield message
                    else:
                        unread.discard(message.partition())
        finally:
            consumer.close()

    def records(self, topic: str) -> Iterator[tuple[bytes | None, dict[str, Any] | None]]:
        """Give key and record of every committed message of a topic, decoded with the schema it was written with; None for a tombstone."""
        for message in self.messages(topic):
            value = message.value()
            if value is None:
                yield message.key(), None
                continue
            yield message.key(), self.decoded(value)

    def decoded(self, value: bytes) -> dict[str, Any]:
        """Give the record of one message."""
        body = io.BytesIO(value)
        head = body.read(_HEADER_BYTES)
        record = fastavro.schemaless_reader(body, self._schema(int.from_bytes(head[1:], "big")), None)
        assert isinstance(record, dict)
        return record

    def encoded(self, record: Mapping[str, Any], like: bytes) -> bytes:
        """Give a record as a message of the same schema as another one."""
        body = io.BytesIO()
        body.write(head := like[:_HEADER_BYTES])
        fastavro.schemaless_writer(body, self._schema(int.from_bytes(head[1:], "big")), dict(record))
        return body.getvalue()

    def count(self, topic: str) -> int:
        """Give how far a topic has grown, transaction markers included: good enough to show progress."""
        if self._looking is None:
            self._looking = Consumer(
                {"bootstrap.servers": self._bootstrap_servers, "group.id": "demo-progress", "log_level": _SILENT}
            )
        looking = self._looking
        try:
            found = looking.list_topics(topic, timeout=5).topics[topic]
            ends = (looking.get_watermark_offsets(TopicPartition(topic, number), timeout=5)[1] for number in found.partitions)
            return 0 if found.error is not None else sum(ends)
        except KafkaException:  # a topic that is just being made
            return 0

    def close(self) -> None:
        """Close the connection that `count` keeps."""
        if self._looking is not None:
            self._looking.close()
            self._looking = None

    def _schema(self, schema_id: int) -> Any:
        if schema_id not in self._schemas:
            url = f"{self._registry_url}/schemas/ids/{schema_id}"
            with _OPENER.open(url, timeout=10) as answer:
                self._schemas[schema_id] = fastavro.parse_schema(json.loads(json.load(answer)["schema"]))
        return self._schemas[schema_id]
