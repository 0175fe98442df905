"""Takes what the parts of a flood watch report, gives their totals and the metrics that read them; never talks to a metrics library."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from wellhead.telemetry.instruments import Kind, Point
from wellhead.telemetry.partmetrics import PartMetric, by, of_every_part, one
from wellhead.telemetry.parts import PartTally
from wellhead.telemetry.tally import word

FLOODS: Final = "wellhead.floods"
TOPIC: Final = "wellhead.topic"
EVENT: Final = "wellhead.event"
DETECTOR: Final = "wellhead.detector"
GATEWAY: Final = "wellhead.gateway"
REASON: Final = "wellhead.reason"


@dataclass(slots=True)
class FlowTally(PartTally):
    """What one process has watched of one topic since it started."""

    label: ClassVar[str] = FLOODS
    topic: str = ""
    records: int = 0
    rejects: int = 0
    commits: int = 0
    state_bytes: int = 0
    told: Counter[tuple[str, str]] = field(default_factory=Counter)
    rebuilds: Counter[str] = field(default_factory=Counter)
    known: dict[str, int] = field(default_factory=dict)
    open_now: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def labels(self) -> dict[str, str | int]:
        """The labels that all metrics of the part carry."""
        return {FLOODS: self.entry, TOPIC: self.topic}

    def watched(self, count: int) -> None:
        """Count records that were taken in."""
        with self.lock:
            self.records += count

    def rejected(self, count: int) -> None:
        """Count records that became dead letters."""
        with self.lock:
            self.rejects += count
            self.dropped_ms = self.clock.now_ms() if count else self.dropped_ms

    def committed(self, findings: Iterable[tuple[str, str]], state_bytes: int) -> None:
        """Count a transaction: the detector and kind of each finding in it, and the bytes of state."""
        with self.lock:
            self.commits += 1
            self.state_bytes += state_bytes
            self.told.update(findings)

    def open_findings(self, by_gateway: Mapping[str, Iterable[str]]) -> None:
        """Tell of every gateway that falls to this process which detectors have a finding open."""
        found: Counter[tuple[str, str]] = Counter()
        with self.lock:
            for gateway, detectors in by_gateway.items():
                # A gateway's name is an outsider's text: only so many, and only words, become labels.
                named = word(gateway, self.known)
                self.known[named] = 1
                found.update((named, detector) for detector in detectors)
            self.open_now = found

    def rebuilt(self, reason: str) -> None:
        """Count a reading of the state topic, by its reason in a word."""
        with self.lock:
            self.rebuilds[word(reason, self.rebuilds)] += 1

    def _totals(self) -> dict[str, Any]:
        return {
            "records": self.records,
            "rejected": self.rejects,
            "open_findings": sum(self.open_now.values()),
            "gateways": len(self.known),
            "rebuilds": sum(self.rebuilds.values()),
        }


@dataclass(slots=True)
class BypassTally(PartTally):
    """What one process has written to a bypass file since it started."""

    label: ClassVar[str] = FLOODS
    entries: int | None = None
    writes: int = 0
    kept_out: int = 0
    written_ms: int | None = None

    def written(self, entries: int, kept_out: int, *, changed: bool) -> None:
        """Tell how many entries the file has now, how many were kept out of it, and whether it was replaced."""
        with self.lock:
            self.entries, self.kept_out = entries, kept_out
            self.writes += int(changed)
            self.written_ms = self.clock.now_ms()

    def _totals(self) -> dict[str, Any]:
        return {"entries": self.entries, "kept_out": self.kept_out, "writes": self.writes}


def _open(tally: FlowTally, _now_ms: int) -> list[Point]:
    return [(count, {GATEWAY: gateway, DETECTOR: detector}) for (gateway, detector), count in tally.open_now.items()]


def _told(tally: FlowTally, _now_ms: int) -> list[Point]:
    return [(count, {DETECTOR: detector, EVENT: kind}) for (detector, kind), count in tally.told.items()]


_C, _G = Kind.COUNTER, Kind.GAUGE

FLOW_METRICS: Final[tuple[PartMetric[FlowTally], ...]] = (
    PartMetric(
        "wellhead.floods.record.count", _C, "{record}", (), "Records taken in, those read again after a restart among them.",
        lambda tally, _: one(tally.records),
    ),
    PartMetric(
        "wellhead.floods.reject.count", _C, "{record}", (), "Records that could not be read and became dead letters.",
        lambda tally, _: one(tally.rejects),
    ),
    PartMetric(
        "wellhead.floods.finding.count", _C, "{finding}", (DETECTOR, EVENT),
        "Findings `opened`, `updated` or `closed`, committed.", _told,
    ),
    PartMetric(
        "wellhead.floods.open", _G, "{finding}", (GATEWAY, DETECTOR),
        "Findings open now, of the gateways that fall to this process; those beyond the 32nd gateway are `other`.", _open,
    ),
    PartMetric(
        "wellhead.floods.commit.count", _C, "{transaction}", (), "Transactions with findings, state and offsets.",
        lambda tally, _: one(tally.commits),
    ),
    PartMetric(
        "wellhead.floods.state.size", _C, "By", (), "Bytes of state written, compressed.",
        lambda tally, _: one(tally.state_bytes),
    ),
    PartMetric(
        "wellhead.floods.rebuild.count", _C, "{rebuild}", (REASON,), "Times a partition's state was read from the state topic.",
        lambda tally, _: by(REASON, tally.rebuilds),
    ),
    *of_every_part("wellhead.floods.watch", "Records", "floods"),
)  # fmt: skip

BYPASS_METRICS: Final[tuple[PartMetric[BypassTally], ...]] = (
    PartMetric(
        "wellhead.floods.bypass.entries", _G, "{entry}", (), "Entries of the bypass file; absent until it was written.",
        lambda tally, _: one(tally.entries),
    ),
    PartMetric(
        "wellhead.floods.bypass.kept_out", _G, "{entry}", (), "Suggested entries that bypass.allow keeps out of the file.",
        lambda tally, _: one(tally.kept_out),
    ),
    PartMetric(
        "wellhead.floods.bypass.write.count", _C, "{write}", (), "Times the bypass file was replaced.",
        lambda tally, _: one(tally.writes),
    ),
    PartMetric(
        "wellhead.floods.bypass.age", _G, "s", (), "Now minus when the bypass file was last known to be right.",
        lambda tally, now_ms: one(None if tally.written_ms is None else max(0, now_ms - tally.written_ms) / 1000),
    ),
)  # fmt: skip
