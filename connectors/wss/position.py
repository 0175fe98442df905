"""Gives the words for a place in an archive and for what can be wrong with it; never opens one, so that it loads fast."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """A place in an archive; all empty is its start.

    Attributes:
        member: Name of the member being read.
        member_index: How many members are finished.
        members_crc: CRC-32 over what the ZIP's directory says of the finished members.
        offset: Bytes of the member's text that are finished; a line end.
        crc: CRC-32 of those bytes.
    """

    member: str = ""
    member_index: int = 0
    members_crc: int = 0
    offset: int = 0
    crc: int = 0


class RebuiltError(Exception):
    """The archive does not begin with what was read before: the vendor built it anew from other data."""


class BrokenArchiveError(Exception):
    """The archive, or a member of it, cannot be read to its end."""
