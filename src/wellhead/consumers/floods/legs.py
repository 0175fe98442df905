"""Takes a gateway's connections and the names behind addresses, gives them counted by family at one time; judges nothing."""

from __future__ import annotations

from functools import cached_property

import polars as pl

from wellhead.consumers.floods.connections import Connections
from wellhead.consumers.floods.families import ALL, address_of
from wellhead.consumers.floods.findings import MAX_EVIDENCE, MAX_MEMBERS, Sample
from wellhead.consumers.floods.limits import FloodLimits
from wellhead.consumers.floods.names import Names
from wellhead.consumers.floods.orphans import Orphans, orphans

_MS = 1000


class Legs:
    """The established connections of a gateway at `time_ms`, each with the family it is of.

    Connections to destinations are those the gateway opened, and those of which the source cannot say who did.

    Attributes:
        time_ms: That of the last snapshot.
        cut: Whether there were more connections than are held.
        every: Both legs.
        upstream: Those to destinations.
    """

    def __init__(self, connections: Connections, names: Names, proxies: set[str], limits: FloodLimits) -> None:
        self.time_ms = connections.time_ms
        self.cut = connections.cut
        self._names = names
        self._proxies = proxies
        self._idle_ms = int(limits.idle_secs * _MS)
        self._streams = limits.streams_per_client
        legs = connections.frame.filter(pl.col("established"))
        found = legs.filter(pl.col("direction") != "client")["remote_ip"].unique().to_list()
        columns = {"remote_ip": found, "family": [names.family_at(one) for one in found]}
        of = pl.DataFrame(columns, schema={"remote_ip": pl.String, "family": pl.String})
        self.every = legs.join(of, on="remote_ip", how="left", maintain_order="left")
        self.upstream = self.every.filter(pl.col("direction") != "client")

    @cached_property
    def counts(self) -> dict[str, int]:
        """Connections by family."""
        return _counts(self.upstream)

    @cached_property
    def idle(self) -> pl.DataFrame:
        """Connections on which nothing came or went for long; those whose use cannot be seen are not among them."""
        return self.upstream.filter(pl.col("active") <= self.time_ms - self._idle_ms)

    @cached_property
    def idle_counts(self) -> dict[str, int]:
        """Idle connections by family."""
        return _counts(self.idle)

    @cached_property
    def orphans(self) -> Orphans:
        """Connections without a client."""
        return orphans(self.every, self._proxies, self._streams)

    @property
    def total(self) -> int:
        """All connections to destinations."""
        return self.upstream.height

    @property
    def established(self) -> int:
        """All connections."""
        return self.every.height

    def chosen(self, detector: str, family: str) -> pl.DataFrame:
        """Give the connections that a detector counts for a family."""
        if detector == "orphaned":
            frame = self.orphans.candidates
        elif detector == "idle":
            frame = self.idle
        else:
            frame = self.every if family == ALL else self.upstream
        return frame if family == ALL else frame.filter(pl.col("family") == family)

    def members(self, frame: pl.DataFrame) -> tuple[str, ...]:
        """Give names and addresses of what was counted, those with the most connections first."""
        by = frame.filter(pl.col("direction") != "client").group_by("remote_ip").len()
        found = dict[str, None]()
        for address in by.sort("len", "remote_ip", descending=[True, False])["remote_ip"].head(MAX_MEMBERS).to_list():
            found.update(dict.fromkeys((*self._names.hosts_at(address), address_of(address) or address)))
        return tuple(found)[:MAX_MEMBERS]

    def samples(self, frame: pl.DataFrame) -> tuple[Sample, ...]:
        """Give some connections, the oldest first."""
        rows = frame.sort("since", "local_ip", "local_port", "remote_ip", "remote_port").head(MAX_EVIDENCE)
        return tuple(self._sample(row) for row in rows.iter_rows(named=True))

    def _sample(self, row: dict[str, object]) -> Sample:
        since, active = int(str(row["since"])), row["active"]
        name = row["name"] or next(iter(self._names.hosts_at(str(row["remote_ip"]))), None)
        return Sample(
            local=_at(row["local_ip"], row["local_port"]),
            remote=_at(row["remote_ip"], row["remote_port"]),
            name=None if name is None else str(name),
            since_ms=since,
            age_secs=max(0, self.time_ms - since) / _MS,
            idle_secs=None if active is None else max(0, self.time_ms - int(str(active))) / _MS,
            bytes_sent=_whole(row["sent"]),
            bytes_received=_whole(row["received"]),
            process=None if row["process"] is None else str(row["process"]),
        )

    def known_as(self, family: str) -> tuple[str, ...]:
        """Give every name by which limits may know a family."""
        addresses = self._addresses.get(family, [])
        hosts = (host for address in addresses for host in self._names.hosts_at(address))
        return (family, *addresses, *hosts)

    @cached_property
    def _addresses(self) -> dict[str, list[str]]:
        found = self.upstream.group_by("family").agg(pl.col("remote_ip").unique().sort())
        return dict(zip(found["family"].to_list(), found["remote_ip"].to_list(), strict=True))


def _counts(frame: pl.DataFrame) -> dict[str, int]:
    found = frame.group_by("family").len()
    return dict(zip(found["family"].to_list(), found["len"].to_list(), strict=True))


def _at(address: object, port: object) -> str:
    return f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}"


def _whole(value: object) -> int | None:
    return None if value is None else int(str(value))
