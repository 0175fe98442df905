"""Takes what an operator thinks a gateway bears, gives the limits of one destination; judges nothing itself."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class DestinationLimits:
    """Limits of the destinations that a pattern matches; None is the gateway's own.

    Attributes:
        match: A family's name or the name or address of one of its members, `*` and `?` allowed, or a network (`198.51.100.0/24`).
        established_max: Established connections to it at most.
        share_max: Its share of the gateway's connections to destinations, 0 to 1.
        share_min_connections: With fewer connections than this to it, its share is not looked at.
        idle_max: Idle connections to it at most.
        orphan_max: Orphaned connections to it at most.
        growth_per_min: New connections to it a minute at most, net of those that ended.
    """

    match: str
    established_max: int | None = None
    share_max: float | None = None
    share_min_connections: int | None = None
    idle_max: int | None = None
    orphan_max: int | None = None
    growth_per_min: float | None = None


@dataclass(frozen=True, slots=True)
class FloodLimits:
    """When connections are a flood, for one gateway.

    A finding opens when a measure has been above its limit for `open_after_secs`, and closes when it has been at or below
    `close_ratio` of the limit for `close_after_secs`; in between nothing changes. All times are those of the records.

    Attributes:
        total_max: Established connections of the gateway at most, of clients and to destinations together; None means any number.
        established_max: Established connections to one family at most.
        share_max: Share of one destination family in the connections to destinations, 0 to 1.
        share_min_connections: With fewer connections than this to a family, its share is not looked at.
        idle_secs: A connection on which nothing came or went for so long is idle.
        idle_max: Idle connections to one family at most.
        orphan_secs: So long more upstream connections than clients that could use them must have been there.
        orphan_max: Orphaned upstream connections at most.
        streams_per_client: So many exchanges a client's connection may carry at a time; 1 unless clients speak HTTP/2 to the gateway.
        growth_per_min: By so many connections a minute one family may grow.
        growth_window_secs: Over so long growth is measured.
        open_after_secs: So long a measure must be above its limit.
        close_after_secs: So long a measure must be below `close_ratio` of its limit.
        close_ratio: Part of the limit below which a finding may close, 0 to 1.
        update_secs: An open finding whose numbers changed is told again not more often than this.
        silent_after_secs: Without a record for so long nothing is known of the gateway, and its findings are closed as `silent`.
        late_secs: A snapshot's records come at most so long after its time; `tick` waits for them.
        window_secs: Over so long an access log's connections are averaged.
        families_max: So many families are counted exactly; of more, the largest, and `approximate` is said.
        names_max: So many addresses' names are remembered.
        destinations: Limits of single destinations; the first that matches.
    """

    total_max: int | None = 20_000
    established_max: int = 1_000
    share_max: float = 0.5
    share_min_connections: int = 100
    idle_secs: float = 300.0
    idle_max: int = 500
    orphan_secs: float = 15.0
    orphan_max: int = 100
    streams_per_client: int = 1
    growth_per_min: float = 600.0
    growth_window_secs: float = 60.0
    open_after_secs: float = 10.0
    close_after_secs: float = 30.0
    close_ratio: float = 0.8
    update_secs: float = 30.0
    silent_after_secs: float = 180.0
    late_secs: float = 5.0
    window_secs: float = 60.0
    families_max: int = 2_000
    names_max: int = 20_000
    destinations: tuple[DestinationLimits, ...] = field(default=())

    def of(self, names: Iterable[str]) -> Destination:
        """Give the limits of a destination known by `names` (its family, its members' names and addresses)."""
        known = tuple(names)
        for own in self.destinations:
            if any(matches(own.match, name) for name in known):
                return Destination.of(self, own)
        return Destination.of(self, DestinationLimits(""))

    def changed(self, changes: Mapping[str, object]) -> FloodLimits:
        """Give these limits with some replaced, as for the gateways that a pattern matches; None replaces nothing."""
        known = {one.name for one in fields(self)}
        if unknown := changes.keys() - known:
            raise ValueError(f"no such limit: {', '.join(sorted(unknown))}")
        kept = {name: value for name, value in changes.items() if value is not None}
        return replace(self, **kept)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Destination:
    """The limits that hold for one destination."""

    established_max: int
    share_max: float
    share_min_connections: int
    idle_max: int
    orphan_max: int
    growth_per_min: float

    @classmethod
    def of(cls, gateway: FloodLimits, own: DestinationLimits) -> Destination:
        """Give `own`, and the gateway's where it has none."""
        return cls(
            gateway.established_max if own.established_max is None else own.established_max,
            gateway.share_max if own.share_max is None else own.share_max,
            gateway.share_min_connections if own.share_min_connections is None else own.share_min_connections,
            gateway.idle_max if own.idle_max is None else own.idle_max,
            gateway.orphan_max if own.orphan_max is None else own.orphan_max,
            gateway.growth_per_min if own.growth_per_min is None else own.growth_per_min,
        )


def matches(pattern: str, name: str) -> bool:
    """Say whether `pattern` is of `name`: the same but for case, by `*` and `?`, or as the network an address is in.

    `*.example.net` matches what is below example.net, the family of that name, and example.net itself.
    """
    pattern, name = pattern.lower().rstrip("."), name.lower().rstrip(".")
    if fnmatchcase(name, pattern) or (pattern.startswith("*.") and name == pattern[2:]):
        return True
    network = _network(pattern)
    address = _network(name) if network is not None else None
    return network is not None and address is not None and network.version == address.version and _within(address, network)


@lru_cache(maxsize=4096)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _within(inner: ipaddress.IPv4Network | ipaddress.IPv6Network, outer: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    return inner.network_address in outer and inner.prefixlen >= outer.prefixlen
