"""Takes what was measured and since when, gives findings and the rows that are written of them; decides nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

DetectorName = Literal["established", "share", "idle", "orphaned", "growth"]
Kind = Literal["opened", "updated", "closed"]
Action = Literal["bypass", "limit_destination", "raise_limit", "watch"]
Reason = Literal["above", "below", "silent"]
Source = Literal["connections", "access_log"]

SUBJECT = "floods.finding"
MAX_EVIDENCE = 10
MAX_CLIENTS = 10
MAX_MEMBERS = 20


@dataclass(frozen=True, slots=True)
class Sample:
    """One connection that was counted, as it was last seen; None where the source could not see it."""

    local: str
    remote: str
    name: str | None
    since_ms: int
    age_secs: float
    idle_secs: float | None = None
    bytes_sent: int | None = None
    bytes_received: int | None = None
    process: str | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """A client and how many of the counted connections are its own."""

    client: str
    count: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What can be done now.

    Attributes:
        action: What kind of thing.
        entry: What to write where: the host pattern of a bypass or limit; None where there is nothing to write.
        text: The same in words.
    """

    action: Action
    entry: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A flood, as it stands.

    Attributes:
        id: Hash of gateway, source, detector, family and since when; the same whenever the same records are read.
        gateway: Where.
        source: What it was seen in.
        detector: What it was seen by.
        family: The destination, `*.example.net` or an address; `*` for the gateway as a whole.
        members: Names and addresses that were counted, the largest first, at most 20.
        kind: What became of it now.
        reason: `above` its limit; closed because it is `below`, or because the gateway is `silent` and nothing is known.
        since_ms: When its measure was first above the limit, without being below since.
        time_ms: When this was so, by the records' time.
        count: Connections counted (an access log: on average over its window).
        at_least: Of these, so many for certain, where `count` is an estimate (`orphaned`); else the same as `count`.
        total: What `share` is a share of: connections to destinations; with `established`, all.
        share: `count` of `total`, 0 to 1.
        clients: Different clients that asked for it; None where the source does not tell.
        clients_top: The clients that asked most.
        growth_per_min: Connections a minute it grew by; None while that is not known.
        evidence: Some of the connections, the oldest first.
        suggestion: What to do.
        thresholds: The limits it was judged by.
        approximate: Whether there were too many families to count each exactly.
        version: Grows with every change of the finding.
    """

    id: str
    gateway: str
    source: Source
    detector: DetectorName
    family: str
    members: tuple[str, ...]
    kind: Kind
    reason: Reason
    since_ms: int
    time_ms: int
    count: int
    at_least: int
    total: int
    share: float
    clients: int | None
    clients_top: tuple[Client, ...]
    growth_per_min: float | None
    evidence: tuple[Sample, ...]
    suggestion: Suggestion
    thresholds: Mapping[str, float] = field(default_factory=dict)
    approximate: bool = False
    version: int = 1

    def row(self) -> dict[str, Any]:
        """Give it as a row of `floods.finding`; times are epoch milliseconds."""
        made = asdict(self)
        for name in ("since", "time"):
            made[name] = made.pop(f"{name}_ms")
        for sample in made["evidence"]:
            sample["since"] = sample.pop("since_ms")
        return {name: list(value) if isinstance(value, tuple) else value for name, value in made.items()}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Finding:
        """Give back a finding from what `dataclasses.asdict` and JSON made of it."""
        made = dict(kept)
        made["members"] = tuple(made["members"])
        made["clients_top"] = tuple(Client(**one) for one in made["clients_top"])
        made["evidence"] = tuple(Sample(**one) for one in made["evidence"])
        made["suggestion"] = Suggestion(**made["suggestion"])
        return cls(**made)


def finding_id(gateway: str, source: Source, detector: DetectorName, family: str, since_ms: int) -> str:
    """Give the id of a finding: the same for the same records, read again or by another process."""
    text = "\n".join((gateway, source, detector, family, str(since_ms)))
    return hashlib.sha256(text.encode()).hexdigest()[:24]
