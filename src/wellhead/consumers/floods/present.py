"""Takes snapshots of a gateway's sockets in their order, gives the findings that changed; reads no clock, and asks nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from wellhead.consumers.floods.connections import Connections
from wellhead.consumers.floods.findings import Finding
from wellhead.consumers.floods.legs import Legs
from wellhead.consumers.floods.limits import FloodLimits
from wellhead.consumers.floods.measures import Measure, measure, measure_orphans
from wellhead.consumers.floods.names import Names
from wellhead.consumers.floods.watch import Told, Watches
from wellhead.consumers.floods.window import Window

_MS = 1000


class Present:
    """Finds floods in snapshots of a gateway's sockets.

    A snapshot is judged once the next one begins, or `tick` says that its records must all have come.
    """

    def __init__(self, gateway: str, limits: FloodLimits) -> None:
        self._limits = limits
        self._names = Names(limits.names_max)
        self._proxies: set[str] = set()
        self._connections = Connections()
        self._window = Window(limits.growth_window_secs, limits.families_max)
        self._watches = Watches(gateway, "connections", limits, self._tell)
        self._snapshot: tuple[int, int] | None = None
        self._last_ms = self._number = 0
        self._legs: Legs | None = None

    def take(self, batch: pa.RecordBatch) -> list[Finding]:
        """Take records; give the findings that changed."""
        if not batch.num_rows:
            return []
        rows = pl.DataFrame(pl.from_arrow(batch))
        times = rows["snapshot_time"]
        stamps = (times.dt.epoch("ms") if times.dtype.is_temporal() else times).cast(pl.Int64).to_numpy()
        numbers = rows["sequence"].cast(pl.Int64).to_numpy()
        starts = np.flatnonzero(np.r_[True, (stamps[1:] != stamps[:-1]) | (numbers[1:] != numbers[:-1])])
        told: list[Finding] = []
        for start, end in zip(starts, [*starts[1:], len(stamps)], strict=True):
            told += self._fold(rows[int(start) : int(end)], int(stamps[start]), int(numbers[start]))
        return told

    def _fold(self, rows: pl.DataFrame, time_ms: int, number: int) -> list[Finding]:
        if time_ms < self._last_ms and number <= self._number:
            return []
        told: list[Finding] = []
        if self._snapshot != (time_ms, number):
            told += self._judge()
            told += self._elapse(time_ms - 1) if time_ms >= self._last_ms else self._set_back(time_ms)
            self._snapshot = (time_ms, number)
        self._last_ms, self._number = time_ms, number
        self._legs = None
        self._learn(rows, time_ms)
        self._connections.fold(rows, time_ms)
        return told

    def _learn(self, rows: pl.DataFrame, time_ms: int) -> None:
        if "remote_name" in rows.columns:
            named = rows.filter(pl.col("remote_name").is_not_null() & (pl.col("direction") != "client"))
            for address, name in named.select("remote_ip", "remote_name").unique(maintain_order=True).iter_rows():
                self._names.learn(address, name, time_ms)
        if "process" in rows.columns:
            self._proxies |= set(rows.filter(pl.col("direction") == "client")["process"].drop_nulls().unique().to_list())

    def _judge(self) -> list[Finding]:
        """Judge the snapshot that is complete now, at its own time; once."""
        if self._snapshot is None:
            return []
        time_ms, self._snapshot = self._snapshot[0], None
        self._connections.finish()
        self._names.forget(time_ms)
        self._legs = None
        legs = self._seen()
        measures = [*measure(legs, self._window, self._limits), *measure_orphans(legs, self._limits)]
        self._window.add(time_ms, legs.counts)
        return [*self._watches.observe(time_ms, measures), *self._watches.advance(time_ms)]

    def _elapse(self, time_ms: int) -> list[Finding]:
        """Let time go on to `time_ms` without a record."""
        silent_ms = self._last_ms + int(self._limits.silent_after_secs * _MS)
        told = self._watches.advance(min(time_ms, silent_ms))
        if time_ms < silent_ms or not self._last_ms:
            return told
        # What was open then need not be: a source that begins anew with nothing has no record to say so.
        self._connections, self._legs = Connections(), None
        self._window.restore([])
        return [*told, *self._watches.silence(silent_ms)]

    def _set_back(self, time_ms: int) -> list[Finding]:
        """Begin anew at an earlier time: by its number the snapshot is a later one, so that it is the clock that was wrong, or is.

        Connections stay, for the next records may tell only what changed; how long a finding has stood, and growth, nobody can say.
        """
        told = self._watches.silence(self._last_ms)
        self._window.restore([])
        self._names.set_back(time_ms)
        self._connections.set_back(time_ms)
        return told

    def tick(self, now_ms: int) -> list[Finding]:
        """Say that every record from before `now_ms` - `late_secs` has been taken; give the findings that are due by then."""
        known_ms = now_ms - int(self._limits.late_secs * _MS)
        told = self._judge() if self._snapshot and known_ms >= self._last_ms else []
        return told if self._snapshot else [*told, *self._elapse(known_ms)]

    def _seen(self) -> Legs:
        if self._legs is None:
            self._legs = Legs(self._connections, self._names, self._proxies, self._limits)
        return self._legs

    def _tell(self, found: Measure) -> Told:
        legs = self._seen()
        chosen = legs.chosen(found.detector, found.family)
        return Told(legs.members(chosen), legs.samples(chosen))

    @property
    def open(self) -> list[Finding]:
        """The findings that are open, as last told."""
        return self._watches.open

    @property
    def totals(self) -> dict[str, int]:
        """Established connections now: all, and those to destinations."""
        legs = self._seen()
        return {"established": legs.established, "upstream": legs.total}

    def kept(self) -> dict[str, Any]:
        """Give all of it as JSON can hold it."""
        return {
            "last_ms": self._last_ms,
            "number": self._number,
            "snapshot": None if self._snapshot is None else list(self._snapshot),
            "proxies": sorted(self._proxies),
            "names": self._names.kept(),
            "connections": self._connections.kept(),
            "window": self._window.kept(),
            "watches": self._watches.kept(),
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Take back what `kept` gave."""
        self._last_ms, self._number = kept["last_ms"], kept["number"]
        self._snapshot = None if kept["snapshot"] is None else (kept["snapshot"][0], kept["snapshot"][1])
        self._proxies = set(kept["proxies"])
        self._names.restore(kept["names"])
        self._connections.restore(kept["connections"])
        self._window.restore(kept["window"])
        self._watches.restore(kept["watches"])
        self._legs = None
