"""Gives every metric Wellhead exports as one table of declarations, from which instruments and the reference are made.

A fact is written once: the name, unit, labels and meaning stand here, beside the line that reads the value. Names of
Connect's own metrics are those of OpenTelemetry's Kafka Connect rules, so that dashboards made for Connect fit.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from wellhead.telemetry.alerts import ALERT, ALERTS, standing
from wellhead.telemetry.tally import Extremes, GroupQuota, Tally

CONNECTOR: Final = "kafka.connect.connector"
TASK: Final = "kafka.connect.task.id"
CONNECTOR_STATE: Final = "kafka.connect.connector.state"
TASK_STATE: Final = "kafka.connect.task.state"
WORKER_TASK_STATE: Final = "kafka.connect.worker.connector.task.state"
STREAM: Final = "wellhead.stream"
TENANT: Final = "wellhead.tenant"
STAGE: Final = "wellhead.stage"
REASON: Final = "wellhead.reason"
EVENT: Final = "wellhead.event"
OUTCOME: Final = "wellhead.run.outcome"
GROUP: Final = "wellhead.budget.group"
ERROR_TYPE: Final = "error.type"
HOST: Final = "server.address"
STATUS: Final = "wellhead.http.status"

STATES: Final = ("unassigned", "running", "degraded", "paused", "restarting", "failed", "stopped")

Labels = Mapping[str, str | int]
Point = tuple[float, Labels]
Word = TypeVar("Word", bound=str)


class Kind(StrEnum):
    """What a metric's value may do: only grow, go up and down and be summed, stand alone, or be spread over buckets."""

    COUNTER = "counter"
    UPDOWN = "updowncounter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as declared: `labels` are those beside the ones its table gives to all its metrics."""

    name: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    description: str


@dataclass(frozen=True, slots=True)
class TaskMetric(Metric):
    """A metric read from one task's tally at a moment (epoch ms), while its lock is held."""

    read: Callable[[Tally, int], Iterable[Point]]


@dataclass(frozen=True, slots=True)
class WorkerMetric(Metric):
    """A metric read from the tallies of all tasks of the process at a moment (epoch ms)."""

    read: Callable[[Sequence[Tally], int], Iterable[Point]]


@dataclass(frozen=True, slots=True)
class DurationMetric(Metric):
    """A histogram of seconds, recorded when the thing ends."""

    bounds: tuple[float, ...]


def _one(value: float | None) -> Iterable[Point]:
    return () if value is None else ((value, {}),)


def _by(label: str, counts: Mapping[Word, int]) -> Iterable[Point]:
    return [(count, {label: str(key)}) for key, count in counts.items()]


def _by_two(first: str, second: str, counts: Mapping[tuple[Word, str], int]) -> Iterable[Point]:
    return [(count, {first: str(one), second: str(two)}) for (one, two), count in counts.items()]


def _average(of: Extremes) -> Iterable[Point]:
    return ((of.average, {}),) if of.count else ()


def _largest(of: Extremes) -> Iterable[Point]:
    return ((of.largest, {}),) if of.count else ()


def _smallest(of: Extremes) -> Iterable[Point]:
    return ((of.smallest, {}),) if of.count else ()


def _state(tally: Tally, now_ms: int) -> Iterable[Point]:
    is_in = tally.state_at(now_ms).lower()
    return [(int(is_in == state), {TASK_STATE: state}) for state in STATES]


def _running_ratio(tally: Tally, now_ms: int) -> Iterable[Point]:
    lived_ms = now_ms - tally.born_ms
    running_ms = tally.running_ms + (now_ms - tally.state_since_ms if tally.state == "RUNNING" else 0)
    return ((min(1.0, running_ms / lived_ms), {}),) if lived_ms > 0 else ()


def _failure_ratio(tally: Tally, _now_ms: int) -> Iterable[Point]:
    tried = tally.failed_commits + tally.commit_secs.count
    return ((tally.failed_commits / tried, {}),) if tried else ()


def _group(tally: Tally, read: Callable[[GroupQuota], float | None]) -> Iterable[Point]:
    group = tally.quota().group
    return () if group is None or (value := read(group)) is None else ((value, {GROUP: group.name}),)


def _rejects(tally: Tally, _now_ms: int) -> Iterable[Point]:
    return _one(sum(tally.rejects.values()))


def _tasks_by_state(tallies: Sequence[Tally], now_ms: int) -> Iterable[Point]:
    counts = Counter((tally.connector, tally.state_at(now_ms).lower()) for tally in tallies)
    return [(count, {CONNECTOR: connector, WORKER_TASK_STATE: state}) for (connector, state), count in counts.items()]


def _connector_state(states: AbstractSet[str]) -> str:
    """Give a connector's state: its tasks' common one, degraded when some but not all of them fail or lag, else running."""
    if len(states) == 1:
        return next(iter(states))
    return "degraded" if states & {"failed", "degraded", "restarting"} else "running"


def _connector_status(tallies: Sequence[Tally], now_ms: int) -> Iterable[Point]:
    states = defaultdict(set)
    for tally in tallies:
        states[tally.connector].add(tally.state_at(now_ms).lower())
    now = {connector: _connector_state(of_tasks) for connector, of_tasks in states.items()}
    return [(int(is_in == state), {CONNECTOR: name, CONNECTOR_STATE: state}) for name, is_in in now.items() for state in STATES]


_C, _U, _G, _H = Kind.COUNTER, Kind.UPDOWN, Kind.GAUGE, Kind.HISTOGRAM

WORKER_METRICS: Final[tuple[WorkerMetric, ...]] = (
    WorkerMetric(
        "kafka.connect.worker.connector.count", _U, "{connector}", (), "Connectors with a task in this process.",
        lambda tallies, _: _one(len({tally.connector for tally in tallies})),
    ),
    WorkerMetric(
        "kafka.connect.worker.task.count", _U, "{task}", (), "Tasks in this process.",
        lambda tallies, _: _one(len(tallies)),
    ),
    WorkerMetric(
        "kafka.connect.worker.connector.task.count", _U, "{task}", (CONNECTOR, WORKER_TASK_STATE),
        "Tasks of the connector in this process, by state.", _tasks_by_state,
    ),
    WorkerMetric(
        "kafka.connect.connector.status", _U, "1", (CONNECTOR, CONNECTOR_STATE),
        "1 for the state of the connector's tasks in this process, 0 for the others; `degraded` when only some of them fail or lag.",
        _connector_status,
    ),
)  # fmt: skip

CONNECT_METRICS: Final[tuple[TaskMetric, ...]] = (
    TaskMetric(
        "kafka.connect.task.status", _U, "1", (TASK_STATE,),
        "1 for the state the task is in, 0 for the others; `degraded` is Wellhead's: alive, but not fresh.", _state,
    ),
    TaskMetric(
        "kafka.connect.task.running.ratio", _G, "1", (), "Share of its life the task has spent running.", _running_ratio,
    ),
    TaskMetric(
        "kafka.connect.task.batch.size.average", _G, "{record}", (), "Average records in a polled batch so far.",
        lambda tally, _: _average(tally.batch_records),
    ),
    TaskMetric(
        "kafka.connect.task.batch.size.max", _G, "{record}", (), "Records in the largest polled batch so far.",
        lambda tally, _: _largest(tally.batch_records),
    ),
    TaskMetric(
        "kafka.connect.task.offset.commit.time.average", _G, "s", (), "Average time to commit a transaction so far.",
        lambda tally, _: _average(tally.commit_secs),
    ),
    TaskMetric(
        "kafka.connect.task.offset.commit.time.max", _G, "s", (), "Longest time to commit a transaction so far.",
        lambda tally, _: _largest(tally.commit_secs),
    ),
    TaskMetric(
        "kafka.connect.task.offset.commit.failure.ratio", _G, "1", (),
        "Share of tried commits that were aborted and tried again.", _failure_ratio,
    ),
    TaskMetric(
        "kafka.connect.source.poll.batch.time.average", _G, "s", (), "Average time to poll a batch so far.",
        lambda tally, _: _average(tally.poll_secs),
    ),
    TaskMetric(
        "kafka.connect.source.poll.batch.time.max", _G, "s", (), "Longest time to poll a batch so far.",
        lambda tally, _: _largest(tally.poll_secs),
    ),
    TaskMetric(
        "kafka.connect.source.record.poll.count", _C, "{record}", (),
        "Records the vendor gave, those rejected or filtered later included.", lambda tally, _: _one(tally.polled_records),
    ),
    TaskMetric(
        "kafka.connect.source.record.write.count", _C, "{record}", (), "Records committed to their topic.",
        lambda tally, _: _one(tally.written_records),
    ),
    TaskMetric(
        "kafka.connect.source.record.active.count", _U, "{record}", (), "Records polled but not yet committed.",
        lambda tally, _: _one(tally.active_records),
    ),
    TaskMetric(
        "kafka.connect.source.transaction.size.average", _G, "{record}", (), "Average records in a transaction so far.",
        lambda tally, _: _average(tally.transaction_records),
    ),
    TaskMetric(
        "kafka.connect.source.transaction.size.max", _G, "{record}", (), "Records in the largest transaction so far.",
        lambda tally, _: _largest(tally.transaction_records),
    ),
    TaskMetric(
        "kafka.connect.source.transaction.size.min", _G, "{record}", (), "Records in the smallest transaction so far.",
        lambda tally, _: _smallest(tally.transaction_records),
    ),
    TaskMetric(
        "kafka.connect.task.error.record.error.count", _C, "{record}", (), "Records that could not be processed.", _rejects,
    ),
    TaskMetric(
        "kafka.connect.task.error.record.failure.count", _C, "{record}", (),
        "Records that could not be processed, each once; nothing is retried record by record, so it equals the errors.", _rejects,
    ),
    TaskMetric(
        "kafka.connect.task.error.retry.count", _C, "{retry}", (), "Operations tried again, all stages together.",
        lambda tally, _: _one(sum(tally.retries.values())),
    ),
    TaskMetric(
        "kafka.connect.task.error.last.error.timestamp", _G, "s", (),
        "Epoch seconds of the last reject, retry or failure; absent while there was none.",
        lambda tally, _: _one(None if tally.last_error_ms is None else tally.last_error_ms / 1000),
    ),
)  # fmt: skip

OWN_METRICS: Final[tuple[TaskMetric, ...]] = (
    TaskMetric(
        "wellhead.poll.count", _C, "{poll}", (), "Polls that ended because the vendor had no more for now.",
        lambda tally, _: _one(tally.polls),
    ),
    TaskMetric(
        "wellhead.run.count", _C, "{run}", (OUTCOME,), "Runs ended, by outcome.", lambda tally, _: _by(OUTCOME, tally.runs),
    ),
    TaskMetric(
        "wellhead.batch.count", _C, "{batch}", (), "Batches polled, empty ones included.",
        lambda tally, _: _one(tally.batches),
    ),
    TaskMetric(
        "wellhead.poll.io", _C, "By", (), "Bytes of the batches polled, as Arrow columns.",
        lambda tally, _: _one(tally.polled_bytes),
    ),
    TaskMetric(
        "wellhead.write.io", _C, "By", (), "Bytes of the record values committed, before compression.",
        lambda tally, _: _one(tally.written_bytes),
    ),
    TaskMetric(
        "wellhead.pipeline.size", _U, "By", (), "Bytes polled but not yet committed.",
        lambda tally, _: _one(tally.active_bytes),
    ),
    TaskMetric(
        "wellhead.transaction.count", _C, "{transaction}", (), "Transactions committed, those that only move the cursor included.",
        lambda tally, _: _one(tally.transaction_records.count),
    ),
    TaskMetric(
        "wellhead.record.reject.count", _C, "{record}", (STAGE, REASON),
        "Records that could not be published, by the stage that refused them and the class of reason.",
        lambda tally, _: _by_two(STAGE, REASON, tally.rejects),
    ),
    TaskMetric(
        "wellhead.record.filter.count", _C, "{record}", (REASON,), "Records left out on purpose, by reason.",
        lambda tally, _: _by(REASON, tally.filtered),
    ),
    TaskMetric(
        "wellhead.record.delete.count", _C, "{record}", (), "Tombstones written: keys whose records have ended.",
        lambda tally, _: _one(tally.deletes),
    ),
    TaskMetric(
        "wellhead.drift.count", _C, "{field}", (), "Values under field names the schema does not know; they are kept in `extensions`.",
        lambda tally, _: _one(tally.drift),
    ),
    TaskMetric(
        "wellhead.retry.count", _C, "{retry}", (STAGE,), "Operations tried again, by stage.",
        lambda tally, _: _by(STAGE, tally.retries),
    ),
    TaskMetric(
        "wellhead.notice.count", _C, "{notice}", (EVENT,), "Things reported that a person should know, by event.",
        lambda tally, _: _by(EVENT, tally.notices),
    ),
    TaskMetric(
        "wellhead.api.call.count", _C, "{call}", (HOST, STATUS), "Calls to the vendor, by host and class of status.",
        lambda tally, _: _by_two(HOST, STATUS, tally.api_calls),
    ),
    TaskMetric(
        "wellhead.api.io", _C, "By", (HOST,), "Bytes of vendor answers as received, by host.",
        lambda tally, _: _by(HOST, tally.api_bytes),
    ),
    TaskMetric(
        "wellhead.api.quota.remaining", _G, "{call}", (),
        "Calls left to the connector, the same for all its tasks: what the vendor said less the calls since, else the day's budget "
        "less the calls since midnight UTC; absent where neither is known.",
        lambda tally, _: _one(tally.quota().remaining),
    ),
    TaskMetric(
        "wellhead.api.quota.budget", _G, "{call}", (), "Calls a day: `http.budget.calls.per.day`.",
        lambda tally, _: _one(tally.quota().budget),
    ),
    TaskMetric(
        "wellhead.api.quota.reserve", _G, "{call}", (), "Calls left at which the connector slows down: `http.budget.reserve`.",
        lambda tally, _: _one(tally.quota().reserve),
    ),
    TaskMetric(
        "wellhead.api.quota.end", _G, "s", (), "Time until no call is left, at the rate of the last hour; absent while nothing is asked.",
        lambda tally, _: _one(tally.quota().ends_in_secs),
    ),
    TaskMetric(
        "wellhead.api.quota.renewal", _G, "s", (), "Time until there are new calls: midnight UTC, or what the vendor said.",
        lambda tally, _: _one(tally.quota().renews_in_secs),
    ),
    TaskMetric(
        "wellhead.api.group.budget", _G, "{call}", (GROUP,),
        "Calls within a window that all who share `http.budget.group` may make together; absent without a group.",
        lambda tally, _: _group(tally, lambda group: group.budget),
    ),
    TaskMetric(
        "wellhead.api.group.remaining", _G, "{call}", (GROUP,), "Of these, the calls that could go out now.",
        lambda tally, _: _group(tally, lambda group: group.remaining),
    ),
    TaskMetric(
        "wellhead.api.group.held", _G, "{call}", (GROUP,), "Of these, the calls of this connector that count now.",
        lambda tally, _: _group(tally, lambda group: group.held),
    ),
    TaskMetric(
        "wellhead.api.slow.count", _C, "{call}", (), "Calls to the vendor that took longer than `http.alert.call.secs`.",
        lambda tally, _: _one(tally.slow_calls),
    ),
    TaskMetric(
        "wellhead.source.alert", _G, "1", (ALERT,),
        "1 while the alert stands, 0 else: `quota_low` (below `http.budget.reserve`), `slow_call` (in the last 15 minutes one took longer "
        "than `http.alert.call.secs`), `failures` (of the last 100 calls more than `http.alert.failure.ratio`), `run_limit` (the last run "
        "was ended by `run.max.batches` or `run.max.secs`).",
        lambda tally, now_ms: [(int(alert in standing(tally, now_ms)), {ALERT: alert}) for alert in ALERTS],
    ),
)  # fmt: skip

STAGE_DURATION: Final = DurationMetric(
    "wellhead.stage.duration", _H, "s", (STAGE, ERROR_TYPE),
    "Time a batch spends in a stage; `error.type` names the exception where it failed.",
    (0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 300.0),
)  # fmt: skip
API_DURATION: Final = DurationMetric(
    "wellhead.api.duration", _H, "s", (HOST, STATUS), "Time of a call to the vendor, its body included.",
    (0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 120.0, 300.0),
)  # fmt: skip

TASK_METRICS: Final = (*CONNECT_METRICS, *OWN_METRICS)
DURATION_METRICS: Final = (STAGE_DURATION, API_DURATION)


def labels_of(metric: Metric) -> tuple[str, ...]:
    """Give all labels a metric may carry: Connect's metrics name connector and task, Wellhead's also stream and tenant."""
    if isinstance(metric, WorkerMetric):
        return metric.labels
    if metric.name.startswith("kafka."):
        return (CONNECTOR, TASK, *metric.labels)
    return (CONNECTOR, TASK, STREAM, TENANT, *metric.labels)
