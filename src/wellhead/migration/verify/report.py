"""Gives all that a comparison of two stores found as one value, its verdict and its JSON; never decides what is a difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from wellhead.migration.verify.findings import Narrowed, Totals
from wellhead.migration.verify.rereads import ApiDifference
from wellhead.migration.verify.settling import Settled
from wellhead.migration.verify.spans import Span, told
from wellhead.migration.verify.tops import TopDifference

Verdict = Literal["equal", "different", "incomparable"]
EXIT_CODES: Final[dict[Verdict, int]] = {"equal": 0, "different": 1, "incomparable": 2}
_DAYS_SHOWN = 200
_FORMAT = 1


@dataclass(slots=True)
class Report:
    """What was compared and what came of it.

    Attributes:
        source: Name and place of the source.
        target: Likewise of the target.
        clients: Whose documents, as it was asked for.
        span: Of which time.
        totals: Counts by kind.
        settled: Documents that differ for good.
        unnamed: Documents that differed at the one look they got, beyond those that were looked at again.
        narrowed: Days that still differ, or in which documents do.
        tops: Rankings that differ.
        api: What the read API would say differently.
        sampled: Whole documents compared at random.
        asked_api: Questions of the read API.
        notes: What a person should know.
        failure: Why the stores could not be compared; None where they were.
        took_secs: How long it took.
        searches: Searches by side.
    """

    source: str
    target: str
    clients: str
    span: Span
    totals: Mapping[str, Totals] = field(default_factory=dict)
    settled: Settled = field(default_factory=Settled)
    unnamed: Mapping[str, int] = field(default_factory=dict)
    narrowed: list[Narrowed] = field(default_factory=list)
    tops: list[TopDifference] = field(default_factory=list)
    api: list[ApiDifference] = field(default_factory=list)
    sampled: int = 0
    asked_api: int = 0
    notes: list[str] = field(default_factory=list)
    failure: str | None = None
    took_secs: float = 0.0
    searches: Mapping[str, int] = field(default_factory=dict)

    @property
    def docs(self) -> int:
        """How many documents there are, on the fuller side."""
        return sum(max(each.left, each.right) for each in self.totals.values())

    @property
    def differing(self) -> int:
        """How many documents differ."""
        return self.settled.total + sum(self.unnamed.values())

    @property
    def verdict(self) -> Verdict:
        """Say whether the stores hold the same."""
        if self.failure is not None:
            return "incomparable"
        return "different" if self.differing or self.narrowed or self.tops or self.api else "equal"

    @property
    def exit_code(self) -> int:
        """0 equal, 1 different, 2 could not be compared."""
        return EXIT_CODES[self.verdict]

    def fields(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return {
            "format": _FORMAT,
            "verdict": self.verdict,
            "failure": self.failure,
            "from": self.source,
            "to": self.target,
            "clients": self.clients,
            "from_date": told(self.span.first_ms, "hour"),
            "to_date": told(self.span.end_ms, "hour"),
            "kinds": {kind: _renamed(asdict(each)) for kind, each in self.totals.items()},
            "differing_documents": self.differing,
            "by_what": dict(self.settled.by_what),
            "not_looked_at_again": dict(self.unnamed),
            "moving": self.settled.moving,
            "documents": [each.as_json() for each in self.settled.differences],
            "days": [each.fields() for each in self.narrowed[:_DAYS_SHOWN]],
            "differing_days": len(self.narrowed),
            "tops": [each.fields() for each in self.tops],
            "api": [each.fields() for each in self.api],
            "sampled_documents": self.sampled,
            "api_questions": self.asked_api,
            "notes": self.notes,
            "took_secs": round(self.took_secs, 3),
            "searches": dict(self.searches),
        }


def _renamed(totals: dict[str, Any]) -> dict[str, Any]:
    return {"from": totals.pop("left"), "to": totals.pop("right"), **totals}
