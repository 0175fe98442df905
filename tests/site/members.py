"""Gives tests a group without workers: members are processes that only own partitions, and may be killed, frozen and cut off."""

import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewPartitions

from wellhead.config.worker import WorkerSettings
from wellhead.kafka import settings
from wellhead.kafka.client_log import ClientLog
from wellhead.kafka.topics import TopicSpec, ensure

SCRIPT = Path(__file__).with_name("group_member.py")
DEADLINE_SECS = 60.0


class MemberProcess:
    """One member, as its output tells of it."""

    def __init__(self, options: dict, log: Path) -> None:
        self.events: list[dict] = []
        self.owned: set[int] = set()
        self.log = log
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, str(SCRIPT), json.dumps(options)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self._lines.put(line)

    def hear(self) -> None:
        """Take in what it has said so far."""
        while not self._lines.empty():
            event = json.loads(self._lines.get())
            self.events.append(event)
            if event["event"] == "assigned":
                self.owned |= set(event["partitions"])
            elif event["event"] in ("revoked", "lost"):
                self.owned -= set(event["partitions"])

    def told(self, name: str) -> list[dict]:
        self.hear()
        return [event for event in self.events if event["event"] == name]

    def said(self) -> list[dict]:
        """Give its log lines."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def send(self, *words: object) -> None:
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def close(self) -> None:
        """Let it leave, and wait for its end."""
        self.send("close")
        assert self.process.wait(DEADLINE_SECS) == 0, self.log.read_text()
        self._reader.join(DEADLINE_SECS)
        self.hear()

    def signal(self, number: signal.Signals) -> float:
        """Give the moment before which it had not got the signal."""
        at_secs = time.monotonic()
        self.process.send_signal(number)
        return at_secs

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(DEADLINE_SECS)
        self.process.stdin.close()
        self.process.stdout.close()


class Members:
    """A group of members on one cluster."""

    def __init__(self, bootstrap_servers: str, prefix: str, folder: Path) -> None:
        self.prefix = prefix
        self.members: list[MemberProcess] = []
        self.bootstrap_servers = bootstrap_servers
        self._folder = folder
        self._admin = AdminClient({"bootstrap.servers": bootstrap_servers}, logger=ClientLog())
        self.topic, self.lease_topic = f"{prefix}assignment", f"{prefix}leases"

    def make_topics(self, partitions: int) -> None:
        worker = self._worker(self.bootstrap_servers)
        ensure(settings.admin_config(worker), [TopicSpec(self.topic, partitions), TopicSpec(self.lease_topic, 1)])

    def grow(self, partitions: int) -> float:
        """Give the moment at which the topic had grown."""
        for future in self._admin.create_partitions([NewPartitions(self.topic, partitions)]).values():
            future.result()
        return time.monotonic()

    def join(
        self, *, through: str | None = None, consumer: dict[str, object] | None = None, **options: object
    ) -> MemberProcess:
        """Start a member; `through` is the address by which it reaches the broker, `consumer` more settings of its client."""
        member = MemberProcess(
            {
                "consumer": {
                    **settings.consumer_config(self._worker(through or self.bootstrap_servers)),
                    **(consumer or {}),
                },
                "group_id": f"{self.prefix}group",
                "topic": self.topic,
                "lease_topic": self.lease_topic,
                # Long, so that a busy machine is not taken for a dead member; tests of losses shorten it.
                "session_ms": 30_000,
                **options,
            },
            self._folder / f"member-{len(self.members)}.log",
        )
        self.members.append(member)
        return member

    def until(self, condition: Callable[[], object], what: str) -> float:
        """Wait for `condition`, which sees what the members have said; give the moment it was seen."""
        deadline_secs = time.monotonic() + DEADLINE_SECS
        while True:
            for member in self.members:
                member.hear()
            if condition():
                return time.monotonic()
            assert time.monotonic() < deadline_secs, (what, [member.events[-10:] for member in self.members])
            time.sleep(0.02)

    def until_spread(self, partitions: int, *members: MemberProcess) -> float:
        """Wait until `members` own every partition once, as evenly as can be."""
        sizes = sorted((partitions + place) // len(members) for place in range(len(members)))

        def spread() -> bool:
            owned = [number for member in members for number in member.owned]
            return sorted(owned) == list(range(partitions)) and sorted(len(member.owned) for member in members) == sizes

        return self.until(spread, f"{partitions} partitions over {len(members)} members")

    def end(self) -> None:
        for member in self.members:
            member.end()

    def _worker(self, bootstrap_servers: str) -> WorkerSettings:
        return WorkerSettings(
            group_id=f"{self.prefix}group",
            kafka={"bootstrap.servers": bootstrap_servers},
            schema_registry={"url": "http://127.0.0.1:1"},
        )
