"""Takes what becomes of the places of tasks that a worker owns, gives how many it owns and how often that changed; never talks to a metrics library.

Every method may be called from any thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, Literal

from wellhead.telemetry.instruments import Kind, Metric, Point

CHANGE: Final = "wellhead.change"

Change = Literal["gained", "revoked", "lost"]
CHANGES: Final[tuple[Change, ...]] = ("gained", "revoked", "lost")


@dataclass(slots=True)
class OwnershipTally:
    """What one worker of a cluster owns; a process that is in no cluster has none.

    Attributes:
        lock: Held by whoever reads more than one of the totals.
        owned: Places owned now; only a place's owner asks the vendor of its task.
        changes: How often a place was gained, revoked (another worker waits for it) or lost (another may have it already).
    """

    lock: Lock = field(default_factory=Lock)
    owned: int = 0
    changes: Counter[Change] = field(default_factory=Counter)

    def changed(self, how: Change, places: int) -> None:
        """Count places that were gained, or are owned no longer."""
        with self.lock:
            self.changes[how] += places
            self.owned += places if how == "gained" else -places


@dataclass(frozen=True, slots=True)
class OwnershipMetric(Metric):
    """A metric read from the tally, while its lock is held."""

    read: Callable[[OwnershipTally], Iterable[Point]]


OWNERSHIP_METRICS: Final[tuple[OwnershipMetric, ...]] = (
    OwnershipMetric(
        "wellhead.worker.place.owned", Kind.UPDOWN, "{place}", (),
        "Places of tasks this worker owns: its share of the group, tasks that are stopped among them.",
        lambda tally: [(tally.owned, {})],
    ),
    OwnershipMetric(
        "wellhead.worker.place.change.count", Kind.COUNTER, "{place}", (CHANGE,),
        "Places `gained`; `revoked`, because another worker waited for them; `lost`, because the worker was not heard of in time.",
        lambda tally: [(tally.changes[change], {CHANGE: change}) for change in CHANGES],
    ),
)  # fmt: skip
