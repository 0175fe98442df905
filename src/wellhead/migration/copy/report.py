"""Takes what is known of a job, gives how far it is and what became of every document, for people and machines; never reads a topic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from wellhead.migration.copy.job import Job
from wellhead.migration.copy.state import JobState
from wellhead.migration.copy.tally import Tally, total

_MS = 1000


@dataclass(frozen=True, slots=True)
class Report:
    """A job at one moment.

    Attributes:
        job: Its name.
        source: Where documents come from.
        target: Where they go.
        clients: Whose.
        complete: Whether all is done.
        slices: How many there are; 0 before they are planned.
        slices_done: How many of them are done.
        docs: How many documents the plan counted.
        tally: What became of those read so far.
        by_index: What became of them by index or topic they came from.
        members: Processes that took part.
        began_ms: When it was planned.
        last_ms: When the last page was written.
    """

    job: str
    source: str
    target: str
    clients: str
    complete: bool
    slices: int
    slices_done: int
    docs: int
    tally: Tally
    by_index: Mapping[str, Tally]
    members: tuple[str, ...]
    began_ms: int
    last_ms: int

    @property
    def secs(self) -> float:
        """From the plan to the last page."""
        return max(0, self.last_ms - self.began_ms) / _MS

    @property
    def is_good(self) -> bool:
        """Whether the target has everything that was asked for."""
        return self.complete and not self.tally.refused

    def fields(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        rate = self.tally.read / self.secs if self.secs else 0.0
        return {
            **asdict(self),
            "began": _time(self.began_ms),
            "last": _time(self.last_ms),
            "secs": round(self.secs, 3),
            "docs_per_sec": round(rate, 1),
            "is_good": self.is_good,
        }


def report_of(job: Job, state: JobState) -> Report:
    """Give how far `job` is."""
    plan, slices, progress = state.plan, state.slices(), state.all_progress()
    places: dict[str, list[Tally]] = {}
    for each in slices:
        if each.number in progress:
            places.setdefault(each.place, []).append(progress[each.number].tally)
    return Report(
        job=job.name,
        source=job.source,
        target=job.target,
        clients=job.clients,
        complete=state.is_complete(),
        slices=plan.slices if plan else 0,
        slices_done=sum(each.done for each in progress.values()),
        docs=plan.docs if plan else 0,
        tally=total(each.tally for each in progress.values()),
        by_index={place: total(tallies) for place, tallies in sorted(places.items())},
        members=tuple(state.members()),
        began_ms=plan.at_ms if plan else 0,
        last_ms=max((each.at_ms for each in progress.values()), default=plan.at_ms if plan else 0),
    )


def lines_of(report: Report) -> list[str]:
    """Give it for people."""
    tally = report.tally
    state = "done" if report.complete else "not done" if report.slices else "not planned yet"
    lines = [
        f"migration {report.job}: {state}",
        f"  from {report.source} to {report.target}, clients {report.clients}",
        f"  slices            {report.slices_done:>14,} of {report.slices:,}",
        f"  documents read    {tally.read:>14,} of {report.docs:,} counted",
    ]
    counts = (
        ("copied", tally.copied),
        ("already there", tally.there),
        ("newer there", tally.newer),
        ("of others, skipped", tally.skipped),
        ("refused", tally.refused),
    )
    lines += [f"    {name:<18}{number:>12,}" for name, number in counts]
    lines += [f"      {number:,}: {reason}" for reason, number in sorted(tally.reasons.items(), key=lambda each: -each[1])]
    rate = f", {tally.read / report.secs:,.0f} documents/s" if report.secs else ""
    lines.append(f"  {tally.bytes / 1e6:,.1f} MB written in {report.secs:,.1f} s{rate}, by {len(report.members)} processes")
    return lines


def _time(at_ms: int) -> str | None:
    return datetime.fromtimestamp(at_ms / _MS, UTC).isoformat(timespec="seconds") if at_ms else None
