"""Gives stores with hits and attacks, written and read by nothing of ours, and processes of `wellhead migrate` between them."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

Stored = dict[tuple[str, str], tuple[int, dict]]
"""Version and fields by month and id."""

FEBRUARY_MS = round(datetime(2026, 2, 1, tzinfo=UTC).timestamp() * 1000)
DAY_MS = 86_400_000
WAIT_SECS = 60.0

KEYWORD, LONG, DATE = {"type": "keyword"}, {"type": "long"}, {"type": "date", "format": "epoch_millis"}
PROPERTIES = {
    "id": KEYWORD,
    "client_id": LONG,
    "time": DATE,
    "first_time": DATE,
    "last_time": DATE,
    "type": KEYWORD,
    "ip": {"type": "ip"},
    "path": KEYWORD,
    "status_code": LONG,
    "version": LONG,
}


def month_of(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y.%m")


def hits(count: int, clients: Mapping[int, float], *, seed: int = 1, first_ms: int = FEBRUARY_MS, days: int = 40) -> Stored:
    """Make hits of some clients, by weight, over some days; many share a millisecond."""
    chance = random.Random(seed)
    made: Stored = {}
    names, weights = list(clients), list(clients.values())
    for number in range(count):
        time_ms = first_ms + chance.randrange(days * DAY_MS) // 1000 * 1000
        client = chance.choices(names, weights)[0]
        month = month_of(time_ms)
        id_ = f"hits_{client}_{month}:{seed}-{number:06}"
        fields = {
            "id": id_,
            "client_id": client,
            "time": time_ms,
            "type": chance.choice(["sqli", "xss", "rce", "ptrav"]),
            "ip": f"198.51.100.{chance.randrange(256)}",
            "path": f"/api/{chance.randrange(50)}",
            "status_code": chance.choice([200, 403, 404]),
            "point": ["post", "json_doc"],
            "value": "' OR 1=1 --" + "x" * chance.randrange(60),
            "extensions": {"score": "0.5", "ünïcode": "…"},
        }
        made[f"hits-{month}", id_] = (chance.randrange(1, 1_000_000), fields)
    return made


def attacks(count: int, clients: list[int], *, seed: int = 2, first_ms: int = FEBRUARY_MS, days: int = 40) -> Stored:
    chance = random.Random(seed)
    made: Stored = {}
    for _ in range(count):
        time_ms = first_ms + chance.randrange(days * DAY_MS)
        version = chance.randrange(1, 10**12)
        id_ = f"{month_of(time_ms).replace('.', '')}:{chance.getrandbits(96):024x}"
        fields = {
            "id": id_,
            "client_id": chance.choice(clients),
            "first_time": time_ms,
            "last_time": time_ms + 5000,
            "hits": chance.randrange(1, 900),
            "ip_top": [{"ip": "203.0.113.9", "count": 3, "country": "NL"}],
            "version": version,
        }
        made[f"attacks-{month_of(time_ms)}", id_] = (version, fields)
    return made


class Store:
    """One store, spoken to in plain HTTP; its indices begin with a prefix of the test's own."""

    def __init__(self, url: str, prefix: str, *, typed: bool = False) -> None:
        self.url = url
        self.prefix = prefix.lower().strip(".")
        self.typed = typed

    def call(self, method: str, path: str, body: object = None) -> dict:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
        request = urllib.request.Request(f"{self.url}{path}", data, {"Content-Type": kind}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def make_index(self, name: str, properties: Mapping[str, object] = PROPERTIES, shards: int = 1) -> None:
        mappings: dict[str, Any] = {"properties": properties}
        settings = {"number_of_shards": shards, "number_of_replicas": 0}
        body = {"settings": settings, "mappings": {"_doc": mappings} if self.typed else mappings}
        self.call("PUT", f"/{name}", body)

    def put(self, documents: Stored, *, shards: int = 1) -> None:
        """Write documents with their versions; missing indices are made first."""
        there = self.call("GET", f"/{self.prefix}-*/_settings")
        for name in sorted({f"{self.prefix}-{place}" for place, _ in documents} - there.keys()):
            self.make_index(name, shards=shards)
        items = list(documents.items())
        for at in range(0, len(items), 5000):
            self.bulk(
                [(f"{self.prefix}-{place}", id_, version, fields) for (place, id_), (version, fields) in items[at : at + 5000]]
            )
        self.refresh()

    def bulk(self, documents: list[tuple[str, str, int, dict]]) -> dict:
        typed = {"_type": "_doc"} if self.typed else {}
        lines: list[object] = []
        for index, id_, version, fields in documents:
            lines += [{"index": {"_index": index, "_id": id_, "version": version, "version_type": "external", **typed}}, fields]
        return self.call("POST", "/_bulk", "".join(f"{json.dumps(line)}\n" for line in lines).encode())

    def refresh(self) -> None:
        self.call("POST", f"/{self.prefix}-*/_refresh")

    def read(self) -> Stored:
        """Give everything, with versions."""
        self.refresh()
        found: Stored = {}
        body = {"size": 5000, "version": True, "query": {"match_all": {}}}
        answer = self.call("POST", f"/{self.prefix}-*/_search?scroll=1m", body)
        while answer["hits"]["hits"]:
            for hit in answer["hits"]["hits"]:
                found[hit["_index"].removeprefix(f"{self.prefix}-"), hit["_id"]] = (hit["_version"], hit["_source"])
            answer = self.call("POST", "/_search/scroll", {"scroll": "1m", "scroll_id": answer["_scroll_id"]})
        if found:
            self.call("DELETE", "/_search/scroll", {"scroll_id": [answer["_scroll_id"]]})
        return found

    def drop(self) -> None:
        for name in self.call("GET", f"/{self.prefix}-*/_settings"):
            self.call("DELETE", f"/{name}")


class Migrations:
    """A deployment file and the processes of one test."""

    def __init__(self, folder: Path, bootstrap: str, registry: str, group: str) -> None:
        self.folder = folder
        self.group = group
        self.bootstrap = bootstrap
        self.worker = {
            "group.id": group,
            "kafka": {"bootstrap.servers": bootstrap},
            "consumer": {"session.timeout.ms": 6000},
            "schema.registry.url": registry,
            "listeners": "",
        }
        self.file = self.deployment("plain")
        self.processes: list[subprocess.Popen[bytes]] = []

    def deployment(self, name: str, **stores: tuple[Store, str]) -> Path:
        """Give a deployment file in which stores have names."""
        entries = {at: self._words(store, url) for at, (store, url) in stores.items()}
        attacks = {"topic": "hits", "rules": "rules.yaml", "redis.url": "redis://127.0.0.1:1", "stores": entries}
        path = self.folder / f"{name}.deployment.yaml"
        path.write_text(json.dumps({"worker": self.worker, **({"attacks": {"waf": attacks}} if stores else {})}))
        return path

    @staticmethod
    def _words(store: Store, url: str) -> dict[str, object]:
        return {"url": url, "index.prefix": store.prefix, "replicas": 0}

    def store(self, name: str, store: Store, url: str | None = None) -> str:
        """Give the file of a store."""
        path = self.folder / f"{name}.yaml"
        path.write_text(json.dumps(self._words(store, url or store.url)))
        return str(path)

    def start(self, *words: str, file: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a process; it is killed when the test ends."""
        number = len(self.processes)
        command = [sys.executable, "-m", "wellhead", "migrate", *words, "-c", str(file or self.file)]
        if words[0] != "status":
            command += ["--report", str(self.folder / f"report-{number}.json")]
        with (self.folder / f"out-{number}.log").open("wb") as log:
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder))
        return self.processes[-1]

    def run(self, *words: str, file: Path | None = None) -> tuple[int, str, dict]:
        """Run to the end; give exit code, what was said, and the report."""
        return self.wait(self.start(*words, file=file))

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End a process without a word."""
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)

    def wait(self, process: subprocess.Popen[bytes], secs: float = 2 * WAIT_SECS) -> tuple[int, str, dict]:
        number = self.processes.index(process)
        log = self.folder / f"out-{number}.log"
        try:
            code = process.wait(secs)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {secs} s:\n{log.read_text()}") from None
        report = self.folder / f"report-{number}.json"
        return code, log.read_text(), json.loads(report.read_text()) if report.exists() else {}

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                self.kill(process)


def produce_documents(migrations: Migrations, rounds: list[Stored]) -> list[int]:
    """Write documents to the topic `<group>.document` of two partitions, as whoever groups hits does; give where it ends."""
    topic = f"{migrations.group}.document"
    admin = AdminClient({"bootstrap.servers": migrations.bootstrap})
    admin.create_topics([NewTopic(topic, 2, 1)])[topic].result(20)
    settings = {"bootstrap.servers": migrations.bootstrap, "transactional.id": f"{topic}-tx"}
    producer = Producer(settings)
    producer.init_transactions(60)
    ends = [0, 0]
    for documents in rounds:
        producer.begin_transaction()
        for (place, id_), (version, fields) in documents.items():
            kind, _, month = place.partition("-")
            told = {"kind": kind.removesuffix("s"), "month": month, "version": str(version)}
            headers = [(name, text.encode()) for name, text in told.items()]
            number = fields["client_id"] % 2
            producer.produce(topic, json.dumps(fields).encode(), id_.encode(), number, headers=headers)
            ends[number] += 1
        producer.commit_transaction(60)
        ends = [end + 1 for end in ends]  # the mark of the transaction's end
    return ends


def until(holds: Callable[[], object], what: str, secs: float = WAIT_SECS) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + secs
    while not holds():
        assert time.monotonic() < deadline, f"not within {secs} s: {what}"
        time.sleep(0.05)
