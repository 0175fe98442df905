"""Takes the way between two cursors and the runs that made it, gives what it takes to go it again, never a number it cannot know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from wellhead.recovery.way import Between, Step

_MINUTE_SECS = 60
_MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Run:
    """A run as its record tells of it.

    Attributes:
        run_id: Which.
        before: The cursor it began from.
        after: The cursor it ended at, None where it moved none.
        started_ms: When, epoch ms.
        ended_ms: When, epoch ms.
        records: What it published.
        rejects: What it dead-lettered.
        api_calls: What it asked of the vendor.
    """

    run_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    started_ms: int
    ended_ms: int
    records: int
    rejects: int
    api_calls: int

    def as_step(self) -> Step:
        """Give the run as one move of the cursor."""
        return Step(self.before, self.after, self.ended_ms, self.run_id, self.records, self.rejects)


class Forecast(BaseModel):
    """What a stream does until it stands again where it stands now; a number that cannot be known is None."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    direction: Literal["back", "forward", "none", "unknown"] = Field(
        description="back: it reads again; forward: it passes over; unknown: the history does not hold the cursor."
    )
    records: int | None = Field(default=None, description="Records that are published again, or passed over.")
    rejects: int | None = Field(default=None, description="Records that are dead-lettered again, or passed over.")
    api_calls: int | None = Field(default=None, description="Vendor calls, if reading costs as many as it did.")
    minutes: float | None = Field(default=None, description="Minutes of reading, if it takes as long as it did.")
    quota_minutes: float | None = Field(default=None, description="Minutes at least, for the calls allowed to the connector.")
    quota_ratio: float | None = Field(
        default=None, description="Share of a day's calls, where the connector has a daily budget."
    )
    note: str = Field(default="", description="What the numbers rest on, or why there are none.")


@dataclass(frozen=True, slots=True)
class Quota:
    """What a connector may ask of its vendor.

    Attributes:
        interval_secs: Least seconds between two calls.
        calls_per_day: Most calls a day, None without such a limit.
    """

    interval_secs: float = 0.0
    calls_per_day: int | None = None


def forecast(between: Between | None, runs: Mapping[str, Run], quota: Quota = Quota(), *, why_not: str = "") -> Forecast:
    """Tell what the way `between` takes.

    Args:
        between: The way; None where it is not known.
        runs: The runs that are still on record, by id.
        quota: What the connector may ask.
        why_not: What to say where the way is not known.
    """
    if between is None:
        return Forecast(
            direction="unknown", note=why_not or "the history does not hold this cursor: what lies between cannot be known"
        )
    records = sum(step.records for step in between.steps)
    rejects = sum(step.rejects for step in between.steps)
    if between.direction != "back":
        return Forecast(direction=between.direction, records=records, rejects=rejects, api_calls=0, minutes=0.0)
    cost = _cost(between.steps, runs)
    return Forecast(
        direction="back",
        records=records,
        rejects=rejects,
        api_calls=cost.calls,
        minutes=None if cost.secs is None else round(cost.secs / _MINUTE_SECS, 1),
        quota_minutes=_quota_minutes(cost.calls, quota),
        quota_ratio=None if cost.calls is None or quota.calls_per_day is None else round(cost.calls / quota.calls_per_day, 3),
        note=cost.note,
    )


@dataclass(frozen=True, slots=True)
class _Cost:
    calls: int | None
    secs: float | None
    note: str


def _cost(steps: Iterable[Step], runs: Mapping[str, Run]) -> _Cost:
    """Add up what the runs that made `steps` cost, each by the share of it that these steps are."""
    made: dict[str, int] = {}
    for step in steps:
        made[step.run_id] = made.get(step.run_id, 0) + step.records + step.rejects
    known = {run_id: runs[run_id] for run_id in made if run_id in runs}
    if not made:
        return _Cost(0, 0.0, "")
    if not known:
        return _Cost(
            None, None, "no run that made this way is on record any more (runs.topic), so calls and time cannot be known"
        )
    shares = {run_id: _share(made[run_id], run.records + run.rejects) for run_id, run in known.items()}
    calls = sum(run.api_calls * shares[run_id] for run_id, run in known.items())
    secs = sum((run.ended_ms - run.started_ms) / 1000 * shares[run_id] for run_id, run in known.items())
    if len(known) == len(made):
        return _Cost(ceil(calls), secs, "")
    weight = sum(made.values()) / max(1, sum(made[run_id] for run_id in known))
    return _Cost(
        ceil(calls * weight), secs * weight, f"calls and time: from {len(known)} of {len(made)} runs, the others are off record"
    )


def _share(part: int, whole: int) -> float:
    return min(1.0, part / whole) if whole else 1.0


def _quota_minutes(calls: int | None, quota: Quota) -> float | None:
    if calls is None or not (quota.interval_secs or quota.calls_per_day):
        return None
    by_day = 0.0 if quota.calls_per_day is None else calls / quota.calls_per_day * _MINUTES_A_DAY
    return round(max(calls * quota.interval_secs / _MINUTE_SECS, by_day), 1)
