"""Gives a real OpenTelemetry collector, built once from its locked sources, on loopback, and what it says it was sent."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from go_built import go_built

from wellhead.stack.ports import LOOPBACK, PortLease

LOCK = Path(__file__).parent / "otelcol_lock"
VERSION = "0.160.0"
START_SECS = 60.0


class Otelcol:
    """A collector that runs.

    Attributes:
        endpoint: Where it takes OTLP over HTTP.
    """

    def __init__(self, port: int, log: Path) -> None:
        self.endpoint = f"http://{LOOPBACK}:{port}"
        self._log = log

    def said(self) -> str:
        """Give what it printed of what it was sent, and of itself."""
        return self._log.read_text()

    def until_said(self, *patterns: str) -> str:
        """Wait until it printed something that fits each pattern; give all it printed."""
        deadline_secs = time.monotonic() + START_SECS
        while missing := [each for each in patterns if not re.search(each, self.said())]:
            assert time.monotonic() < deadline_secs, f"{missing} is not in what it said: {self.said()[-6_000:]}"
            time.sleep(0.05)
        return self.said()


@contextmanager
def otelcol(folder: Path) -> Iterator[Otelcol]:
    """Run a collector that takes OTLP over HTTP and prints every signal in full; it is gone afterwards."""
    program, lease = go_built("otelcol", VERSION, LOCK, "."), PortLease()
    (port,) = lease.take(1)
    pipeline = {"receivers": ["otlp"], "exporters": ["debug"]}
    config = {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"{LOOPBACK}:{port}"}}}},
        "exporters": {"debug": {"verbosity": "detailed"}},
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"metrics": pipeline, "traces": pipeline, "logs": pipeline},
        },
    }
    path = folder / "otelcol.log"
    try:
        with path.open("wb") as log:
            process = subprocess.Popen([str(program), "--config", f"yaml:{json.dumps(config)}"], stdout=log, stderr=log)
        try:
            running = Otelcol(port, path)
            running.until_said("Everything is ready")
            yield running
        finally:
            process.terminate()
            process.wait(30)
    finally:
        lease.release()
