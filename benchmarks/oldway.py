"""Takes hits from a topic the way it was done before: stores them, and every so often makes attacks of them by aggregation in the store.

The store refreshes once in `refresh_secs`: hits are found by the aggregation after one refresh, attacks by people after another.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Self

import httpx
from confluent_kafka import Consumer

from wellhead.avro import schema as schemas
from wellhead.avro.decode import Decoder
from wellhead.avro.registry import Registry
from wellhead.stack import Stack

HITS, ATTACKS = "old-hits", "old-attacks"
GROUP_BY = ("client_id", "type", "domain", "path", "parameter")
PAGE = 5000


class OldWay:
    """A plain consumer and a periodic aggregation, each in a thread of its own.

    Args:
        stack: Kafka and the registry.
        topic: The hits.
        url: The store.
        refresh_secs: How often it refreshes, and how often the aggregation runs.
    """

    def __init__(self, stack: Stack, topic: str, url: str, refresh_secs: float) -> None:
        self._stack, self._topic, self._refresh_secs = stack, topic, refresh_secs
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=60)
        self._halt = threading.Event()
        self._threads = [threading.Thread(target=self._store), threading.Thread(target=self._aggregate)]
        self.failures: list[str] = []
        keywords: dict[str, Any] = {name: {"type": "keyword"} for name in GROUP_BY} | {"client_id": {"type": "long"}}
        mappings = {"dynamic": False, "properties": {**keywords, "time": {"type": "date"}, "ip": {"type": "ip"}}}
        settings = {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": f"{refresh_secs}s"}
        for index in (HITS, ATTACKS):
            self._client.put(f"/{index}", json={"settings": settings, "mappings": mappings}).raise_for_status()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._halt.set()
        for thread in self._threads:
            thread.join()
        self._client.close()

    def _store(self) -> None:
        servers = {"bootstrap.servers": self._stack.bootstrap_servers, "group.id": "old-way", "auto.offset.reset": "latest"}
        consumer = Consumer(servers)
        consumer.subscribe([self._topic])
        with Registry({"schema.registry.url": self._stack.registry_url}) as registry:
            decoder = Decoder(registry.schema_text, schemas.load("wallarm.hit"))
            while not self._halt.is_set():
                messages = [message for message in consumer.consume(1000, 0.1) if message.error() is None]
                if messages:
                    found = decoder.decode([message.value() or b"" for message in messages], ["id", "time", "ip", *GROUP_BY])
                    self._bulk(HITS, [(str(row["id"]), row) for row in found.to_pylist()])
        consumer.close()

    def _aggregate(self) -> None:
        while not self._halt.wait(self._refresh_secs):
            since_ms = int((time.time() - 3600) * 1000)
            sources = [{name: {"terms": {"field": name, "missing_bucket": True}}} for name in GROUP_BY]
            after: dict[str, Any] | None = None
            while not self._halt.is_set():
                composite: dict[str, Any] = {"size": PAGE, "sources": sources} | ({"after": after} if after else {})
                times = {
                    "first": {"min": {"field": "time"}},
                    "last": {"max": {"field": "time"}},
                    "ips": {"cardinality": {"field": "ip"}},
                }
                body = {
                    "size": 0,
                    "query": {"range": {"time": {"gte": since_ms}}},
                    "aggs": {"attacks": {"composite": composite, "aggs": times}},
                }
                found = self._client.post(f"/{HITS}/_search", json=body).json()["aggregations"]["attacks"]
                made = [
                    (json.dumps(bucket["key"]), {**bucket["key"], "hits": bucket["doc_count"], "time": bucket["last"]["value"]})
                    for bucket in found["buckets"]
                ]
                if made:
                    self._bulk(ATTACKS, made)
                after = found.get("after_key")
                if after is None:
                    break

    def _bulk(self, index: str, documents: list[tuple[str, dict[str, Any]]]) -> None:
        lines = (
            json.dumps({"index": {"_id": name[:500]}})
            + "\n"
            + json.dumps(document, default=lambda time: int(time.timestamp() * 1000))
            + "\n"
            for name, document in documents
        )
        answer = self._client.post(f"/{index}/_bulk", content="".join(lines), headers={"content-type": "application/x-ndjson"})
        if answer.json().get("errors"):
            self.failures.append(answer.text[:300])
