"""Declares the metrics of how fresh a stream is, as the table of a task's metrics does; read from the task's tally."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Final

from wellhead.telemetry.instruments import Kind, Point, TaskMetric
from wellhead.telemetry.tally import Tally


def _age_secs(now_ms: int, moment_ms: int | None) -> Iterable[Point]:
    return () if moment_ms is None else ((max(0, now_ms - moment_ms) / 1000, {}),)


def _target(tally: Tally, _now_ms: int) -> Iterable[Point]:
    return ((tally.freshness_target_secs, {}),) if isfinite(tally.freshness_target_secs) else ()


def _overdue(tally: Tally, now_ms: int) -> Iterable[Point]:
    return () if tally.state in AT_REST else ((tally.overdue_ms(now_ms) / 1000, {}),)


_G = Kind.GAUGE
AT_REST: Final = frozenset({"PAUSED", "STOPPED"})

FRESHNESS_METRICS: Final[tuple[TaskMetric, ...]] = (
    TaskMetric(
        "wellhead.freshness.event", _G, "s", (), "Now minus the newest event time polled.",
        lambda tally, now_ms: _age_secs(now_ms, tally.newest_event_ms),
    ),
    TaskMetric(
        "wellhead.freshness.poll", _G, "s", (), "Now minus the last successful poll, or the start of the task before the first.",
        lambda tally, now_ms: _age_secs(now_ms, tally.last_poll_ms or tally.born_ms),
    ),
    TaskMetric(
        "wellhead.freshness.commit", _G, "s", (),
        "Now minus the last committed transaction, or the start of the task before the first; while nothing comes to a live stream, "
        "minus its last sign of life.",
        lambda tally, now_ms: _age_secs(now_ms, tally.last_commit_ms or tally.born_ms),
    ),
    TaskMetric(
        "wellhead.freshness.overdue", _G, "s", (),
        "How long a successful poll, committed, has been awaited past the time it was due; what the freshness objective is counted by. "
        "Absent where none is awaited: the task is paused or stopped.",
        _overdue,
    ),
    TaskMetric(
        "wellhead.freshness.target", _G, "s", (),
        "From when on that is too long, and the task DEGRADED: `freshness.target.secs`.", _target,
    ),
    TaskMetric(
        "wellhead.cursor.age", _G, "s", (), "Now minus the moment the committed cursor last changed.",
        lambda tally, now_ms: _age_secs(now_ms, tally.cursor_moved_ms),
    ),
)  # fmt: skip
