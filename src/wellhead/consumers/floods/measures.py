"""Takes the connections of one time and their limits, gives each number that may be too large, and how near it is; remembers nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import polars as pl

from wellhead.consumers.floods.families import ALL
from wellhead.consumers.floods.findings import DetectorName
from wellhead.consumers.floods.legs import Legs
from wellhead.consumers.floods.limits import Destination, FloodLimits
from wellhead.consumers.floods.orphans import allotted
from wellhead.consumers.floods.window import Window

Level = Literal["above", "between", "below"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of one family, and whether it is too large.

    Attributes:
        level: `above` its limit, `below` the part of it at which a finding may close, or `between`.
        thresholds: What it was held against, `(name, value)`.
    """

    detector: DetectorName
    family: str
    level: Level
    count: int
    at_least: int
    total: int
    growth_per_min: float | None = None
    thresholds: tuple[tuple[str, float], ...] = ()
    approximate: bool = False

    @property
    def share(self) -> float:
        """The count's part of the total."""
        return self.count / self.total if self.total else 0.0


class Counted(Protocol):
    """Connections of one time, or of one window, counted by family."""

    @property
    def time_ms(self) -> int:
        """When."""
        ...

    @property
    def cut(self) -> bool:
        """Whether there was too much to count each one exactly."""
        ...

    @property
    def counts(self) -> Mapping[str, int]:
        """Connections by family."""
        ...

    @property
    def idle_counts(self) -> Mapping[str, int]:
        """Those on which nothing moves."""
        ...

    @property
    def total(self) -> int:
        """All connections to destinations."""
        ...

    @property
    def established(self) -> int:
        """All connections."""
        ...

    def known_as(self, family: str) -> tuple[str, ...]:
        """Give every name by which limits may know a family."""
        ...


@dataclass(frozen=True, slots=True)
class Scale:
    """The limits of one destination, and how far below one must be to be well again."""

    limits: FloodLimits
    own: Destination

    def level(self, value: float, limit: float) -> Level:
        """Say where a value stands."""
        if value > limit:
            return "above"
        return "below" if value <= limit * self.limits.close_ratio else "between"

    def share(self, count: int, total: int) -> Level:
        """Say where a share stands; of few connections it says nothing."""
        level = self.level(count / total if total else 0.0, self.own.share_max)
        least = self.own.share_min_connections
        if level == "above" and count < least:
            level = "between"
        return "below" if count < least * self.limits.close_ratio else level


def floor_of(limits: FloodLimits) -> float:
    """Give the number of connections below which no limit can be near, whatever the destination."""
    every = [Destination.of(limits, own) for own in limits.destinations] + [limits.of(())]
    window_min = limits.growth_window_secs / 60
    near = (
        min(own.established_max, own.share_min_connections, own.idle_max, own.orphan_max, own.growth_per_min * window_min)
        for own in every
    )
    return min(near) * limits.close_ratio


def measure(seen: Counted, window: Window, limits: FloodLimits) -> Iterator[Measure]:
    """Give what may be too large of connections as they are counted; what is not among it is below."""
    if limits.total_max is not None:
        count = seen.established
        level = Scale(limits, limits.of(())).level(count, limits.total_max)
        yield Measure("established", ALL, level, count, count, count, None, (("total_max", limits.total_max),))
    floor = floor_of(limits)
    counts = {**dict.fromkeys(seen.idle_counts, 0), **seen.counts}
    for family in sorted(name for name, count in counts.items() if max(count, seen.idle_counts.get(name, 0)) > floor):
        yield from _of_family(seen, window, Scale(limits, limits.of(seen.known_as(family))), family)


def _of_family(seen: Counted, window: Window, scale: Scale, family: str) -> Iterator[Measure]:
    count, total, own = seen.counts.get(family, 0), seen.total, scale.own
    per_min = window.per_min(seen.time_ms, family, count)
    level = scale.level(count, own.established_max)
    yield Measure(
        "established", family, level, count, count, total, per_min, (("established_max", own.established_max),), seen.cut
    )
    shown = (("share_max", own.share_max), ("share_min_connections", float(own.share_min_connections)))
    yield Measure("share", family, scale.share(count, total), count, count, total, per_min, shown, seen.cut)
    idle = seen.idle_counts.get(family, 0)
    shown = (("idle_max", float(own.idle_max)), ("idle_secs", scale.limits.idle_secs))
    yield Measure("idle", family, scale.level(idle, own.idle_max), idle, idle, max(idle, total), per_min, shown, seen.cut)
    if per_min is not None:
        shown = (("growth_per_min", own.growth_per_min), ("growth_window_secs", scale.limits.growth_window_secs))
        level = scale.level(per_min, own.growth_per_min)
        yield Measure("growth", family, level, count, count, total, per_min, shown, seen.cut or window.cut)


def measure_orphans(legs: Legs, limits: FloodLimits) -> Iterator[Measure]:
    """Give the connections without a client that may be too many, by the families they are likely of."""
    count, candidates = legs.orphans.count, legs.orphans.candidates
    if not count:
        return
    by = candidates.group_by("family").agg(pl.len().alias("legs"), pl.col("fed").sum())
    named = 0
    for family, likely, certain in allotted(count, [(row[0], row[1], row[2]) for row in by.iter_rows()]):
        scale = Scale(limits, limits.of(legs.known_as(family)))
        if (level := scale.level(likely, scale.own.orphan_max)) != "below":
            named += 1
            yield Measure("orphaned", family, level, likely, certain, legs.total, None, _orphan_limits(scale), legs.cut)
    if not named:
        # Many, and of no family in particular: the gateway leaks, whoever is at the other end.
        whole = Scale(limits, limits.of(()))
        level = whole.level(count, whole.own.orphan_max)
        yield Measure("orphaned", ALL, level, count, count, legs.total, None, _orphan_limits(whole), legs.cut)


def _orphan_limits(scale: Scale) -> tuple[tuple[str, float], ...]:
    return (("orphan_max", float(scale.own.orphan_max)), ("orphan_secs", scale.limits.orphan_secs))
