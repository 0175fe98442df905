"""Takes what the parts of attack grouping report, gives their totals; never talks to a metrics library.

Every method may be called from any thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal

from wellhead.telemetry.instruments import Labels
from wellhead.telemetry.parts import PartTally
from wellhead.telemetry.tally import word

ATTACKS: Final = "wellhead.attacks"
STORE: Final = "wellhead.store"

DOCUMENT: Final = "wellhead.document"
ENOUGH_LAGS: Final = 50
"""Of the documents that a store takes at once, so many or up to twice as many tell their lag: more would cost more than they say."""

EventKind = Literal["opened", "updated", "closed", "merged"]
DocumentKind = Literal["attack", "hit"]


def unrecorded(_secs: float, _labels: Labels) -> None:
    """Record nothing."""


@dataclass(slots=True)
class GrouperTally(PartTally):
    """What one process has grouped since it started."""

    label: ClassVar[str] = ATTACKS
    grouped: int = 0
    rejects: int = 0
    batches: int = 0
    step_secs: dict[str, float] = field(default_factory=lambda: {"redis": 0.0, "commit": 0.0, "rest": 0.0})
    told: Counter[str] = field(default_factory=Counter)
    rebuilds: Counter[str] = field(default_factory=Counter)
    open_now: int | None = None

    def hits(self, count: int) -> None:
        """Count hits whose attack is committed."""
        with self.lock:
            self.grouped += count

    def rejected(self, count: int) -> None:
        """Count hits that became dead letters."""
        with self.lock:
            self.rejects += count
            self.dropped_ms = self.clock.now_ms() if count else self.dropped_ms

    def batch(self, secs: float, redis_secs: float, commit_secs: float) -> None:
        """Count one step: seconds in all, of which Redis and the commit took these."""
        with self.lock:
            self.batches += 1
            self.step_secs["redis"] += redis_secs
            self.step_secs["commit"] += commit_secs
            self.step_secs["rest"] += max(0.0, secs - redis_secs - commit_secs)

    def events(self, kind: EventKind, count: int) -> None:
        """Count attacks that were opened, updated, closed or merged."""
        with self.lock:
            self.told[kind] += count

    def open_attacks(self, count: int) -> None:
        """Tell how many attacks Redis holds open now."""
        with self.lock:
            self.open_now = count

    def rebuilt(self, reason: str) -> None:
        """Count a filling of Redis from the state topic; a `reason` that is no single word, such as `emptied`, is counted as `other`."""
        with self.lock:
            self.rebuilds[word(reason, self.rebuilds)] += 1

    def _totals(self) -> dict[str, Any]:
        return {
            "hits": self.grouped,
            "rejected": self.rejects,
            "open_attacks": self.open_now,
            "events": dict(self.told),
            "rebuilds": sum(self.rebuilds.values()),
        }


@dataclass(slots=True)
class StoreTally(PartTally):
    """What one process has written to one store since it started.

    Attributes:
        record_lag_secs: Records how long after its hit a document was taken, with its labels; set by whoever shows the part.
    """

    label: ClassVar[str] = ATTACKS
    store: str = ""
    documents: Counter[str] = field(default_factory=Counter)
    stales: int = 0
    refusals: int = 0
    retries: int = 0
    bulks: int = 0
    bulk_secs: float = 0.0
    record_lag_secs: Callable[[float, Labels], None] = unrecorded

    @property
    def labels(self) -> dict[str, str | int]:
        """The labels that all metrics of the part carry."""
        return {ATTACKS: self.entry, STORE: self.store}

    def written(self, kind: DocumentKind, count: int, hit_ms: Sequence[int] = ()) -> None:
        """Count documents the store took, made of hits that reached Kafka at `hit_ms` (epoch ms); of very many, some tell how late they are."""
        with self.lock:
            self.documents[kind] += count
        labels, now_ms = {**self.labels, DOCUMENT: kind}, self.clock.now_ms()
        for at_ms in hit_ms[:: len(hit_ms) // ENOUGH_LAGS + 1]:
            self.record_lag_secs(max(0, now_ms - at_ms) / 1000, labels)

    def stale(self, count: int) -> None:
        """Count documents of which the store had this version or a newer one."""
        with self.lock:
            self.stales += count

    def refused(self, count: int) -> None:
        """Count documents that became dead letters because the store will never take them."""
        with self.lock:
            self.refusals += count
            self.dropped_ms = self.clock.now_ms() if count else self.dropped_ms

    def retried(self, count: int) -> None:
        """Count documents that the store was too busy for, and that are sent again."""
        with self.lock:
            self.retries += count

    def bulk(self, secs: float) -> None:
        """Count one bulk request and the seconds it took."""
        with self.lock:
            self.bulks += 1
            self.bulk_secs += secs

    def _totals(self) -> dict[str, Any]:
        return {
            "written": dict(self.documents),
            "stale": self.stales,
            "refused": self.refusals,
            "retried": self.retries,
        }
