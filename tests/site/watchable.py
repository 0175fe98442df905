"""A detector as simple as can be, findings made by hand, and the settings of a watch, for tests of what stands around detectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import pyarrow as pa

from wellhead.config.floods import FloodsSettings
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.floods.findings import Finding, Sample, Source, Suggestion

SOURCE: Source = get_args(Source)[0]
NOON_MS = 1_770_120_000_000


def finding(name: str = "f1", **changes: Any) -> Finding:
    """Give a finding of a family that holds most of a gateway's connections, with changes."""
    made: dict[str, Any] = {
        "id": name,
        "gateway": "proxy-1",
        "source": SOURCE,
        "detector": "orphaned",
        "family": "*.ticker.example",
        "members": ("p1.ticker.example", "p2.ticker.example"),
        "kind": "opened",
        "reason": "above",
        "since_ms": NOON_MS - 60_000,
        "time_ms": NOON_MS,
        "count": 1800,
        "at_least": 1700,
        "total": 2000,
        "share": 0.9,
        "clients": None,
        "clients_top": (),
        "growth_per_min": 120.0,
        "evidence": (
            Sample(
                "10.0.0.1:40112",
                "198.51.100.7:443",
                "p1.ticker.example",
                NOON_MS - 900_000,
                900.0,
                840.0,
                512,
                20_480,
                "filter",
            ),
        ),
        "suggestion": Suggestion("bypass", "*.ticker.example", "Let the gateway's content filter pass *.ticker.example by."),
        "thresholds": {"orphan_max": 100.0, "orphan_secs": 15.0},
    }
    return Finding(**(made | changes))


class Counter:
    """Finds something whenever the number it adds up from its records passes a multiple of ten."""

    def __init__(self, gateway: str) -> None:
        self.gateway = gateway
        self.sum, self.more = 0, ""
        self.ticks: list[int] = []
        self.due: list[Finding] = []

    def take(self, batch: pa.RecordBatch, source: Source) -> list[Finding]:
        assert source == SOURCE
        found = []
        for number in batch.column("number").to_pylist():
            before, self.sum = self.sum, self.sum + number
            if self.sum // 10 > before // 10:
                found.append(finding(f"{self.gateway}-{self.sum // 10}", gateway=self.gateway, count=self.sum))
        return found

    def tick(self, now_ms: int) -> list[Finding]:
        self.ticks.append(now_ms)
        found, self.due = self.due, []
        return found

    @property
    def totals(self) -> Mapping[Source, Mapping[str, int]]:
        return {SOURCE: {"established": self.sum, "upstream": self.sum}}

    def snapshot(self) -> dict[str, Any]:
        return {"gateway": self.gateway, "sum": self.sum} | ({"more": self.more} if self.more else {})

    def restore(self, kept: Mapping[str, Any]) -> None:
        if kept["gateway"] != self.gateway:
            raise ValueError(f"this state is of {kept['gateway']}")
        self.sum, self.more = kept["sum"], kept.get("more", "")


def settings(**changes: Any) -> FloodsSettings:
    """Give the settings of a watch of one topic."""
    return FloodsSettings.model_validate({"name": "proxies", "topics": "gate.connection", **changes})


def worker(**changes: Any) -> WorkerSettings:
    """Give the settings of a process that reaches nobody."""
    files = {
        "kafka": {"bootstrap.servers": "127.0.0.1:9"},
        "schema.registry": {"url": "http://127.0.0.1:9"},
        "group.id": "g",
        "listeners": "",
    }
    return WorkerSettings.layered(flags={}, environment={}, files=files | changes)
