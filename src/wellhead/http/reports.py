"""Takes what one process wants, made and saw of a shared budget, gives it as bytes for the log and back, never raises on foreign bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Claim:
    """What one connector of a process says.

    Attributes:
        is_live: Live goes before backfill.
        target: Calls it wants to hold now: those under way, those that wait, and a few ahead.
        calls: The budget as configured, calls within `window_ms`.
        window_ms: Its window.
        done: Calls that have ended, by the offset of the report that granted them.
        back: Calls given back unused, likewise.
    """

    is_live: bool
    target: int
    calls: int
    window_ms: int
    done: Mapping[int, int] = field(default_factory=dict)
    back: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """What the vendor said is left.

    Attributes:
        left: Calls.
        renews_ms: Milliseconds until there are new ones.
        seen: The last offset folded when the call that brought it began: calls that had ended by then are in the vendor's count.
    """

    left: int
    renews_ms: int
    seen: int


@dataclass(frozen=True, slots=True)
class Report:
    """One message of the log.

    Attributes:
        member: Names the process.
        number: Counts its reports.
        claims: By connector; one that is not named holds what it said before.
        pause_ms: How long nobody may call, after a refusal; 0 without one.
        state: The fold after offset `after`, for those who join.
    """

    member: str
    number: int
    claims: Mapping[str, Claim] = field(default_factory=dict)
    pause_ms: int = 0
    told: Told | None = None
    after: int = -1
    state: Mapping[str, Any] | None = None


def to_bytes(report: Report) -> bytes:
    """Give a report as it stands in the log."""
    claims = {
        name: [int(claim.is_live), claim.target, claim.calls, claim.window_ms, _pairs(claim.done), _pairs(claim.back)]
        for name, claim in report.claims.items()
    }
    content: dict[str, Any] = {"member": report.member, "number": report.number, "claims": claims}
    if report.pause_ms:
        content["pause_ms"] = report.pause_ms
    if report.told is not None:
        content["told"] = [report.told.left, report.told.renews_ms, report.told.seen]
    if report.state is not None:
        content |= {"after": report.after, "state": report.state}
    return json.dumps(content, separators=(",", ":")).encode()


def from_bytes(value: bytes | None) -> Report | None:
    """Give the report that bytes hold; None where they are none, as all readers find alike."""
    try:
        content = json.loads(value or b"")
        told = content.get("told")
        return Report(
            member=str(content["member"]),
            number=int(content["number"]),
            claims={str(name): _claim(entry) for name, entry in content["claims"].items()},
            pause_ms=max(0, int(content.get("pause_ms", 0))),
            told=None if told is None else Told(*map(int, told)),
            after=int(content.get("after", -1)),
            state=content.get("state"),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _claim(entry: list[Any]) -> Claim:
    live, target, calls, window_ms, done, back = entry
    return Claim(bool(live), max(0, int(target)), max(1, int(calls)), max(1, int(window_ms)), _counts(done), _counts(back))


def _pairs(counts: Mapping[int, int]) -> list[list[int]]:
    return [[offset, count] for offset, count in sorted(counts.items())]


def _counts(pairs: list[list[int]]) -> dict[int, int]:
    return {int(offset): max(0, int(count)) for offset, count in pairs}
