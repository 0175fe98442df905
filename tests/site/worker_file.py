"""Gives the worker's half of a test's deployment: servers as told, and topics of the test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def worker_section(bootstrap: str, registry: str, prefix: str, folder: Path) -> dict[str, Any]:
    """Give the `worker` section; `prefix` keeps group and topics apart from other tests'."""
    return {
        "group.id": f"{prefix}group",
        "kafka": {"bootstrap.servers": bootstrap},
        "schema.registry.url": registry,
        "offset.storage.topic": f"{prefix}offsets",
        "offset.storage.partitions": 1,
        "runs.topic": f"{prefix}runs",
        "offset.history.topic": f"{prefix}history",
        "listeners": "",
        "spool.dir": str(folder / "spool"),
    }
