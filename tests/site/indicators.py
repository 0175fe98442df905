"""A ThreatStream user, a worker in a process of its own that pulls it, and what an independent reader then finds standing in Kafka."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import fastavro
import readback
from deployed import Deployed
from worker_file import worker_section

from connectors.threatstream import simulator as threatstream
from wellhead.stack import Stack
from wellhead.testing.server import serve

SCHEMA = Path(__file__).parents[2] / "schemas/threatstream.indicator/v1.avsc"
TYPES = ("ip", "domain", "hash", "url", "email")
SMALL = {"ips": 400, "domains": 120, "hashes": 120, "urls": 60, "emails": 40, "history_days": 10, "quota_per_day": None}

Identity = tuple[str, ...]


class Indicators(Deployed):
    """One deployment of all five streams."""

    def file(self) -> Path:
        worker = worker_section(self.bootstrap, self.registry, self.prefix, self.folder)
        connector = {
            "connector.class": "threatstream",
            "topic.prefix": self.prefix,
            "tenant": "acme",
            "topic.creation.default.partitions": 2,
            "retry.backoff.max.secs": 1,
            "http.interval.secs": 0,
            "page_limit": 50,
            **self.simulator.options(self.url),
            **self.connector,
        }
        path = self.folder / "deployment.json"
        path.write_text(json.dumps({"worker": worker | self.worker, "connectors": {"ti-acme": connector}}))
        return path

    def topic(self) -> str:
        return f"{self.prefix}threatstream.indicator"

    def messages(self) -> list[tuple[bytes, dict[str, Any] | None]]:
        """Give key and record of every message, None for a tombstone; those of one key in order."""
        parsed = fastavro.parse_schema(json.loads(SCHEMA.read_text()))
        return [
            (message.key(), fastavro.schemaless_reader(io.BytesIO(value[5:]), parsed, None) if value else None)
            for message in readback.messages(self.bootstrap, self.topic())
            for value in [message.value()]
        ]

    def standing(self) -> dict[bytes, Identity]:
        """Give who stands under each key."""
        found: dict[bytes, Identity] = {}
        for key, record in self.messages():
            found.pop(key, None)
            if record is not None:
                found[key] = self.simulator.identity_of(record)
        return found

    def assert_active_set(self) -> None:
        """Compare what stands in the topic with what the vendor holds active, one by one, and its dead letters byte by byte."""
        truth = list(self.simulator.truth(values=False))
        held = {record.identity for record in truth if record.kind == "record"}
        standing = self.standing()
        assert all(key.decode() == identity[0] for key, identity in standing.items())
        assert (len(held - {*standing.values()}), len({*standing.values()} - held)) == (0, 0), "(missing, not active)"

    def assert_once(self) -> None:
        """No state of an indicator was published twice."""
        published = Counter(self.simulator.identity_of(record) for _, record in self.messages() if record is not None)
        assert [identity for identity, count in published.items() if count > 1] == []


@contextmanager
def indicators(servers: Stack, prefix: str, folder: Path, **simulated: Any) -> Iterator[Indicators]:
    """Serve a vendor from this process and give a deployment that pulls it; its workers are gone afterwards."""
    simulator = threatstream.create(threatstream.Settings.model_validate({**SMALL, **simulated}))
    with ExitStack() as cleanup:
        url = cleanup.enter_context(serve(simulator))
        made = Indicators(servers, prefix, folder, simulator, url)
        cleanup.callback(made.end)
        yield made
