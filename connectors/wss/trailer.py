"""Takes the end of a SyncAPI body, gives its sync trailer; never reads before the body's start and never guesses a cut one.

The trailer is text appended to the ZIP, not an HTTP trailer. A body may be the trailer alone: then there was no data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

TAIL_BYTES = 4096
_TOKEN = re.compile(rb"x-sync-token:[ \t]*(\S+)[ \t]*\r?\n", re.IGNORECASE)
_STATUS = re.compile(
    rb"x-sync-status:[ \t]*(?:(more|done|abort)\s*|(\S+)[ \t]*\r?\n\s*)(?=x-sync-|retry-after|\Z)", re.IGNORECASE
)
_RETRY_AFTER = re.compile(rb"^[ \t]*(?:x-)?retry-after:[ \t]*(\d{1,6})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_NAMES = (b"x-sync-token:", b"x-sync-status:")


@dataclass(frozen=True, slots=True)
class Trailer:
    """What the vendor says after the archive.

    Attributes:
        token: Where the next request goes on; `none` when the vendor knows no data yet.
        status: `more`, `done`, `abort`, or a word the vendor has not used before.
        archive_bytes: How many bytes of the body stand before it; 0 means that there was no archive.
    """

    token: str
    status: str
    archive_bytes: int


def tail_of(path: Path) -> bytes:
    """Give the last bytes of a file, all of it when it is short."""
    with path.open("rb") as body:
        body.seek(max(0, path.stat().st_size - TAIL_BYTES))
        return body.read()


def trailer_in(tail: bytes, size_bytes: int) -> Trailer | None:
    """Find the trailer at the end of a body of `size_bytes`; None when there is none or it is cut."""
    places = [tail.lower().rfind(name) for name in _NAMES]
    start = min(places)
    if start < 0:
        return None
    token = _TOKEN.search(tail, start)
    status = _STATUS.search(tail, start)
    if token is None or status is None:
        return None
    word = (status.group(1) or status.group(2)).decode("latin-1").lower()
    return Trailer(token.group(1).decode("latin-1"), word, size_bytes - len(tail) + start)


def retry_after_secs(tail: bytes) -> float | None:
    """Give the seconds a `retry-after` line in the body asks to wait; clients know it as a header, the vendor speaks of a trailer."""
    match = _RETRY_AFTER.search(tail)
    return None if match is None else float(match.group(1))
