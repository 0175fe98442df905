"""Takes which names were seen at which addresses, gives the family an address belongs to; bounded, and asks nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

from wellhead.consumers.floods.families import address_of, family_of, plain

HOSTS_PER_ADDRESS = 16
AGE_MS = 24 * 3600 * 1000
"""A name not seen at an address for a day is forgotten."""
_HOSTER = 8
"""With more families than this an address is a hoster's, and says nothing about which of them belong together."""
_SHARED = 3


class Names:
    """What is known of the names behind addresses.

    Two registered domains that stand together at every address of either, three or more, are one family: one service under two names, or
    two customers of one host, which is why nobody is let past under such a name (see `advice`). An address with several domains that are
    not one stays an address, for nothing tells whose it is.

    Args:
        most: So many addresses are remembered; of more, those seen last.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._hosts: dict[str, dict[str, int]] = {}
        self._first: dict[str, int] = {}
        self._roots: dict[str, str] | None = None

    def learn(self, address: str, host: str, time_ms: int) -> None:
        """Note that `host` was seen at `address`; what is no name, or no address, is not noted."""
        name, at = plain(host), address_of(address)
        if name is None or at is None or address_of(name) is not None:
            return
        hosts = self._hosts.setdefault(at, {})
        if name not in hosts:
            self._roots = None
            self._first.setdefault(family_of(name).name, time_ms)
        hosts[name] = max(time_ms, hosts.get(name, 0))

    def forget(self, now_ms: int) -> None:
        """Leave out what is old, and what is too much."""
        for address, hosts in list(self._hosts.items()):
            if min(hosts.values()) < now_ms - AGE_MS or len(hosts) > HOSTS_PER_ADDRESS:
                newest = sorted(hosts.items(), key=lambda one: (-one[1], one[0]))[:HOSTS_PER_ADDRESS]
                self._hosts[address] = {host: seen for host, seen in newest if seen >= now_ms - AGE_MS}
                self._roots = None
        if len(self._hosts) > self._most or not all(self._hosts.values()):
            newest_at = sorted(self._hosts, key=lambda at: (-max(self._hosts[at].values(), default=0), at))
            self._hosts = {at: self._hosts[at] for at in sorted(newest_at[: self._most]) if self._hosts[at]}
            self._roots = None
        if self._roots is None:
            known = {family_of(host).name for hosts in self._hosts.values() for host in hosts}
            self._first = {name: first for name, first in self._first.items() if name in known}

    def set_back(self, now_ms: int) -> None:
        """Have no name be seen later than `now_ms`: the clock was set back to it."""
        self._hosts = {at: {host: min(seen, now_ms) for host, seen in hosts.items()} for at, hosts in self._hosts.items()}
        self._first = {name: min(first, now_ms) for name, first in self._first.items()}
        self._roots = None

    def hosts_at(self, address: str) -> tuple[str, ...]:
        """Give the names seen at an address, in order."""
        return tuple(sorted(self._hosts.get(address, ())))

    def family_at(self, address: str) -> str:
        """Give the family of an address: that of its names if they are of one, else itself."""
        at = address_of(address) or address
        found = {self.family_named(host) for host in self._hosts.get(at, ())}
        return found.pop() if len(found) == 1 else at

    def family_named(self, host: str) -> str:
        """Give the family of a host's name, which may be known under another name."""
        name = family_of(host).name
        return self._joined().get(name, name)

    def _joined(self) -> Mapping[str, str]:
        if self._roots is None:
            self._roots = _roots(self._hosts, self._first)
        return self._roots

    def kept(self) -> dict[str, Any]:
        """Give all of it as JSON can hold it."""
        return {"hosts": {at: dict(hosts) for at, hosts in self._hosts.items()}, "first": dict(self._first)}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Take back what `kept` gave."""
        self._hosts = {at: dict(hosts) for at, hosts in kept["hosts"].items()}
        self._first = dict(kept["first"])
        self._roots = None


def _roots(hosts: Mapping[str, Iterable[str]], first: Mapping[str, int]) -> dict[str, str]:
    """Give of each family that is one with another the name that stands for both: the one known longest."""
    at: Counter[str] = Counter()
    together: Counter[tuple[str, str]] = Counter()
    for names in hosts.values():
        found = sorted({family_of(name).name for name in names})
        at.update(found)
        if len(found) <= _HOSTER:
            together.update(combinations(found, 2))
    roots: dict[str, str] = {}
    for (one, other), shared in sorted(together.items()):
        if shared >= _SHARED and shared == at[one] == at[other]:
            ours, theirs = roots.get(one, one), roots.get(other, other)
            root = min(ours, theirs, key=lambda name: (first.get(name, 0), name))
            moved = {one, other, *(name for name, old in roots.items() if old in {ours, theirs})}
            roots.update(dict.fromkeys(moved, root))
    return roots
