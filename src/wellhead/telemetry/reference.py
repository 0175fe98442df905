"""Takes the metric declarations, gives the rows of the reference page; never a second list kept by hand."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from wellhead.telemetry.attackmetrics import ATTACKS, GROUPER_METRICS, STORE, STORE_LAG, STORE_METRICS
from wellhead.telemetry.attackreads import READ_DURATION, READ_METRICS
from wellhead.telemetry.floods import BYPASS_METRICS, FLOODS, FLOW_METRICS, TOPIC
from wellhead.telemetry.freshness import FRESHNESS_METRICS
from wellhead.telemetry.instruments import DURATION_METRICS, TASK_METRICS, WORKER_METRICS, Kind, Metric, labels_of
from wellhead.telemetry.livemetrics import UPSTREAM_METRICS
from wellhead.telemetry.lookups import LOOKUP, LOOKUP_METRICS
from wellhead.telemetry.ownership import OWNERSHIP_METRICS

_UNITS: Final = {"s": "seconds", "By": "bytes", "1": ""}


@dataclass(frozen=True, slots=True)
class Row:
    """One metric as the reference shows it.

    Attributes:
        name: The OpenTelemetry name.
        prometheus: The name on the metrics page; a histogram's is followed by `_bucket`, `_sum` and `_count`.
        kind: counter, updowncounter, gauge or histogram.
        unit: The UCUM unit; `{record}` and the like count things.
        attributes: The labels it may carry.
        description: What its value means.
    """

    name: str
    prometheus: str
    kind: str
    unit: str
    attributes: tuple[str, ...]
    description: str


def rows() -> list[Row]:
    """Give all metrics, Connect's first, in the order of their declarations."""
    tables: tuple[tuple[tuple[str, ...] | None, Iterable[Metric]], ...] = (
        (None, (*WORKER_METRICS, *TASK_METRICS, *FRESHNESS_METRICS, *UPSTREAM_METRICS, *DURATION_METRICS)),
        ((), OWNERSHIP_METRICS),
        ((LOOKUP,), LOOKUP_METRICS),
        ((ATTACKS,), GROUPER_METRICS),
        ((ATTACKS, STORE), (*STORE_METRICS, STORE_LAG)),
        ((ATTACKS,), (*READ_METRICS, READ_DURATION)),
        ((FLOODS, TOPIC), FLOW_METRICS),
        ((FLOODS,), BYPASS_METRICS),
    )
    return [_row(metric, own) for own, metrics in tables for metric in metrics]


def _row(metric: Metric, own: tuple[str, ...] | None) -> Row:
    unit = _UNITS.get(metric.unit, "")
    parts = [re.sub(r"[^a-zA-Z0-9:]+", "_", metric.name), unit, "total" if metric.kind is Kind.COUNTER else ""]
    prometheus = "_".join(part for part in parts if part)
    labels = labels_of(metric) if own is None else (*own, *metric.labels)
    return Row(metric.name, prometheus, metric.kind.value, metric.unit, labels, metric.description)
