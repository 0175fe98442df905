"""A real topic of indicators, written by plain confluent-kafka and fastavro, and a lookup deployment of it, run in a process of its own."""

import csv
import io
import json
import os
import socket
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import fastavro
import pytest
import yaml
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

SCHEMA_TEXT = (Path(__file__).parents[3] / "schemas/threatstream.indicator/v1.avsc").read_text()
SCHEMA = fastavro.parse_schema(json.loads(SCHEMA_TEXT))
FAR = datetime(9999, 12, 31, tzinfo=UTC)
KINDS = {
    "ip": "destination.ip",
    "domain": "dns.domain.name",
    "url": "url.original",
    "email": "email.sender.address",
    "hash_md5": "file.hash.md5",
    "hash_sha1": "file.hash.sha1",
    "hash_sha256": "file.hash.sha256",
    "hash_sha512": "file.hash.sha512",
}


class Truth:
    """A topic and what its files must hold, told from the records that were written and by nothing of ours."""

    def __init__(self, stack, topic: str) -> None:
        self.topic = topic
        self.stack = stack
        self.live: dict[int, dict] = {}
        self.admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
        self.schema_id = self._register()
        self.make()

    def _register(self) -> int:
        request = urllib.request.Request(
            f"{self.stack.registry_url}/subjects/{self.topic}-value/versions",
            json.dumps({"schema": SCHEMA_TEXT}).encode(),
            {"Content-Type": "application/vnd.schemaregistry.v1+json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(json.load(answer)["id"])

    def make(self) -> None:
        made = self.admin.create_topics([NewTopic(self.topic, 3, 1, config={"cleanup.policy": "compact"})])
        made[self.topic].result(20)
        self.producer = Producer({"bootstrap.servers": self.stack.bootstrap_servers, "transactional.id": f"{self.topic}tx"})
        self.producer.init_transactions(30)

    def delete(self) -> None:
        self.admin.delete_topics([self.topic])[self.topic].result(20)
        self.live.clear()

    def write(self, *records: dict, gone: tuple[int, ...] = (), commit: bool = True) -> None:
        """Write records and tombstones in one transaction; an aborted one changes nothing."""
        self.producer.begin_transaction()
        for record in records:
            buffer = io.BytesIO()
            buffer.write(b"\0" + self.schema_id.to_bytes(4, "big"))
            fastavro.schemaless_writer(buffer, SCHEMA, record)
            self.producer.produce(self.topic, buffer.getvalue(), str(record["id"]).encode())
        for number in gone:
            self.producer.produce(self.topic, None, str(number).encode())
        self.producer.commit_transaction(30) if commit else self.producer.abort_transaction(30)
        if not commit:
            return
        for record in records:
            former = self.live.get(record["id"])
            if former is None or former["update_id"] <= record["update_id"]:
                self.live[record["id"]] = record
        for number in gone:
            self.live.pop(number, None)

    def rows(self, kind: str, now: datetime | None = None) -> list[list[str]]:
        """Give the rows of the file of one kind, header first, as the documents describe it."""
        now = now or datetime.now(tz=UTC)
        newest: dict[str, dict] = {}
        for record in self.live.values():
            key = (record["ip"] or record["value"]) if kind == "ip" else record["value"]
            expires = record["expiration_ts"]
            if record["ioc_type"] != kind or (expires is not None and expires <= now):
                continue
            if key not in newest or newest[key]["update_id"] < record["update_id"]:
                newest[key] = record
        head = [KINDS[kind], "confidence", "threat_type", "severity", "source", "tags", "expiration_ts"]
        return [head, *([key, *_fields(record)] for key, record in sorted(newest.items()))]


def _fields(record: dict) -> list[str]:
    plain = [record[name] for name in ("confidence", "threat_type", "severity", "source")]
    tags = ",".join(tag.replace("\\", "\\\\").replace(",", "\\,") for tag in record["tags"] or [])
    expires = record["expiration_ts"]
    moment = "" if expires is None else f"{expires:%Y-%m-%dT%H:%M:%S}.{expires.microsecond // 1000:03}Z"
    return ["" if value is None else str(value) for value in plain] + [tags, moment]


def indicator(number: int, value: str, kind: str = "ip", **more: object) -> dict:
    names = [field["name"] for field in json.loads(SCHEMA_TEXT)["fields"]]
    known = {"id": number, "update_id": number, "value": value, "ioc_type": kind, "expiration_ts": FAR, "confidence": 50}
    return {**dict.fromkeys(names), **known, **more}


class Lookup:
    """A deployment of one lookup in a folder."""

    def __init__(self, stack, folder: Path, topic: str, prefix: str) -> None:
        self.folder = folder
        self.file = folder / "lookups.yaml"
        self.out, self.there = folder / "out", folder / "there"
        self.words = {
            "topic": topic,
            "files": ",".join(f"threatstream/{kind}" for kind in KINDS),
            "state.dir": str(folder / "state"),
            "output.dir": str(self.out),
            "target": "directory",
            "directory.path": str(self.there),
        }
        self.worker = {
            "group.id": f"{prefix}lookups",
            "kafka": {"bootstrap.servers": stack.bootstrap_servers},
            "schema.registry.url": stack.registry_url,
            "offset.storage.topic": f"{prefix}offsets",
            "offset.storage.partitions": 1,
            "listeners": "",
        }

    def write(self) -> Path:
        self.file.write_text(yaml.safe_dump({"worker": self.worker, "lookups": {"ti": self.words}}))
        return self.file

    def start(self, *words: str, module: str = "wellhead") -> subprocess.Popen:
        self.write()
        return subprocess.Popen(
            [sys.executable, "-m", module, *words, str(self.file)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )

    def once(self, *words: str, code: int = 0) -> str:
        process = self.start("lookup", "run", "--once", *words)
        out, err = process.communicate(timeout=90)
        assert process.returncode == code, out + err
        return err

    def status(self) -> dict:
        process = self.start("lookup", "status", "--json")
        out, err = process.communicate(timeout=60)
        assert process.returncode in {0, 1}, err
        (state,) = json.loads(out)["lookups"]
        return state

    def rows(self, kind: str) -> list[list[str]]:
        content = (self.there / f"anomali_threatstream_{kind}.csv").read_bytes()
        return list(csv.reader(io.StringIO(content.decode(), newline="")))


@pytest.fixture
def truth(stack, unique):
    return Truth(stack, f"{unique}threatstream.indicator")


@pytest.fixture
def lookup(stack, unique, tmp_path, truth):
    return Lookup(stack, tmp_path, truth.topic, unique)


@pytest.fixture
def made():
    return indicator


@pytest.fixture
def free_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]
