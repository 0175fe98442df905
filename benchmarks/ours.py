"""Takes a vendor and a stack, gives what the shipped `wellhead run` used to pull it: real process, default settings."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.usage import Sample, Usage, Watch, run
from wellhead.stack import Stack

SUBJECT = "wss.access_log"


class Worker:
    """The product as a user starts it.

    Args:
        stack: Where it publishes.
        folder: Where its deployments, logs and spool lie, on tmpfs.
        words: What else its worker is told.
    """

    def __init__(self, stack: Stack, folder: Path, words: Mapping[str, object] | None = None) -> None:
        self._stack = stack
        self._folder = folder
        self._words = words or {}
        folder.mkdir(parents=True, exist_ok=True)

    def command(self, url: str, name: str, *, once: bool = True, **settings: object) -> list[str]:
        """Write the deployment of one tenant, new to Kafka by its name, and give the command that runs it."""
        worker = {
            "group.id": name,
            "kafka": {"bootstrap.servers": self._stack.bootstrap_servers},
            "schema.registry.url": self._stack.registry_url,
            "listeners": "",
            "spool.dir": str(self._folder),
            **self._words,
        }
        connector = {
            "connector.class": "wss",
            "tenant": name,
            "topic.prefix": f"{name}.",
            "topic.creation.default.partitions": 1,
            "url": url,
            "username": "benchmark",
            "password": "benchmark",
            **settings,
        }
        deployment = self._folder / f"{name}.json"
        deployment.write_text(json.dumps({"worker": worker, "connectors": {name: connector}}, indent=1) + "\n")
        return [sys.executable, "-m", "wellhead", "run", *(["--once"] if once else []), str(deployment)]

    def log(self, name: str) -> Path:
        """Where a run's output goes."""
        return self._folder / f"{name}.log"

    def topic(self, name: str) -> str:
        """The topic a run writes to."""
        return f"{name}.{SUBJECT}"

    def pull(self, url: str, name: str, end: Callable[[str], int]) -> tuple[Usage, list[Sample]]:
        """Pull everything the vendor has, once; `end` tells how far a topic has grown."""
        with Watch(lambda: end(self.topic(name))) as watch:
            used = run(self.command(url, name), self.log(name))
            watch.take()  # what was committed since the last sample
        return used, watch.samples
