"""Proves with real workers on a real broker that log files which rotate meanwhile are read whole and once, whatever kills the worker."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import readback
from worker_file import worker_section

SCHEMA = (Path(__file__).parents[3] / "schemas/webgateway.access_log/v1.avsc").read_text()
HEADER = b'#time_stamp src_ip status_code "req_line"\n'
DEADLINE_SECS = 90.0

pytestmark = pytest.mark.timeout(400)


class Gateway:
    """A log that is written and rotated."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log, self.written, self.rotated = folder, folder / "access.log", 0, 0
        self.log.write_bytes(HEADER)

    def write(self, count: int) -> None:
        with self.log.open("ab") as log:
            for number in range(self.written, self.written + count):
                stamp = f"03/Feb/2026:10:{number // 60 % 60:02}:{number % 60:02} +0100"
                log.write(f'[{stamp}] 198.51.100.24 200 "GET http://www.example.org/{number} HTTP/1.1"\n'.encode())
        self.written += count

    def rotate(self) -> None:
        """Rename the log, begin a new one, and compress the one that was renamed before."""
        before = self.folder / f"access.log.{self.rotated}"
        self.rotated += 1
        self.log.rename(self.folder / f"access.log.{self.rotated}")
        self.log.write_bytes(HEADER)
        if before.exists():
            packed = self.folder / f".packing.{before.name}"
            packed.write_bytes(gzip.compress(before.read_bytes()))
            packed.rename(before.with_name(f"{before.name}.gz"))
            before.unlink()


def started(file: Path) -> subprocess.Popen[bytes]:
    with file.with_suffix(".log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "wellhead", "run", str(file)], stdout=log, stderr=log, env=dict(os.environ)
        )


def until(reached: Callable[[], object], what: str, file: Path) -> None:
    deadline = time.monotonic() + DEADLINE_SECS
    while not reached():
        assert time.monotonic() < deadline, f"{what}: not reached; {file.with_suffix('.log').read_text()[-3_000:]}"
        time.sleep(0.1)


def test_every_line_is_read_once_over_rotations_and_two_kills(stack, unique, tmp_path):
    """Lines are written and files renamed and compressed while the worker runs, and while it is dead: each is one record."""
    (tmp_path / "logs").mkdir()
    gateway = Gateway(tmp_path / "logs")
    file = tmp_path / "deployment.json"
    connector = {
        "connector.class": "webgateway",
        "topic.prefix": unique,
        "tenant": "acme",
        "paths": f"{gateway.folder}/access.log*",
        "scan_secs": 0.1,
        "chunk_bytes": 16_384,
    }
    worker = worker_section(stack.bootstrap_servers, stack.registry_url, unique, tmp_path)
    file.write_text(json.dumps({"worker": worker, "connectors": {"gateway": connector}}))

    def urls() -> Counter[str]:
        records = readback.records(stack.bootstrap_servers, f"{unique}webgateway.access_log", SCHEMA)
        return Counter(record["url"] for record in records)

    gateway.write(3_000)
    running = started(file)
    try:
        for _ in range(2):
            seen = gateway.written - 2_000
            until(lambda wanted=seen: urls().total() >= wanted, "the lines before the kill", file)
            for _ in range(3):
                gateway.write(700)
                gateway.rotate()
            running.kill()
            running.wait(30)
            gateway.write(500)
            gateway.rotate()
            gateway.write(500)
            running = started(file)
        gateway.write(10)
        until(lambda: urls().total() >= gateway.written, "all lines", file)
    finally:
        running.kill()
        running.wait(30)
    assert urls() == Counter(f"http://www.example.org/{number}" for number in range(gateway.written))
