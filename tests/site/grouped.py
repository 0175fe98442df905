"""A WSS tenant and a group of workers, each a process of its own, that share what the config topic says; and what Kafka holds then."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from deployed import CHUNK_BYTES, Deployed, deployed
from worker_file import worker_section

from wellhead.stack import Stack

NAME = "wss-acme"
_TOPICS = {
    "config.storage.topic": "configs",
    "status.storage.topic": "status",
    "offset.history.topic": "history",
    "audit.topic": "audit",
    "assignment.topic": "assignment",
    "lease.topic": "leases",
    "budget.topic": "budgets",
}


class Member:
    """One worker of the group.

    Attributes:
        process: Its process.
        log: What it wrote.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log
        self._client: httpx.Client | None = None

    def said(self) -> list[dict[str, Any]]:
        """Give its log lines."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return [json.loads(line) for line in lines if line.startswith("{")]

    @property
    def worker_id(self) -> str:
        """How it calls itself."""
        return str(self.started()[0]["worker_id"])

    def started(self) -> list[dict[str, Any]]:
        return [line for line in self.said() if line["event"] == "started"]

    @property
    def api(self) -> httpx.Client:
        """Its REST API."""
        if self._client is None:
            self._client = httpx.Client(base_url=self.started()[0]["listening"][0], timeout=60, trust_env=False)
        return self._client

    def hang_up(self) -> None:
        """Close the connection to its REST API."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def kill(self) -> None:
        """Kill it with SIGKILL and wait for its end."""
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """Ask it to end, give its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


class Group:
    """Workers of one group, with topics of the test's own.

    Attributes:
        base: The vendor, and what an independent reader finds in Kafka.
        members: Every worker that was started, oldest first.
        worker: Settings of every worker over those of the test.
    """

    def __init__(self, base: Deployed) -> None:
        self.base = base
        self.members: list[Member] = []
        self.worker: dict[str, Any] = {}

    def settings(self) -> dict[str, Any]:
        """Give the `worker` section."""
        base = self.base
        section = worker_section(base.bootstrap, base.registry, base.prefix, base.folder)
        topics = {word: f"{base.prefix}{name}" for word, name in _TOPICS.items()}
        return {**section, **topics, "listeners": "http://127.0.0.1:0", **self.worker}

    def config(self, **options: Any) -> dict[str, str]:
        """Give the words of a connector that pulls the tenant."""
        entry = {
            "connector.class": "wss",
            "topic.prefix": self.base.prefix,
            "tenant": "acme",
            "topic.creation.default.partitions": 2,
            "retry.backoff.max.secs": 1,
            "restart.backoff.initial.secs": 1,
            "poll.interval.secs": 1,
            "quiet_secs": 0,
            "chunk_bytes": CHUNK_BYTES,
            **self.base.simulator.options(self.base.url),
            **options,
        }
        return {word: str(value).lower() if isinstance(value, bool) else str(value) for word, value in entry.items()}

    def start(self, *words: str, env: dict[str, str] | None = None, **settings: Any) -> Member:
        """Start a worker; it may not answer yet."""
        number = len(self.members)
        path = self.base.folder / f"worker-{number}.json"
        path.write_text(json.dumps({"worker": self.settings() | settings}))
        log = self.base.folder / f"worker-{number}.log"
        command = [sys.executable, "-m", *(words or ("wellhead", "worker")), "-c", str(path)]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **(env or {})}
            )
        self.members.append(Member(process, log))
        return self.members[-1]

    def join(self, *words: str, env: dict[str, str] | None = None, **settings: Any) -> Member:
        """Start a worker and return once it answers."""
        member = self.start(*words, env=env, **settings)
        self.until(lambda: member.started() and _answers(member))
        return member

    def create(self, member: Member, name: str = NAME, **options: Any) -> None:
        """Make the connector by one worker's REST API."""
        answer = member.api.post("/connectors", json={"name": name, "config": self.config(**options)})
        assert answer.status_code == 201, answer.text

    def status(self, member: Member, name: str = NAME) -> dict[str, Any]:
        """Give a connector's status as one worker tells it; empty when it does not know it."""
        answer = member.api.get(f"/connectors/{name}/status")
        status: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        return status

    def runs_on(self, asked: Member, name: str = NAME) -> str | None:
        """Give the worker that runs the connector's first task, by what `asked` tells; None while none does."""
        tasks = self.status(asked, name).get("tasks") or [{}]
        return str(tasks[0]["worker_id"]) if tasks[0].get("state") == "RUNNING" else None

    def owner(self, asked: Member, name: str = NAME) -> Member:
        """Return the worker that runs the connector's first task, once one does."""
        found: list[Member] = []

        def look() -> bool:
            where = self.runs_on(asked, name)
            found[:] = [member for member in self.members if member.worker_id == where]
            return bool(found)

        self.until(look)
        return found[0]

    def caught_up(self) -> bool:
        """Whether everything the vendor holds is in the topic."""
        runs = self.base.runs()
        read = len(self.base.records())
        return bool(runs) and runs[-1]["outcome"] == "caught_up" and read >= self.base.held()

    def until(self, reached: Callable[[], object], secs: float = 60.0) -> None:
        """Wait until `reached()` holds, or fail with the workers' last lines."""
        deadline = time.monotonic() + secs
        while not reached():
            last = [member.log.read_text(errors="replace")[-1500:] for member in self.members]
            assert time.monotonic() < deadline, f"not reached after {secs:g} s; the logs end with {last}"
            time.sleep(0.05)

    def assert_exactly_once(self) -> None:
        """Stop every worker, then compare topic, dead letters, cursor and run records with what the vendor holds."""
        for member in self.members:
            if member.process.poll() is None:
                assert member.stop() == 0
        self.base.may_be_polling = True
        self.base.assert_exactly_once()

    def end(self) -> None:
        """Kill what is still running."""
        for member in self.members:
            member.hang_up()
            if member.process.poll() is None:
                member.process.send_signal(signal.SIGCONT)
                member.process.kill()
            member.process.wait(10)


@contextmanager
def grouped(servers: Stack, prefix: str, folder: Path, **simulated: Any) -> Iterator[Group]:
    """Serve a tenant from this process and give a group without workers; those that are started are gone afterwards."""
    with deployed(servers, prefix, folder, **simulated) as base:
        group = Group(base)
        try:
            yield group
        finally:
            group.end()


def _answers(member: Member) -> bool:
    try:
        return member.api.get("/").status_code == 200
    except httpx.HTTPError:
        return False
