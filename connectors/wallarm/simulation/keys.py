"""Takes a number, gives a two-part id as the vendor writes it, and back; the index in it is monthly, the key tells nothing by looking at it."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime

_KEY_BYTES = 8
_MASK = (1 << 64) - 1
_ODD = 0xD1342543DE82EF95
_BACK = pow(_ODD, -1, 1 << 64)


class Keys:
    """The ids of one kind of object of one client.

    Args:
        kind: `hits` or `attacks`.
        client: The client's id.
        salt: What makes the keys of one rule other than those of another.
    """

    def __init__(self, kind: str, client: int, salt: int) -> None:
        self._prefix = f"{kind}_production_{client}_"
        self._salt = salt & _MASK

    def of(self, number: int, at_secs: int) -> list[str]:
        """Give the id of a number, in the index of the month of `at_secs`."""
        return [self._prefix + month(at_secs) + "_v_1", self.key(number)]

    def key(self, number: int) -> str:
        """Give the second part."""
        bits = ((number ^ self._salt) * _ODD) & _MASK
        bits ^= bits >> 32
        return base64.urlsafe_b64encode(bits.to_bytes(_KEY_BYTES, "big")).decode().rstrip("=")

    def number(self, identifier: object) -> int | None:
        """Give the number of an id, as a pair or as `index:key`; None when it is none of these."""
        parts = identifier.split(":", 1) if isinstance(identifier, str) else identifier
        if not (
            isinstance(parts, list) and len(parts) == len(("index", "key")) and all(isinstance(part, str) for part in parts)
        ):
            return None
        if not parts[0].startswith(self._prefix):
            return None
        try:
            raw = base64.urlsafe_b64decode(parts[1] + "=")
        except (binascii.Error, ValueError):
            return None
        bits = int.from_bytes(raw, "big")
        if len(raw) != _KEY_BYTES:
            return None
        bits ^= bits >> 32
        return ((bits * _BACK) & _MASK) ^ self._salt


def month(at_secs: int) -> str:
    """Give the month of an epoch second as it stands in an index name.

    >>> month(1770109501)
    '202602'
    """
    return datetime.fromtimestamp(at_secs, UTC).strftime("%Y%m")
