"""Gives a simulated cluster with a target pointed at it, and files to deliver."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connectors.logscale.options import LogscaleConfig
from connectors.logscale.simulator import LogscaleSimulator, Settings, create
from connectors.logscale.target import LogscaleTarget
from wellhead.targets import LookupFile
from wellhead.testing.blockingclock import SteppingClock
from wellhead.testing.server import serve

HEADER = '"ip","note"\n'


@dataclass
class Cluster:
    """A target, and the other side of it."""

    target: LogscaleTarget
    simulator: LogscaleSimulator
    clock: SteppingClock
    url: str

    def calls(self) -> list[str]:
        return [f"{record.method} {record.path} {record.status}" for record in self.simulator.requests]

    def kept(self, name: str = "ip.csv") -> bytes | None:
        return self.simulator.shelf.get("threat-intel", name)


@pytest.fixture
def cluster() -> Iterator[Callable[..., Cluster]]:
    """Make clusters: settings of the simulator under `settings`, all else are options."""
    with contextlib.ExitStack() as stack:

        def make(*, settings: dict[str, Any] | None = None, **options: Any) -> Cluster:
            clock = SteppingClock()
            simulator = create(Settings(**(settings or {})), clock=clock)
            url = stack.enter_context(serve(simulator))
            config = LogscaleConfig.model_validate({**simulator.options(url), "verify_secs": 4, **options})
            return Cluster(stack.enter_context(LogscaleTarget(config, clock)), simulator, clock, url)

        yield make


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., LookupFile]:
    """Make files."""

    def make(rows: str = '"192.0.2.1","a"\n', name: str = "ip.csv") -> LookupFile:
        content = (HEADER + rows).encode()
        path = tmp_path / f"built-{name}"
        path.write_bytes(content)
        return LookupFile(name, path, rows.count("\n"), len(content), hashlib.sha256(content).hexdigest(), ("ip",))

    return make
