"""Takes events with ids, says which were here before; remembers a bounded number of them, and few enough for a cursor."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from hashlib import blake2b

from connectors.push.events import PushEvent

MOST_REMEMBERED = 1_000
_HASH_BYTES = 8


class Known:
    """The last events that bore an id of their own.

    Two events are one only where id, kind and data are the same: an id that a server gives twice hides nothing.

    Args:
        stored: What `stored` gave.
    """

    def __init__(self, stored: str = "") -> None:
        # All in one piece: as objects they would take ten times as much, for each of a thousand channels.
        self._hashes = bytearray(_hashes_in(stored))

    def fresh(self, events: Iterable[PushEvent]) -> list[PushEvent]:
        """Give the events that were not here before, and remember them."""
        return [event for event in events if event.id is None or self._is_fresh(event)]

    def stored(self, most: int) -> str:
        """Give the last of them as text."""
        return base64.b64encode(self._hashes[max(0, len(self._hashes) - most * _HASH_BYTES) :]).decode("ascii")

    def _is_fresh(self, event: PushEvent) -> bool:
        name = _hash(event)
        at = self._hashes.find(name)
        while at % _HASH_BYTES and at >= 0:  # the end of one and the beginning of the next
            at = self._hashes.find(name, at + 1)
        if at >= 0:
            return False
        self._hashes += name
        if len(self._hashes) > MOST_REMEMBERED * _HASH_BYTES:
            del self._hashes[:_HASH_BYTES]
        return True


def _hash(event: PushEvent) -> bytes:
    text = "\0".join((event.id or "", event.event, event.data))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_HASH_BYTES).digest()


def _hashes_in(stored: str) -> bytes:
    try:
        joined = base64.b64decode(stored, validate=True)
    except (binascii.Error, ValueError):  # a person may have written into the cursor
        return b""
    return joined[: len(joined) // _HASH_BYTES * _HASH_BYTES]
