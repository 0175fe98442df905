"""Gives the metrics that every part of a service has as declarations, each beside the line that reads its value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from wellhead.telemetry.instruments import Kind, Metric, Point
from wellhead.telemetry.parts import ALERTS, STATES, PartTally

PARTITION: Final = "wellhead.partition"
STATE: Final = "wellhead.state"
ALERT: Final = "wellhead.alert"

TallyT = TypeVar("TallyT", bound=PartTally)


@dataclass(frozen=True, slots=True)
class PartMetric(Metric, Generic[TallyT]):
    """A metric read from the tally of one part at a moment (epoch ms), while its lock is held."""

    read: Callable[[TallyT, int], Iterable[Point]]


def one(value: float | None) -> list[Point]:
    return [] if value is None else [(value, {})]


def by(label: str, counts: Mapping[str, float]) -> list[Point]:
    return [(count, {label: key}) for key, count in counts.items()]


def _states(tally: PartTally, _now_ms: int) -> list[Point]:
    return [(int(tally.now[0] == state), {STATE: state}) for state in STATES]


def _alerts(tally: PartTally, now_ms: int) -> list[Point]:
    standing = tally.standing(now_ms)
    return [(int(alert in standing), {ALERT: alert}) for alert in ALERTS]


def _lag_records(tally: PartTally, _now_ms: int) -> list[Point]:
    return [(lag.records, {PARTITION: partition}) for partition, lag in tally.lags.items()]


def _lag_secs(tally: PartTally, now_ms: int) -> list[Point]:
    return [(lag.secs(now_ms), {PARTITION: partition}) for partition, lag in tally.lags.items()]


_C, _G = Kind.COUNTER, Kind.GAUGE


def of_every_part(prefix: str, what: str, guide: str) -> tuple[PartMetric[Any], ...]:
    """Give the metrics of a part whose names begin with `prefix`, and whose topic holds `what`."""
    return (
        PartMetric(
            f"{prefix}.lag", _G, "{record}", (PARTITION,),
            f"{what} after the committed position of the whole consumer group, whoever owns the partition; the same from every process.",
            _lag_records,
        ),
        PartMetric(
            f"{prefix}.lag.time", _G, "s", (PARTITION,),
            "How long the first of them has been in Kafka; goes on growing while nothing can be measured.", _lag_secs,
        ),
        PartMetric(
            f"{prefix}.lag.age", _G, "s", (), "Now minus when the lag was last measured.",
            lambda tally, now_ms: one(max(0, now_ms - tally.lag_ms) / 1000),
        ),
        PartMetric(
            f"{prefix}.state", _G, "1", (STATE,), "1 for the state the part is in, 0 for the others.", _states,
        ),
        PartMetric(
            f"{prefix}.alert", _G, "1", (ALERT,),
            f"1 while the alert stands, 0 else; what each means: docs/guide/{guide}.md.", _alerts,
        ),
    )  # fmt: skip
