"""Takes a redirect, gives the address to ask instead, or None where it may not be followed; never carries a credential to another host."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

MOST = 5
_METHOD_KEPT = frozenset({307, 308})
_FOLLOWED = frozenset({301, 302, 303}) | _METHOD_KEPT
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_SECURE = frozenset({"https", "wss"})


@dataclass(frozen=True, slots=True)
class Next:
    """Where a redirect leads.

    Attributes:
        url: The address.
        is_same: Whether credentials may go there: it is the same host and port, or the same host over TLS instead of without.
    """

    url: str
    is_same: bool


def following(url: str, status: int, location: str | None, *, method: str = "GET", hosts: Collection[str] = ()) -> Next | None:
    """Give where to go on.

    Followed is what leads to the same host and port, or from http to https of the same host on their usual ports, or to one of
    `hosts`; never from https to http, never into an address with a user name, and never where a POST would become a GET.

    Args:
        url: What was asked.
        status: The answer's.
        location: Its header of that name.
        method: How it was asked.
        hosts: Other hosts that are allowed, as `name` or `name:port`.
    """
    if status not in _FOLLOWED or not location or (method != "GET" and status not in _METHOD_KEPT):
        return None
    try:
        target = urljoin(url, location.strip())
        here, there = _place(url), _place(target)
    except ValueError:
        return None
    if here is None or there is None:
        return None
    if there == here or _is_upgrade(here, there):
        return Next(target, is_same=True)
    weaker = here[0] in _SECURE and there[0] not in _SECURE
    host, named = there[1], f"{there[1]}:{there[2]}"
    allowed = {name.lower() for name in hosts}
    if weaker or not (named in allowed or (host in allowed and there[2] == _PORTS[there[0]])):
        return None
    return Next(target, is_same=False)


def host_of(url: str) -> str:
    """Give an address's host, and its port where that is not the usual one; for messages and records."""
    place = _place(url)
    if place is None:
        return "an invalid address"
    scheme, host, port = place
    shown = f"[{host}]" if ":" in host else host
    return shown if port == _PORTS[scheme] else f"{shown}:{port}"


def _place(url: str) -> tuple[str, str, int] | None:
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not parts.hostname or parts.username is not None:
        return None
    return scheme, parts.hostname.lower(), _PORTS[scheme] if parts.port is None else parts.port


def _is_upgrade(here: tuple[str, str, int], there: tuple[str, str, int]) -> bool:
    usual = here[2] == _PORTS[here[0]] and there[2] == _PORTS[there[0]]
    return here[1] == there[1] and usual and here[0] not in _SECURE and there[0] in _SECURE
