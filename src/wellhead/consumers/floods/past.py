"""Takes a gateway's access log in its order, gives the findings that changed; knows only of connections that have ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from wellhead.consumers.floods.access import lines_of, with_families
from wellhead.consumers.floods.families import ALL
from wellhead.consumers.floods.findings import Finding
from wellhead.consumers.floods.limits import FloodLimits
from wellhead.consumers.floods.measures import Measure, measure
from wellhead.consumers.floods.names import Names
from wellhead.consumers.floods.requests import Hindsight, Requests, parted
from wellhead.consumers.floods.watch import Told, Watches
from wellhead.consumers.floods.window import Window

_MS = 1000
_OLD_LINES = 200
"""After so many lines in a row that are too old to count it is not they that are late: the lines before them came by a wrong clock."""


class Past:
    """Finds floods in an access log, at the end of each bucket of time.

    A line without a duration gives names only.
    """

    def __init__(self, gateway: str, limits: FloodLimits) -> None:
        self._limits = limits
        self._names = Names(limits.names_max)
        self._requests = Requests(limits)
        self._window = Window(limits.growth_window_secs, limits.families_max)
        self._watches = Watches(gateway, "access_log", limits, self._tell)
        self._newest_ms = self._judged_ms = self._old = 0
        self._seen = Hindsight(0, [], [], self._requests.bucket_ms)

    def take(self, batch: pa.RecordBatch) -> list[Finding]:
        """Take lines; give the findings that changed."""
        lines = lines_of(batch)
        told: list[Finding] = []
        while (cut := self._set_back_at(lines)) is not None:
            told += self._take(lines.head(cut))
            told += self._begin_anew(int(lines["end"][cut]))
            lines = lines.slice(cut)
        return [*told, *self._take(lines)]

    def _set_back_at(self, lines: pl.DataFrame) -> int | None:
        """Give the line by which so many in a row were too old to count that it is the clock that was set back; None where there is none."""
        if not lines.height:
            return None
        ends = lines["end"].to_numpy()
        newest = np.maximum.accumulate(np.maximum(ends, self._newest_ms))
        old = ends < newest - int((self._limits.window_secs + self._limits.late_secs) * _MS)
        place = np.arange(len(ends))
        counted = np.maximum.accumulate(np.where(old, -1, place))
        row = place - counted + np.where(counted < 0, self._old, 0)
        if not (found := np.flatnonzero(old & (row >= _OLD_LINES))).size:
            self._old = int(row[-1]) if old[-1] else 0
            return None
        self._old = 0
        return int(found[0])

    def _begin_anew(self, time_ms: int) -> list[Finding]:
        told = self._watches.silence(self._newest_ms)
        self._requests, self._newest_ms, self._judged_ms = Requests(self._limits), 0, 0
        self._window.restore([])
        self._names.set_back(time_ms)
        return told

    def _take(self, lines: pl.DataFrame) -> list[Finding]:
        told: list[Finding] = []
        late_ms = int(self._limits.late_secs * _MS)
        for part, complete_ms in parted(lines, self._requests.bucket_ms, late_ms, self._newest_ms) if lines.height else ():
            told += self._until(complete_ms)
            self._newest_ms = max(self._newest_ms, int(str(part["end"].max())))
            self._add(part)
        return told

    def _add(self, lines: pl.DataFrame) -> None:
        named = lines.filter(pl.col("host").is_not_null() & pl.col("address").is_not_null())
        for address, host, end in (
            named.group_by("address", "host").agg(pl.col("end").max()).sort("address", "host").iter_rows()
        ):
            self._names.learn(address, host, end)
        timed = with_families(lines, self._names.family_named).filter(pl.col("length").is_not_null())
        if timed.height:
            self._requests.add(timed, self._judged_ms + self._requests.bucket_ms)

    def _until(self, time_ms: int) -> list[Finding]:
        """Judge every window that ends by `time_ms`."""
        step, told = self._requests.bucket_ms, list[Finding]()
        if not self._judged_ms:
            self._judged_ms = time_ms // step * step
        silent_ms = self._newest_ms + int(self._limits.silent_after_secs * _MS)
        for ends_ms in range(self._judged_ms + step, min(time_ms, silent_ms) + 1, step):
            told += self._judge(ends_ms)
        if time_ms >= silent_ms:
            told += [*self._watches.advance(silent_ms), *self._watches.silence(silent_ms)]
            self._window.restore([])
            self._judged_ms = max(self._judged_ms, time_ms // step * step)
        return told

    def _judge(self, ends_ms: int) -> list[Finding]:
        told = self._watches.advance(ends_ms - 1)
        self._judged_ms = ends_ms
        self._names.forget(ends_ms)
        self._seen = self._requests.seen(ends_ms)
        measures = list(measure(self._seen, self._window, self._limits))
        self._window.add(ends_ms, self._seen.counts)
        return [*told, *self._watches.observe(ends_ms, measures), *self._watches.advance(ends_ms)]

    def tick(self, now_ms: int) -> list[Finding]:
        """Say that every line from before `now_ms` - `late_secs` has been taken; give the findings that are due by then."""
        return self._until(now_ms - int(self._limits.late_secs * _MS)) if self._newest_ms else []

    def _tell(self, found: Measure) -> Told:
        if found.family == ALL:
            return Told((), ())
        samples = self._seen.samples(found.family)
        clients, top = self._seen.clients(found.family)
        return Told(tuple(dict.fromkeys(one.remote for one in samples)), samples, clients, top)

    @property
    def open(self) -> list[Finding]:
        """The findings that are open, as last told."""
        return self._watches.open

    @property
    def totals(self) -> dict[str, int]:
        """Connections on average over the last window."""
        return {"established": self._seen.established, "upstream": self._seen.total}

    def kept(self) -> dict[str, Any]:
        """Give all of it as JSON can hold it."""
        return {
            "newest_ms": self._newest_ms,
            "judged_ms": self._judged_ms,
            "old": self._old,
            "names": self._names.kept(),
            "requests": self._requests.kept(),
            "window": self._window.kept(),
            "watches": self._watches.kept(),
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Take back what `kept` gave."""
        self._newest_ms, self._judged_ms, self._old = kept["newest_ms"], kept["judged_ms"], kept["old"]
        self._names.restore(kept["names"])
        self._requests.restore(kept["requests"])
        self._window.restore(kept["window"])
        self._watches.restore(kept["watches"])
        self._seen = self._requests.seen(self._judged_ms)
