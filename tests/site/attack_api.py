"""Runs `wellhead attacks serve` as a process of its own over given stores, and edits its file while it runs."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import httpx
from prometheus_client.parser import text_string_to_metric_families

DEADLINE_SECS = 60.0


class AttackApi:
    """The process, its file and a client of it."""

    def __init__(
        self, folder: Path, prefix: str, stores: Mapping[str, str], *, worker: Mapping[str, Any] | None = None, **serve: Any
    ) -> None:
        self._file = folder / "attacks.json"
        self._log = folder / "serve.log"
        self._serve: dict[str, Any] = {"listeners": "http://127.0.0.1:0", **serve}
        self._content = {
            "worker": {"kafka.bootstrap.servers": "127.0.0.1:1", "schema.registry.url": "http://127.0.0.1:1", **(worker or {})},
            "attacks": {
                "wallarm": {
                    "topic": "wallarm.hit",
                    "rules": ["wallarm/basic"],
                    "redis.url": "redis://127.0.0.1:1/0",
                    "stores": {name: {"url": url, "index.prefix": prefix} for name, url in stores.items()},
                }
            },
        }
        self.edit()
        with self._log.open("wb") as log:
            command = [sys.executable, "-m", "wellhead", "attacks", "serve", str(self._file)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def __enter__(self) -> Self:
        try:
            self.url = self.until(self._started)["listening"][0]
            self.client = httpx.Client(base_url=self.url, timeout=DEADLINE_SECS, trust_env=False)
            self.until(lambda: self.get("/ready").status_code == 200)
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.end()

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(DEADLINE_SECS)
        finally:
            self.process.kill()

    def edit(self, **serve: Any) -> None:
        """Put some options of `serve` into the file, in one step."""
        self._serve |= {name.replace("_", "."): value for name, value in serve.items()}
        self._content["attacks"]["wallarm"]["serve"] = self._serve
        self.write(json.dumps(self._content))

    def write(self, text: str) -> None:
        """Put any text in the place of the file."""
        other = self._file.with_suffix(".new")
        other.write_text(text)
        other.replace(self._file)

    def hang_up(self) -> None:
        os.kill(self.process.pid, signal.SIGHUP)

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.client.get(path, params=params)

    def settings(self) -> dict[str, Any]:
        return self.get("/health").json()["settings"]

    def metric(self, name: str, **labels: str) -> float:
        """Give the sum of a counter's or gauge's samples with these labels."""
        families = text_string_to_metric_families(self.get("/metrics").text)
        return sum(
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def said(self) -> list[dict[str, Any]]:
        """Give its log lines."""
        return [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]

    def log(self) -> str:
        return self._log.read_text()

    def until(self, condition: Callable[[], Any]) -> Any:
        """Wait for a condition, and give what it gave."""
        deadline_secs = time.monotonic() + DEADLINE_SECS
        while not (found := condition()):
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline_secs, self.log()
            time.sleep(0.05)
        return found

    def _started(self) -> dict[str, Any] | None:
        return next((line for line in self.said() if line["event"] == "started"), None)
