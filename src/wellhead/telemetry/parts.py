"""Takes what the parts of a service report, gives their state, lag and standing alerts; never talks to a metrics library.

Every method may be called from any thread. The lag of a part is that of its whole consumer group: the service measures it
beside the parts, so that it is told while a part stands still or is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, ClassVar, Final, Literal

from wellhead.clock import Clock
from wellhead.telemetry.onward import OFF, Onward

State = Literal["starting", "running", "rebuilding", "waiting", "failed", "stopped"]

STATES: Final[tuple[State, ...]] = ("starting", "running", "rebuilding", "waiting", "failed", "stopped")
ALERTS: Final = ("failed", "waiting", "lag", "lag_unknown", "dropped")

# A part that waits or a lag that nobody could measure is news only once it lasts; a dead letter stays news for a while.
WAITING_STANDS_AFTER_SECS: Final = 30.0
LAG_UNKNOWN_AFTER_SECS: Final = 30.0
DROPPED_STANDS_SECS: Final = 900.0


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a group is behind in one partition.

    Attributes:
        records: Records after the committed position, those of open or aborted transactions among them.
        oldest_ms: When the first of them reached Kafka (epoch ms); None where there is none.
    """

    records: int
    oldest_ms: int | None

    def secs(self, now_ms: int) -> float:
        """Give how long the first of them has been waiting; 0 where none is."""
        return 0.0 if self.oldest_ms is None else max(0, now_ms - self.oldest_ms) / 1000


@dataclass(slots=True)
class PartTally:
    """What every part tells; whoever reads more than one of the totals holds `lock`.

    Attributes:
        entry: Name of the entry in the section of the file that the part is of.
        clock: The time that states and ages are counted by.
        lag_alert_secs: Lag at which the alert `lag` stands.
        now: State, since when (epoch ms), and what is to be said about it.
        has_run: Whether it was ever at work.
        onward: Makes its spans; set by whoever shows the part.
    """

    entry: str
    clock: Clock
    lag_alert_secs: float = float("inf")
    lock: Lock = field(default_factory=Lock)
    now: tuple[State, int, str] = ("starting", 0, "")
    has_run: bool = False
    last_error: tuple[int, str] | None = None
    lags: dict[int, Lag] = field(default_factory=dict)
    lag_ms: int = 0
    dropped_ms: int | None = None
    onward: Onward = OFF

    label: ClassVar[str]
    """Name of the label under which metrics carry the entry."""

    def __post_init__(self) -> None:
        self.now = ("starting", self.clock.now_ms(), "")
        self.lag_ms = self.clock.now_ms()

    def state(self, state: State, message: str = "") -> None:
        """Tell what the part is at; `message` says why, for `/health`. It is kept as the last error while it waits or has failed."""
        now_ms = self.clock.now_ms()
        with self.lock:
            since_ms = self.now[1] if self.now[0] == state else now_ms
            self.now = (state, since_ms, message)
            self.has_run |= state == "running"
            if message and state in {"waiting", "failed"}:
                self.last_error = (now_ms, message)

    def lag(self, by_partition: Mapping[int, tuple[int, float]]) -> None:
        """Tell for some partitions the records not yet done, and the seconds the first of them has been waiting.

        The seconds go on growing by themselves until the next call. Partitions that are not named keep what was last told of them.
        """
        now_ms = self.clock.now_ms()
        made = {
            partition: Lag(records, now_ms - int(secs * 1000) if records > 0 else None)
            for partition, (records, secs) in by_partition.items()
        }
        with self.lock:
            self.lags.update(made)
            self.lag_ms = now_ms

    def behind(self, now_ms: int) -> tuple[int, float]:
        """Give the records of all partitions and the seconds of the one furthest behind, while `lock` is held."""
        return sum(lag.records for lag in self.lags.values()), max(
            (lag.secs(now_ms) for lag in self.lags.values()), default=0.0
        )

    def standing(self, now_ms: int) -> frozenset[str]:
        """Give the alerts that stand now, while `lock` is held."""
        state, since_ms, _ = self.now
        stands = {
            "failed": state == "failed",
            "waiting": state in {"waiting", "rebuilding"} and now_ms - since_ms > WAITING_STANDS_AFTER_SECS * 1000,
            "lag": self.behind(now_ms)[1] > self.lag_alert_secs,
            "lag_unknown": now_ms - self.lag_ms > LAG_UNKNOWN_AFTER_SECS * 1000,
            "dropped": self.dropped_ms is not None and now_ms - self.dropped_ms < DROPPED_STANDS_SECS * 1000,
        }
        return frozenset(alert for alert, is_so in stands.items() if is_so)

    def health(self) -> dict[str, Any]:
        """Give what `/health` says of the part."""
        now_ms = self.clock.now_ms()
        with self.lock:
            state, since_ms, message = self.now
            records, secs = self.behind(now_ms)
            shown: dict[str, Any] = {
                "state": state,
                "state_secs": max(0, now_ms - since_ms) / 1000,
                "message": message,
                "lag_records": records,
                "lag_secs": secs,
                "lag_age_secs": max(0, now_ms - self.lag_ms) / 1000,
                "alerts": sorted(self.standing(now_ms)),
            }
            if self.last_error is not None:
                at_ms, told = self.last_error
                shown["last_error"] = {"message": told, "age_secs": max(0, now_ms - at_ms) / 1000}
            return shown | self._totals()

    @property
    def labels(self) -> dict[str, str | int]:
        """The labels that all metrics of the part carry."""
        return {self.label: self.entry}

    def _totals(self) -> dict[str, Any]:
        return {}
