"""Takes what the read API reports, gives its totals and the metrics made of them; never talks to a metrics library."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, Literal

from wellhead.telemetry.attackmetrics import ATTACKS, STORE
from wellhead.telemetry.instruments import DurationMetric, Kind, Labels, Metric, Point

ENDPOINT: Final = "wellhead.endpoint"
STATUS: Final = "wellhead.http.status"
OUTCOME: Final = "wellhead.mirror.outcome"
KIND: Final = "wellhead.disagreement.kind"
SHARE: Final = "wellhead.share"
WHAT: Final = "wellhead.outcome"

Outcome = Literal["same", "late", "different", "failed", "dropped"]


@dataclass(slots=True)
class ReadTally:
    """The totals of one read API; every method may be called from any thread.

    Attributes:
        attacks: Name of the entry in the `attacks` section.
        record_secs: Records how long an answer took, with its labels.
        lock: Held by whoever reads more than one of the totals.
        stores: Whether each store is up, 1 or 0; filled by whoever knows.
        shares: The shares in percent as they are now, likewise.
    """

    attacks: str
    record_secs: Callable[[float, Labels], None]
    lock: Lock = field(default_factory=Lock)
    answers: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    fallbacks: Counter[tuple[str, str]] = field(default_factory=Counter)
    mirrors: Counter[tuple[str, str]] = field(default_factory=Counter)
    disagreements: Counter[tuple[str, str]] = field(default_factory=Counter)
    rereads: Counter[str] = field(default_factory=Counter)
    stores: Callable[[], Mapping[str, bool | None]] = dict
    shares: Callable[[], Mapping[str, float]] = dict

    def answered(self, endpoint: str, store: str, status: int, secs: float) -> None:
        """Count an answer: the store that gave it, its status, and how long it took; `store` is empty where none could."""
        with self.lock:
            self.answers[endpoint, store, str(status)] += 1
        self.record_secs(secs, {ATTACKS: self.attacks, ENDPOINT: endpoint, STORE: store})

    def fell_back(self, endpoint: str, store: str) -> None:
        """Count an answer that `store` could not give, so that the other was asked."""
        with self.lock:
            self.fallbacks[endpoint, store] += 1

    def mirrored(self, endpoint: str, outcome: Outcome) -> None:
        """Count a question the other store was asked too."""
        with self.lock:
            self.mirrors[endpoint, outcome] += 1

    def disagreed(self, endpoint: str, kind: str) -> None:
        """Count a question whose answers differ in this way."""
        with self.lock:
            self.disagreements[endpoint, kind] += 1

    def reread(self, outcome: Literal["taken", "refused"]) -> None:
        """Count a reading of changed settings."""
        with self.lock:
            self.rereads[outcome] += 1


@dataclass(frozen=True, slots=True)
class ReadMetric(Metric):
    """A metric read from the tally of a read API, while its lock is held."""

    read: Callable[[ReadTally, int], Iterable[Point]]


def _by(names: tuple[str, ...], counts: Mapping[Any, float]) -> list[Point]:
    return [(count, dict(zip(names, key if isinstance(key, tuple) else (key,), strict=True))) for key, count in counts.items()]


_C, _G = Kind.COUNTER, Kind.GAUGE

READ_METRICS: Final[tuple[ReadMetric, ...]] = (
    ReadMetric(
        "wellhead.attacks.read.count", _C, "{answer}", (ENDPOINT, STORE, STATUS),
        "Answers of the read API, by question, the store that answered (empty where none could), and status.",
        lambda tally, _: _by((ENDPOINT, STORE, STATUS), tally.answers),
    ),
    ReadMetric(
        "wellhead.attacks.read.fallback.count", _C, "{answer}", (ENDPOINT, STORE),
        "Answers that the other store gave because this one could not (serve.fallback).",
        lambda tally, _: _by((ENDPOINT, STORE), tally.fallbacks),
    ),
    ReadMetric(
        "wellhead.attacks.read.mirror.count", _C, "{question}", (ENDPOINT, OUTCOME),
        "Questions the other store was offered too: the `same` answer, `late` where a second look found it the same or only behind, "
        "`different`, `failed` where a store gave none, `dropped` where too many were under way.",
        lambda tally, _: _by((ENDPOINT, OUTCOME), tally.mirrors),
    ),
    ReadMetric(
        "wellhead.attacks.read.disagreement.count", _C, "{question}", (ENDPOINT, KIND),
        "Questions the two stores answer differently, also at a second look: documents `missing` in the other store or `extra` there, "
        "`changed` ones, or a `count`. Their ids are in the log.",
        lambda tally, _: _by((ENDPOINT, KIND), tally.disagreements),
    ),
    ReadMetric(
        "wellhead.attacks.read.store.up", _G, "1", (STORE,), "1 while the store answers, 0 while it does not.",
        lambda tally, _: _by((STORE,), {name: int(is_up) for name, is_up in tally.stores().items() if is_up is not None}),
    ),
    ReadMetric(
        "wellhead.attacks.read.share", _G, "{percent}", (SHARE,), "serve.shift.percent and serve.mirror.percent as they are now.",
        lambda tally, _: _by((SHARE,), tally.shares()),
    ),
    ReadMetric(
        "wellhead.attacks.read.settings.count", _C, "{reading}", (WHAT,),
        "Times changed settings were read again: `taken`, or `refused` where the former ones were kept; the log says why.",
        lambda tally, _: _by((WHAT,), tally.rereads),
    ),
)  # fmt: skip

READ_DURATION: Final = DurationMetric(
    "wellhead.attacks.read.duration", Kind.HISTOGRAM, "s", (ENDPOINT, STORE),
    "How long an answer of the read API took; the store is empty where none could answer.",
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)  # fmt: skip
