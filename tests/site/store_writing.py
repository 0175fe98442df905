"""A documents topic written in transactions, writers that bring it into stores, and what the stores must then hold."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from attack_documents import Documents, month
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from wellhead.clock import SystemClock
from wellhead.config.attacks import AttacksSettings
from wellhead.config.store import StoreSettings
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.attacks.store.writer import StoreWriter, feed_of
from wellhead.search.store import SearchStore
from wellhead.telemetry.attacks import StoreTally

PATIENCE_SECS = 60.0


def until(holds: Callable[[], Any], what: str, secs: float = PATIENCE_SECS) -> None:
    deadline = time.monotonic() + secs
    while not holds():
        assert time.monotonic() < deadline, f"not within {secs:g} s: {what}"
        time.sleep(0.05)


def index(document: Mapping[str, Any]) -> str:
    """Give the name of a document's index, behind the prefix."""
    if "attack_id" in document:
        return f"hits-{month(document['time'])}"
    return f"attacks-{document['id'][:4]}.{document['id'][4:6]}"


@dataclass
class Written:
    """What a store must hold in the end: of each document the newest version."""

    newest: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)

    def add(self, document: Mapping[str, Any], version: int) -> None:
        known = self.newest.get(document["id"])
        if known is None or known[0] < version:
            self.newest[document["id"]] = (version, dict(document))

    def by_place(self, prefix: str) -> dict[tuple[str, str], tuple[int, dict[str, Any]]]:
        return {(f"{prefix}-{index(document)}", key): (version, document) for key, (version, document) in self.newest.items()}


class DocumentsTopic:
    """The topic between grouper and stores."""

    def __init__(self, bootstrap: str, registry: str, unique: str, partitions: int = 3) -> None:
        self.name = f"{unique}attack_document"
        self.unique = unique
        self.bootstrap = bootstrap
        self.registry = registry
        self.partitions = partitions
        self.written = Written()
        self.version = 0
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        self._admin.create_topics([NewTopic(self.name, partitions, 1)])[self.name].result(30)
        until(lambda: len(self._admin.list_topics(self.name, 10).topics[self.name].partitions) == partitions, "the topic")
        settings = {"bootstrap.servers": bootstrap, "transactional.id": f"{unique}grouper", "linger.ms": 5, "log_level": 0}
        self._producer = Producer(settings)
        self._producer.init_transactions(30)

    def write(self, *groups: Iterable[Mapping[str, Any]], commit: bool = True) -> None:
        """Write documents in one transaction, each with a version higher than all before."""
        self._producer.begin_transaction()
        for document in (document for group in groups for document in group):
            self.version += 1
            kind, _, when = index(document).partition("-")
            headers = [("kind", kind[:-1].encode()), ("month", when.encode()), ("version", str(self.version).encode())]
            partition = document["client_id"] % self.partitions
            while True:
                try:
                    self._producer.produce(self.name, orjson.dumps(document), document["id"], partition, headers=headers)
                    break
                except BufferError:
                    self._producer.poll(0.1)
            if commit:
                self.written.add(document, self.version)
        (self._producer.commit_transaction if commit else self._producer.abort_transaction)(30)

    def write_raw(self, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]], partition: int = 0) -> None:
        self._producer.begin_transaction()
        self._producer.produce(self.name, value, key, partition, headers=headers)
        self._producer.commit_transaction(30)

    def cut(self, partition: int) -> None:
        """Delete all that stands in a partition, as retention would."""
        place = TopicPartition(self.name, partition, -1)
        self._admin.delete_records([place])[place].result(30)

    def attacks(self, **more: Any) -> AttacksSettings:
        return AttacksSettings.model_validate(
            {"name": "test", "topic": f"{self.unique}hit", "rules": "x/y", "redis": {"url": "redis://127.0.0.1:1/0"}}
            | {"document.topic": self.name, "roles": "group", **more}
        )

    def worker(self) -> WorkerSettings:
        return WorkerSettings(
            group_id=f"{self.unique}writers",
            kafka={"bootstrap.servers": self.bootstrap},
            schema_registry={"url": self.registry},
            # A machine that is busy with other tests must not cost a member its place.
            consumer={"session.timeout.ms": "45000"},
        )

    def is_done(self, group: str) -> bool:
        """Whether a group has committed all of the topic, the markers of transactions included."""
        with Consumer({"bootstrap.servers": self.bootstrap, "group.id": group, "log_level": 0}) as looking:
            places = [TopicPartition(self.name, number) for number in range(self.partitions)]
            told = looking.committed(places, 10)
            spans = {place.partition: looking.get_watermark_offsets(place, 10) for place in places}
        return all(each.offset >= spans[each.partition][1] or spans[each.partition][1] == 0 for each in told)

    def members(self, group: str) -> set[str]:
        """Give the ids of a group's members."""
        (described,) = self._admin.describe_consumer_groups([group]).values()
        return {member.member_id for member in described.result(30).members}

    def letters(self) -> list[Any]:
        """Give what stands in the dead-letter topic."""
        found: list[Any] = []
        settings = {"bootstrap.servers": self.bootstrap, "group.id": "none", "auto.offset.reset": "earliest", "log_level": 0}
        with Consumer({**settings, "enable.partition.eof": True}) as reading:
            topic = f"{self.name}.dlq"
            numbers = reading.list_topics(topic, 10).topics[topic].partitions
            reading.assign([TopicPartition(topic, number, 0) for number in numbers])
            ended = 0
            while numbers and ended < len(numbers):
                message = reading.poll(1.0)
                if message is not None and message.error() is None:
                    found.append(message)
                elif message is not None:
                    ended += 1
        return found


class Writing:
    """A writer in a thread of this process, started again when it raises, as the service does."""

    def __init__(self, topic: DocumentsTopic, name: str, settings: StoreSettings) -> None:
        self.group = f"{topic.unique}writers-{name}"
        self.tally = StoreTally("test", SystemClock(), store=name)
        self.errors: list[str] = []
        self.store = SearchStore(settings, name=name, clock=SystemClock())
        self._stop = threading.Event()
        feed = feed_of(topic.attacks(), topic.worker(), self.group)
        self._writer = StoreWriter(name, self.store, feed, clock=SystemClock(), stop=self._stop, tally=self.tally)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._writer.run()
            except Exception as error:  # noqa: BLE001 - the test asserts that there was none
                self.errors.append(f"{type(error).__name__}: {error}")
                self._stop.wait(0.5)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        self.store.close()


@contextmanager
def writing(topic: DocumentsTopic, name: str, settings: StoreSettings) -> Iterator[Writing]:
    made = Writing(topic, name, settings)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def writing_process(
    topic: DocumentsTopic, name: str, url: str, prefix: str, *, docs: int = 50
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a writer in a process of its own, which may be killed."""
    given = {
        "bootstrap": topic.bootstrap, "registry": topic.registry, "unique": topic.unique,
        "topic": topic.name, "name": name, "url": url, "prefix": prefix, "docs": docs,
    }  # fmt: skip
    command = [sys.executable, str(Path(__file__)), orjson.dumps(given).decode()]
    process = subprocess.Popen(command, cwd=Path(__file__).parent)
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)


def stored(store: SearchStore) -> dict[tuple[str, str], tuple[int, dict[str, Any]]]:
    """Give all that a store holds under its prefix: version and source by index and id."""
    pattern = f"{store.settings.index_prefix}-*"
    store.refresh(pattern)
    pages = store.pages(pattern, {"match_all": {}}, sort=[{"id": "asc"}], size=1000)
    return {(hit["_index"], hit["_id"]): (hit["_version"], hit["_source"]) for page in pages for hit in page.hits}


def some(first: int, count: int) -> Documents:
    made = Documents()
    for number in range(first, first + count):
        made.add(number)
    return made


def _main() -> None:
    given = orjson.loads(sys.argv[1])
    worker = WorkerSettings(
        group_id=f"{given['unique']}writers",
        kafka={"bootstrap.servers": given["bootstrap"]},
        schema_registry={"url": given["registry"]},
    )
    attacks = AttacksSettings.model_validate(
        {"name": "test", "topic": "hit", "rules": "x/y", "redis": {"url": "redis://127.0.0.1:1/0"}}
        | {"document.topic": given["topic"], "roles": "group"}
    )
    settings = StoreSettings(url=given["url"], index_prefix=given["prefix"], replicas=0, bulk_max_docs=given["docs"])
    tally = StoreTally("test", SystemClock(), store=given["name"])
    feed = feed_of(attacks, worker, f"{worker.group_id}-{given['name']}")
    store = SearchStore(settings, name=given["name"], clock=SystemClock())
    StoreWriter(given["name"], store, feed, clock=SystemClock(), stop=threading.Event(), tally=tally).run()


if __name__ == "__main__":
    _main()
