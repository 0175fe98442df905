"""Takes a stack, gives workers of the product and of a real Kafka Connect that are started, asked and ended in the same way.

Both speak Connect's REST API, so whatever is measured is asked of both alike. Their work is as alike as it can be: a task that
commits about once a second, and tasks that have nothing to do.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.connect_worker import HEAP_MB, JAVA_FLAGS, TICK, compiled
from benchmarks.topics import Topics
from benchmarks.usage import cpu_secs, tail
from wellhead.stack import ConnectOptions, ConnectWorker, Stack
from wellhead.stack.ports import PortLease

PATIENCE_SECS = 180.0
ANSWER_SECS = 60.0
STOP_SECS = 30.0
IDLE_SECS = 3600


@dataclass
class Node:
    """One running worker.

    Attributes:
        url: Its REST API.
        pid: Its process.
        started_secs: Monotonic time of its start.
        start_secs: Seconds from its start to its first list of connectors.
        start_cpu_secs: CPU seconds it used for that.
        log: What it writes.
    """

    url: str
    pid: int
    started_secs: float
    log: Path
    end: Callable[[signal.Signals], None]
    start_secs: float = 0.0
    start_cpu_secs: float = 0.0

    @property
    def worker_id(self) -> str:
        """How it is called in a status."""
        return self.url.removeprefix("http://")

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask its REST API, again while it says that it rebalances.

        Raises:
            RuntimeError: It refuses, or rebalances for ever.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - loopback
            self.url + path, data, {"Content-Type": "application/json"}, method=method
        )
        deadline = time.monotonic() + PATIENCE_SECS
        while True:
            try:
                with urllib.request.urlopen(request, timeout=ANSWER_SECS) as answer:  # noqa: S310 - loopback
                    text = answer.read()
                    return json.loads(text) if text else None
            except urllib.error.HTTPError as error:
                if error.code != 409 or time.monotonic() > deadline:
                    raise RuntimeError(
                        f"{method} {path}: {error.code}: {error.read().decode()[:500]}; log: {self.log}"
                    ) from error
            time.sleep(0.1)

    def wait_started(self) -> None:
        """Return once it lists its group's connectors.

        Raises:
            RuntimeError: It does not in time.
        """
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/connectors", timeout=ANSWER_SECS):  # noqa: S310 - loopback
                    break
            except OSError as error:
                if time.monotonic() > self.started_secs + PATIENCE_SECS:
                    raise RuntimeError(f"a worker does not answer; its log ends with\n{tail(self.log)}") from error
            time.sleep(0.01)
        self.start_secs = time.monotonic() - self.started_secs
        self.start_cpu_secs = cpu_secs(self.pid)

    def kill(self) -> None:
        """SIGKILL; returns once it is gone."""
        self.end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end; returns once it has."""
        self.end(signal.SIGTERM)


class Side(Protocol):
    """One of the two contestants."""

    name: str
    nodes: list[Node]

    def spawn(self) -> Node:
        """Start a worker of the side's one group, without waiting."""

    def ticking(self, name: str) -> tuple[dict[str, str], str]:
        """Give a connector that commits about once a second, and the topic that grows by it."""

    def idle(self, name: str, tasks: int) -> dict[str, str]:
        """Give a connector of so many tasks that wait for an hour."""


class Ours:
    """The product, as `wellhead worker` runs it."""

    name = "ours"

    def __init__(self, stack: Stack, folder: Path, vendor_url: str) -> None:
        self._stack = stack
        self._folder = folder
        self._vendor_url = vendor_url
        self._ports = PortLease()
        self.nodes: list[Node] = []
        folder.mkdir(parents=True, exist_ok=True)

    def spawn(self) -> Node:
        """Start a worker without waiting; everything is left at its defaults but addresses and replication."""
        number = len(self.nodes)
        url = f"http://127.0.0.1:{self._ports.take(1)[0]}"
        worker = {
            "group.id": "wellhead-benchmark",
            "kafka": {"bootstrap.servers": self._stack.bootstrap_servers},
            "schema.registry.url": self._stack.registry_url,
            "listeners": url,
            "spool.dir": str(self._folder / "spool"),
        }
        path, log = self._folder / f"worker-{number}.json", self._folder / f"worker-{number}.log"
        path.write_text(json.dumps({"worker": worker}))
        command = [sys.executable, "-m", "wellhead", "worker", "-c", str(path)]
        started_secs = time.monotonic()
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=dict(os.environ))

        def end(how: signal.Signals) -> None:
            if process.poll() is None:
                process.send_signal(how)
            try:
                process.wait(STOP_SECS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

        self.nodes.append(Node(url, process.pid, started_secs, log, end))
        return self.nodes[-1]

    def ticking(self, name: str) -> tuple[dict[str, str], str]:
        """Give a connector that asks a vendor without data every second; each run's record is a commit."""
        return self._words(name, "1"), "wellhead-runs"

    def idle(self, name: str, tasks: int) -> dict[str, str]:
        """Give a connector of so many tenants."""
        words = self._words(name, str(IDLE_SECS))
        if tasks == 1:
            return words
        del words["tenant"]
        return words | {"tenants": ",".join(f"{name}-{number}" for number in range(tasks))}

    def _words(self, name: str, interval_secs: str) -> dict[str, str]:
        return {
            "connector.class": "wss",
            "tenant": name,
            "topic.prefix": "benchmark.",
            "topic.creation.default.partitions": "1",
            "url": self._vendor_url,
            "username": "benchmark",
            "password": "benchmark",
            "quiet_secs": "0",
            "poll.interval.secs": interval_secs,
            "poll.jitter.ratio": "0",
        }


class Connect:
    """Kafka Connect with the flags of its own start script, exactly-once, but without its wait of five minutes for the dead."""

    name = "connect"

    def __init__(self, stack: Stack, folder: Path, topics: Topics) -> None:
        self._servers = stack.bootstrap_servers
        self._folder = folder
        self._topics = topics
        self.nodes: list[Node] = []
        self._classes = compiled(folder / "classes")

    def spawn(self) -> Node:
        """Start a worker without waiting."""
        flags = ("-Xms256m", *JAVA_FLAGS)
        settings = {"exactly.once.source.support": "enabled"}
        options = ConnectOptions(HEAP_MB, flags, [self._classes], settings)
        worker = ConnectWorker(self._servers, self._folder / f"worker-{len(self.nodes)}", options)
        started_secs = time.monotonic()
        worker.spawn()

        def end(how: signal.Signals) -> None:
            if how == signal.SIGKILL:
                worker.kill()
            worker.stop(STOP_SECS)

        self.nodes.append(Node(worker.url, worker.pid, started_secs, worker.process.log_path, end))
        return self.nodes[-1]

    def ticking(self, name: str) -> tuple[dict[str, str], str]:
        """Give a connector that makes a record a second."""
        topic = f"{name}-ticks"
        self._topics.create(topic)
        return self._words(topic, 1), topic

    def idle(self, name: str, tasks: int) -> dict[str, str]:
        """Give a connector of so many tasks; their first record is their only one."""
        topic = f"{name}-idle"
        self._topics.create(topic)
        return self._words(topic, IDLE_SECS) | {"tasks.max": str(tasks)}

    @staticmethod
    def _words(topic: str, interval_secs: int) -> dict[str, str]:
        return {"connector.class": TICK, "tasks.max": "1", "topic": topic, "interval.ms": str(interval_secs * 1000)}


@contextmanager
def ended(*sides: Side) -> Iterator[None]:
    """Leave no worker behind, whatever happens in the block."""
    try:
        yield
    finally:
        for side in sides:
            for node in side.nodes:
                node.kill()


def create(node: Node, name: str, words: Mapping[str, str]) -> None:
    """Make a connector."""
    node.ask("POST", "/connectors", {"name": name, "config": words})


def running(node: Node) -> dict[str, int]:
    """Give how many tasks run on each worker, as one tells it."""
    counts: dict[str, int] = {}
    for told in node.ask("GET", "/connectors?expand=status").values():
        for task in told["status"]["tasks"]:
            if task["state"] == "FAILED":
                raise RuntimeError(f"a task failed: {task.get('trace', '')[:1000]}; log: {node.log}")
            if task["state"] == "RUNNING":
                counts[task["worker_id"]] = counts.get(task["worker_id"], 0) + 1
    return counts


def until(reached: Callable[[], object], node: Node, what: str) -> float:
    """Wait, give the monotonic time at which it was so.

    Raises:
        RuntimeError: It is not so in time.
    """
    deadline = time.monotonic() + PATIENCE_SECS
    while not reached():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {PATIENCE_SECS:g} s: {what}; the log of {node.url} ends with\n{tail(node.log)}")
        time.sleep(0.1)
    return time.monotonic()
