"""Takes a host's name or address, gives the family of destinations it belongs to; asks no name server and no network."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import lru_cache

from publicsuffixlist import PublicSuffixList

ALL = "*"
"""The family of everything: a finding of the gateway as a whole."""
UNKNOWN = "unknown"
"""The family of what has neither a name nor an address that can be read."""
_CACHED = 65_536


@dataclass(frozen=True, slots=True)
class Family:
    """Destinations that are one: a registered domain and all names in it, or an address.

    Attributes:
        name: `*.example.net`, the host itself where it has no registered domain (`intranet`), or an address.
        address: Whether it is an address.
    """

    name: str
    address: bool = False


@lru_cache(maxsize=_CACHED)
def family_of(host: str) -> Family:
    """Give the family of a host name or address.

    Takes names in any case, with a trailing dot, internationalised in either spelling; `host:port`, `[v6]`, `[v6]:port`;
    IPv4 in IPv6 (`::ffff:192.0.2.1`) as IPv4. What cannot be read is `unknown`.
    """
    name = plain(host)
    if name is None:
        return Family(UNKNOWN)
    if (address := address_of(name)) is not None:
        return Family(address, address=True)
    registered = _suffixes().privatesuffix(name)
    # A public suffix itself, or one label: there is nothing above it that somebody could have registered.
    return Family(f"*.{registered}" if registered else name)


def plain(host: str) -> str | None:
    """Give a host without port, brackets and trailing dot, in small letters and ASCII; None where that cannot be."""
    text = host.strip().lower()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    if ":" in text:
        return text.partition("%")[0] or None
    text = text.removesuffix(".")
    if not text.isascii():
        try:
            text = text.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    labels = text.split(".")
    return text if all(0 < len(label) <= 63 for label in labels) and len(text) <= 253 else None  # noqa: PLR2004 - DNS's own bounds


def address_of(text: str) -> str | None:
    """Give an address in its one spelling, or None where `text` is none."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    inner = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(inner or found)


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_encoded_idn=True)
