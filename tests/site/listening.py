"""Gives a real worker that listens to what is pushed, what it published, and what it tells of its connections."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError

import readback
from worker_file import worker_section

SCHEMAS = Path(__file__).parents[2] / "schemas"
DEADLINE_SECS = 120.0


class Listening:
    """A deployment that listens, and what became of it."""

    def __init__(self, stack, prefix: str, folder: Path, options: dict, worker: dict, *, subject: str = "push.event") -> None:
        self.bootstrap, self.topic, self.folder = stack.bootstrap_servers, f"{prefix}{subject}", folder
        self.schema = (SCHEMAS / subject / "v1.avsc").read_text()
        connector = {
            "connector.class": "push",
            "topic.prefix": prefix,
            "tenant": "acme",
            "retry.backoff.max.secs": 1,
            **options,
        }
        worker = worker_section(stack.bootstrap_servers, stack.registry_url, prefix, folder) | worker
        self.listener = worker["listeners"]
        self.file = folder / "deployment.json"
        self.file.write_text(json.dumps({"worker": worker, "connectors": {"pushed": connector}}))
        self.workers: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        with (self.folder / "worker.log").open("ab") as log:
            command = [sys.executable, "-m", "wellhead", "run", str(self.file)]
            self.workers.append(subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ)))
        return self.workers[-1]

    def until(self, reached: Callable[[], object], what: str, seen: Callable[[], object] = str) -> None:
        deadline = time.monotonic() + DEADLINE_SECS
        while not reached():
            assert time.monotonic() < deadline, f"{what}: not reached; {seen()}; {self.log()}"
            time.sleep(0.05)

    def records(self) -> list[dict]:
        return readback.records(self.bootstrap, self.topic, self.schema)

    def end(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
            worker.wait(30)

    def log(self) -> str:
        return (self.folder / "worker.log").read_text()[-3_000:]

    def metrics(self, name: str) -> dict[frozenset[tuple[str, str]], float]:
        """Give what a worker with a listener tells of one metric, by labels."""
        with urllib.request.urlopen(f"{self.listener}/metrics", timeout=30) as answer:
            lines = re.findall(rf"^{name}{{(.*)}} (\S+)$", answer.read().decode(), re.MULTILINE)
        return {frozenset(re.findall(r'(\w+)="([^"]*)"', labels)): float(value) for labels, value in lines}

    def health(self) -> str:
        """Give what a worker with a listener says of itself, whether it is well or not."""
        try:
            with urllib.request.urlopen(f"{self.listener}/health", timeout=30) as answer:
                return answer.read().decode()
        except HTTPError as error:
            return error.read().decode()
