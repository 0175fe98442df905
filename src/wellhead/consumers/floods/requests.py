"""Takes lines of a gateway's access log, gives how many connections it had open on average over a window that is past; never more than happened.

A line is written when its request ends. So a log tells of connections only once they have ended, and of one that is open nothing: what is
counted here was open at least. Lines without a duration say nothing of connections and are left out of all but names and clients.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

from wellhead.consumers.floods.findings import MAX_CLIENTS, MAX_EVIDENCE, Client, Sample
from wellhead.consumers.floods.limits import FloodLimits
from wellhead.consumers.floods.tally import Tally, distinct_of

PARTS = 6
"""A window is so many buckets; it moves by one of them."""
CLIENTS_EXACT = 256
"""So many clients of one family in one bucket are counted exactly."""
IDLE_BYTES_PER_SEC = 64.0
"""A connection that moved less was open for nothing: a heartbeat of a few bytes is less, anything loaded is more."""
_SAMPLES = 4
_MS = 1000


@dataclass(slots=True)
class Bucket:
    """What was open in one stretch of time.

    Attributes:
        open_ms: By family, for how long its connections were open in it, added up.
        idle: By family, the connections that ended in it after long, and had been open for nothing.
        clients: By family, the requests of each client that ended in it.
        samples: By family, the longest request that ended in it to each of some hosts.
    """

    open_ms: Tally
    idle: Tally
    clients: dict[str, Tally] = field(default_factory=dict)
    samples: dict[str, list[Sample]] = field(default_factory=dict)


class Requests:
    """The buckets of one window, and what is in them."""

    def __init__(self, limits: FloodLimits) -> None:
        self._limits = limits
        self.bucket_ms = max(1, int(limits.window_secs * _MS / PARTS))
        self._buckets: dict[int, Bucket] = {}

    def add(self, rows: pl.DataFrame, ends_ms: int) -> None:
        """Take lines: columns end, length (both ms), family, host, client, address, moved (bytes, null where not known).

        Args:
            rows: The lines.
            ends_ms: The end of the window that is judged next; what is before that window is left out.
        """
        first = ends_ms // self.bucket_ms - PARTS
        last = _top(rows, "end") // self.bucket_ms
        for number in range(max(first, _least(rows) // self.bucket_ms), last + 1):
            began, ended = number * self.bucket_ms, (number + 1) * self.bucket_ms
            overlap = pl.min_horizontal("end", pl.lit(ended)) - pl.max_horizontal(
                pl.col("end") - pl.col("length"), pl.lit(began)
            )
            inside = rows.with_columns(overlap.alias("open")).filter(pl.col("open") > 0)
            if inside.height:
                self._bucket(number).open_ms.add(_sums(inside, "family", "open"))
            here = rows.filter((pl.col("end") >= began) & (pl.col("end") < ended))
            if here.height:
                self._ended(self._bucket(number), here)

    def _ended(self, bucket: Bucket, rows: pl.DataFrame) -> None:
        secs = pl.col("length") / _MS
        idle = rows.filter((secs >= self._limits.idle_secs) & (pl.col("moved") / secs < IDLE_BYTES_PER_SEC))
        bucket.idle.add(dict(idle.group_by("family").len().iter_rows()))
        asked = rows.filter(pl.col("client").is_not_null()).group_by("family", "client").len().sort("family", "client")
        for (family,), part in asked.group_by("family", maintain_order=True):
            if family in bucket.clients or len(bucket.clients) < self._limits.families_max:
                tally = bucket.clients.setdefault(str(family), Tally(CLIENTS_EXACT))
                tally.add(dict(part.select("client", "len").iter_rows()))
        longest = rows.sort("length", "end", "host", descending=[True, False, False]).unique(
            ["family", "host"], keep="first", maintain_order=True
        )
        for row in longest.group_by("family", maintain_order=True).head(_SAMPLES).iter_rows(named=True):
            kept = bucket.samples.get(row["family"], [])
            if kept or len(bucket.samples) < self._limits.families_max:
                bucket.samples[row["family"]] = _longest([*kept, _sample(row)])

    def _bucket(self, number: int) -> Bucket:
        most = self._limits.families_max
        return self._buckets.setdefault(number, Bucket(Tally(most), Tally(most)))

    def seen(self, ends_ms: int) -> Hindsight:
        """Give the window that ends at `ends_ms`, and forget what is before it."""
        last = ends_ms // self.bucket_ms
        self._buckets = {number: one for number, one in self._buckets.items() if number >= last - PARTS}
        numbers = sorted(self._buckets)
        within = [self._buckets[each] for each in numbers if each < last]
        return Hindsight(ends_ms, within, [self._buckets[each] for each in numbers], self.bucket_ms)

    def kept(self) -> list[Any]:
        """Give all of it as JSON can hold it."""
        return [
            [
                number,
                one.open_ms.kept(),
                one.idle.kept(),
                {family: tally.kept() for family, tally in one.clients.items()},
                {family: [asdict(each) for each in samples] for family, samples in one.samples.items()},
            ]
            for number, one in self._buckets.items()
        ]

    def restore(self, kept: list[Any]) -> None:
        """Take back what `kept` gave."""
        most = self._limits.families_max
        self._buckets = {
            number: Bucket(
                Tally.read(most, open_ms),
                Tally.read(most, idle),
                {family: Tally.read(CLIENTS_EXACT, each) for family, each in clients.items()},
                {family: [Sample(**each) for each in found] for family, found in samples.items()},
            )
            for number, open_ms, idle, clients, samples in kept
        }


class Hindsight:
    """The connections of one window, on average, by family.

    Attributes:
        time_ms: Where it ends.
        counts: Connections by family.
        idle_counts: By family, the connections that ended in it after long and had been open for nothing.
        total: All connections.
        established: The same: a log tells of clients' requests, not of two legs.
        cut: Whether there were too many families to count each exactly.
    """

    def __init__(self, time_ms: int, buckets: list[Bucket], known: list[Bucket], bucket_ms: int) -> None:
        self.time_ms = time_ms
        # Who had a connection is known where it ended, which may be after the window in which it was open.
        self._known = known
        window_ms = bucket_ms * PARTS
        open_ms, idle = Tally(_ANY), Tally(_ANY)
        for one in buckets:
            open_ms.add(one.open_ms.items())
            idle.add(one.idle.items())
        self.counts = {family: round(each / window_ms) for family, each in open_ms.items().items()}
        self.idle_counts = idle.items()
        self.total = self.established = round(sum(one.open_ms.total for one in buckets) / window_ms)
        self.cut = any(one.open_ms.approximate for one in buckets)

    def known_as(self, family: str) -> tuple[str, ...]:
        """Give every name by which limits may know a family."""
        return (family, *(one.name for one in self.samples(family) if one.name))

    def samples(self, family: str) -> tuple[Sample, ...]:
        """Give the longest requests of a family, the oldest first."""
        found = [one for bucket in self._known for one in bucket.samples.get(family, [])]
        longest = sorted(found, key=lambda one: (-one.age_secs, one.since_ms, one.remote))[:MAX_EVIDENCE]
        return tuple(sorted(longest, key=lambda one: (one.since_ms, one.remote)))

    def clients(self, family: str) -> tuple[int, tuple[Client, ...]]:
        """Give how many clients asked for a family, and those that asked most."""
        tallies = [one.clients[family] for one in self._known if family in one.clients]
        sums = Tally(_ANY)
        for one in tallies:
            sums.add(one.items())
        top = sorted(sums.items().items(), key=lambda each: (-each[1], each[0]))[:MAX_CLIENTS]
        return distinct_of(tallies), tuple(Client(name, count) for name, count in top)


_ANY = 1 << 40


def _sums(frame: pl.DataFrame, by: str, value: str) -> Mapping[str, int]:
    return dict(frame.group_by(by).agg(pl.col(value).sum()).iter_rows())


def _top(rows: pl.DataFrame, column: str) -> int:
    return int(str(rows[column].max() or 0))


def _least(rows: pl.DataFrame) -> int:
    return int(str((rows["end"] - rows["length"]).min() or 0))


def _longest(samples: list[Sample]) -> list[Sample]:
    """Give the longest of each host, and of these the longest."""
    found: dict[str, Sample] = {}
    for one in sorted(samples, key=lambda each: (-each.age_secs, each.since_ms, each.remote)):
        found.setdefault(one.remote, one)
    return list(found.values())[:_SAMPLES]


def _sample(row: dict[str, Any]) -> Sample:
    return Sample(
        local="",
        remote=row["host"],
        name=row["host"],
        since_ms=row["end"] - row["length"],
        age_secs=row["length"] / _MS,
        bytes_received=row["moved"],
    )


def parted(rows: pl.DataFrame, bucket_ms: int, late_ms: int, newest_ms: int) -> Iterator[tuple[pl.DataFrame, int]]:
    """Cut lines where another bucket is complete, so that it does not matter in which batches they came; give the time that is.

    A bucket is complete once a line came that is `late_ms` younger than its end.
    """
    newest = rows["end"].cum_max().clip(lower_bound=newest_ms)
    cut = rows.with_columns(((newest - late_ms) // bucket_ms * bucket_ms).alias("complete"))
    for _, part in cut.group_by("complete", maintain_order=True):
        yield part, _top(part, "complete")
