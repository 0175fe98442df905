"""Takes what a lookup's runs report, gives its totals and the metrics made of them; never talks to a metrics library."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from wellhead.telemetry.instruments import Kind, Labels, Metric, Point

LOOKUP: Final = "wellhead.lookup"
FILE: Final = "wellhead.lookup.file"
HOW: Final = "wellhead.lookup.delivery.how"
OUTCOME: Final = "wellhead.run.outcome"
ALERT: Final = "wellhead.alert"

ALERTS: Final = (
    "run_failed",
    "not_delivered",
    "shrunk",
    "oversize",
    "lost",
    "missing",
    "stale",
    "failures",
    "slow_call",
    "foreign",
    "repartitioned",
)
RECENT_DELIVERIES: Final = 100


@dataclass(slots=True)
class FileTally:
    """One file of a lookup; moments are epoch milliseconds, None while they have not happened."""

    rows: int = 0
    nbytes: int = 0
    ratio: float | None = None
    newest_ms: int | None = None
    right_ms: int | None = None
    missing_runs: int = 0
    alerts: frozenset[str] = frozenset()


@dataclass(slots=True)
class LookupTally:
    """One lookup's totals; whoever changes or reads more than one of them holds `lock`."""

    lookup: str
    born_ms: int
    stale_after_secs: float = float("inf")
    lock: Lock = field(default_factory=Lock)
    files: dict[str, FileTally] = field(default_factory=dict)
    rows: int = 0
    messages: int = 0
    rebuilds: int = 0
    foreign: int = 0
    resets: int = 0
    runs: Counter[str] = field(default_factory=Counter)
    deliveries: Counter[str] = field(default_factory=Counter)
    failures: int = 0
    slow_calls: int = 0
    longest_call_secs: float = 0.0
    last_good_ms: int | None = None
    alerts: frozenset[str] = frozenset()
    recent: deque[bool] = field(default_factory=lambda: deque(maxlen=RECENT_DELIVERIES))

    def failure_ratio(self) -> float:
        """Give the share of failed deliveries among the last ones."""
        return self.recent.count(False) / len(self.recent) if self.recent else 0.0

    def run_age_secs(self, now_ms: int) -> float:
        """Give the seconds since the last run that left every file as it should be, or since the start before the first."""
        return max(0, now_ms - (self.last_good_ms or self.born_ms)) / 1000

    def standing(self, now_ms: int) -> frozenset[str]:
        """Give the alerts that stand now, those of its files among them."""
        on_files = {alert for file in self.files.values() for alert in file.alerts}
        stale = {"stale"} if self.run_age_secs(now_ms) > self.stale_after_secs else set[str]()
        return self.alerts | on_files | stale


@dataclass(frozen=True, slots=True)
class LookupMetric(Metric):
    """A metric read from one lookup's tally at a moment (epoch ms), while its lock is held."""

    read: Callable[[LookupTally, int], Iterable[Point]]


def _one(value: float | None, labels: Labels | None = None) -> list[Point]:
    return [] if value is None else [(value, labels or {})]


def _each(read: Callable[[FileTally, int], float | None]) -> Callable[[LookupTally, int], Iterable[Point]]:
    def points(tally: LookupTally, now_ms: int) -> Iterable[Point]:
        return [point for name, file in tally.files.items() for point in _one(read(file, now_ms), {FILE: name})]

    return points


def _age_secs(now_ms: int, moment_ms: int | None) -> float | None:
    return None if moment_ms is None else max(0, now_ms - moment_ms) / 1000


def _alerts(tally: LookupTally, now_ms: int) -> Iterable[Point]:
    standing = tally.standing(now_ms)
    return [(int(alert in standing), {ALERT: alert}) for alert in ALERTS]


def _by(label: str, counts: Counter[str]) -> Iterable[Point]:
    return [(count, {label: key}) for key, count in counts.items()]


_C, _G = Kind.COUNTER, Kind.GAUGE

LOOKUP_METRICS: Final[tuple[LookupMetric, ...]] = (
    LookupMetric("wellhead.lookup.state.rows", _G, "{row}", (), "Records in the lookup's state.", lambda tally, _: _one(tally.rows)),
    LookupMetric(
        "wellhead.lookup.message.count", _C, "{message}", (), "Messages read from the topic, tombstones included.",
        lambda tally, _: _one(tally.messages),
    ),
    LookupMetric(
        "wellhead.lookup.rebuild.count", _C, "{rebuild}", (), "Times the state was thrown away and read from the topic anew.",
        lambda tally, _: _one(tally.rebuilds),
    ),
    LookupMetric(
        "wellhead.lookup.foreign.count", _C, "{message}", (), "Messages of the topic that are none of ours and were passed over.",
        lambda tally, _: _one(tally.foreign),
    ),
    LookupMetric(
        "wellhead.lookup.reset.count", _C, "{reset}", (), "Cursors reset because the topic had lost a file's records.",
        lambda tally, _: _one(tally.resets),
    ),
    LookupMetric(
        "wellhead.lookup.run.count", _C, "{run}", (OUTCOME,), "Runs ended: `ok`, or `problems` where a file is not as it should be.",
        lambda tally, _: _by(OUTCOME, tally.runs),
    ),
    LookupMetric(
        "wellhead.lookup.run.age", _G, "s", (), "Now minus the last run that left every file as it should be, or the start before the first.",
        lambda tally, now_ms: _one(tally.run_age_secs(now_ms)),
    ),
    LookupMetric("wellhead.lookup.file.rows", _G, "{row}", (FILE,), "Rows of the file.", _each(lambda file, _: file.rows)),
    LookupMetric("wellhead.lookup.file.size", _G, "By", (FILE,), "Bytes of the file, its parts together.", _each(lambda file, _: file.nbytes)),
    LookupMetric(
        "wellhead.lookup.file.ratio", _G, "1", (FILE,),
        "Size of the file beside the one delivered last, the smaller of rows and bytes; absent before the first delivery.",
        _each(lambda file, _: file.ratio),
    ),
    LookupMetric(
        "wellhead.lookup.file.missing.runs", _G, "{run}", (FILE,), "Runs in a row after which the file was missing at the target.",
        _each(lambda file, _: file.missing_runs),
    ),
    LookupMetric(
        "wellhead.lookup.newest.age", _G, "s", (FILE,), "Now minus the newest change among the file's records.",
        _each(lambda file, now_ms: _age_secs(now_ms, file.newest_ms)),
    ),
    LookupMetric(
        "wellhead.lookup.delivery.age", _G, "s", (FILE,), "Now minus when the target was last known to hold the right file.",
        _each(lambda file, now_ms: _age_secs(now_ms, file.right_ms)),
    ),
    LookupMetric(
        "wellhead.lookup.delivery.count", _C, "{delivery}", (HOW,), "Deliveries the target said yes to: `whole` files or changed `rows`.",
        lambda tally, _: _by(HOW, tally.deliveries),
    ),
    LookupMetric(
        "wellhead.lookup.delivery.failure.count", _C, "{delivery}", (), "Deliveries that failed.", lambda tally, _: _one(tally.failures),
    ),
    LookupMetric(
        "wellhead.lookup.delivery.failure.ratio", _G, "1", (), f"Share of failed deliveries among the last {RECENT_DELIVERIES}.",
        lambda tally, _: _one(tally.failure_ratio()),
    ),
    LookupMetric(
        "wellhead.lookup.delivery.time.max", _G, "s", (), "Longest time the target took for one file so far.",
        lambda tally, _: _one(tally.longest_call_secs),
    ),
    LookupMetric(
        "wellhead.lookup.delivery.slow.count", _C, "{delivery}", (), "Deliveries that took longer than alert.call.secs.",
        lambda tally, _: _one(tally.slow_calls),
    ),
    LookupMetric(
        "wellhead.lookup.alert", _G, "1", (ALERT,),
        "1 while the alert stands, 0 else; what each means: docs/guide/lookups.md. Thresholds are the lookup's alert.* options.", _alerts,
    ),
)  # fmt: skip
