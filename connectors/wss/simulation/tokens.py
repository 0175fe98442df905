"""Takes a place in a tenant's log, gives the 68-character word that names it and reads it back, never one that was not issued here."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

NONE = "none"
TOKEN_CHARS = 68
_PAYLOAD = struct.Struct(">IIQ")  # session, position, then seconds of issue and the mark of `more`
_MAC_BYTES = 18


@dataclass(frozen=True, slots=True)
class Token:
    """A client's place: which session issued it, where it stands, when it was issued, and whether `more` came with it."""

    session: int
    position: int
    issued_secs: int
    more: bool


class TokenMint:
    """Issues one tenant's tokens; another mint of the same seed and tenant knows them too, so a restart forgets none."""

    def __init__(self, seed: int, tenant: str) -> None:
        self._key = hashlib.sha256(f"token/{seed}/{tenant}".encode()).digest()

    def issue(self, token: Token) -> str:
        """Give the word for a place."""
        payload = _PAYLOAD.pack(token.session, token.position, token.issued_secs << 1 | token.more)
        mac = self._mac(payload)
        return (mac + _xor(payload, self._stream(mac))).hex()

    def read(self, word: str) -> Token | None:
        """Give the place a word names, or None when it was not issued to this tenant."""
        if len(word) != TOKEN_CHARS:
            return None
        try:
            both = bytes.fromhex(word)
        except ValueError:
            return None
        mac = both[:_MAC_BYTES]
        payload = _xor(both[_MAC_BYTES:], self._stream(mac))
        if self._mac(payload) != mac:
            return None
        session, position, issued = _PAYLOAD.unpack(payload)
        return Token(session, position, issued >> 1, bool(issued & 1))

    def _mac(self, payload: bytes) -> bytes:
        return hashlib.sha256(self._key + payload).digest()[:_MAC_BYTES]

    def _stream(self, mac: bytes) -> bytes:
        return hashlib.sha256(mac + self._key).digest()[: _PAYLOAD.size]


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
