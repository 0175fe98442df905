"""Gives a simulated tenant with a target pointed at it, and files to deliver."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connectors.ngsiem.options import NgsiemConfig
from connectors.ngsiem.session import StreamingSession
from connectors.ngsiem.simulator import NgsiemSimulator, Settings, create
from connectors.ngsiem.target import NgsiemTarget
from wellhead.targets import LookupFile, RowChanges
from wellhead.testing.blockingclock import SteppingClock
from wellhead.testing.server import serve

HEADER = '"ip","note"\n'


@dataclass
class Tenant:
    """A target, and the other side of it."""

    target: NgsiemTarget
    simulator: NgsiemSimulator
    clock: SteppingClock
    url: str

    def calls(self, method: str = "") -> list[str]:
        """Give the requests so far as `METHOD last-part status`, tokens left out."""
        seen = [record for record in self.simulator.requests if "oauth2" not in record.path]
        return [f"{record.method} {record.path.split('/')[-2]} {record.status}" for record in seen if method in record.method]

    @property
    def tokens(self) -> int:
        return sum("oauth2" in record.path for record in self.simulator.requests)

    def kept(self, name: str = "ip.csv", place: str = "falcon") -> bytes | None:
        return self.simulator.shelf.get(place, name)


@pytest.fixture
def tenant() -> Iterator[Callable[..., Tenant]]:
    """Make tenants: settings of the simulator under `settings`, a session under `session`, all else are options."""
    with contextlib.ExitStack() as stack:

        def make(*, settings: dict[str, Any] | None = None, session: StreamingSession | None = None, **options: Any) -> Tenant:
            clock = SteppingClock()
            simulator = create(Settings(**(settings or {})), clock=clock)
            url = stack.enter_context(serve(simulator))
            config = NgsiemConfig.model_validate({**simulator.options(url), "verify_secs": 4, **options})
            return Tenant(stack.enter_context(NgsiemTarget(config, clock, session)), simulator, clock, url)

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


@pytest.fixture
def changes(tmp_path: Path) -> Callable[..., RowChanges]:
    """Make changed rows."""

    def make(rows: str, key_columns: tuple[str, ...] = ("ip",)) -> RowChanges:
        path = tmp_path / "changes.csv"
        path.write_text(HEADER + rows)
        return RowChanges(path, rows.count("\n"), key_columns)

    return make
