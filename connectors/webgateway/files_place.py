"""Takes what was read of log files, gives it as one line of text for the cursor and back; never holds a path.

A file is known by its content, not by its name: the digest of its first bytes, which reach as far behind its header as tells it from
others, and of the bytes right before the place, beside its inode. So a file is found again after it was renamed, copied, compressed or moved, and a reused inode is not taken for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

HEAD_BYTES = 1024
TAIL_BYTES = 256
COMMENT_BYTES = 64 * 1024
"""So much of the lines that begin with `#` may stand in front of what tells a log."""
FEW_BYTES = 64
"""So much behind a header tells one log from another."""
SHORT_BYTES = 64 * 1024
"""So much may come to a log between its copy and its truncation while the copy is shorter than what tells it."""
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Place:
    """How far one file was read.

    Attributes:
        inode: Its inode when it was last seen.
        offset: Bytes of its text that are read, decompressed ones where it is an archive.
        head: Digest of the first of them, `reach` at most.
        tail: Digest of the last of them, `TAIL_BYTES` at most.
        header: The header line in force there; empty where none is.
        archive: Whether it is compressed.
        done: An archive that was read to its end.
        cut: Whether the place lies within a line too long to be a record, the rest of which is passed over.
        gone_secs: Since when it is not found, epoch seconds; 0 while it is.
        reach: How many of the first bytes tell it: `HEAD_BYTES` behind the comments in front.
        first: What `first_lines` gives of it; empty from `SHORT_BYTES` on.
    """

    inode: int
    offset: int = 0
    head: str = "ddd9c40767f9"
    tail: str = "ddd9c40767f9"
    header: bytes = b""
    archive: bool = False
    done: bool = False
    cut: bool = False
    gone_secs: int = 0
    reach: int = HEAD_BYTES
    first: str = ""

    @property
    def head_bytes(self) -> int:
        """Of how many bytes `head` is the digest."""
        return min(self.reach, self.offset)

    @property
    def tail_bytes(self) -> int:
        """Of how many bytes `tail` is the digest."""
        return min(TAIL_BYTES, self.offset)

    @property
    def is_telling(self) -> bool:
        """Whether the head alone tells this content from any other."""
        return self.offset >= self.reach and self.head != NOTHING_WRITTEN


def digest(content: bytes) -> str:
    """Give a short digest of a few bytes.

    >>> digest(b"")
    'ddd9c40767f9'
    """
    return hashlib.blake2b(content, digest_size=6).hexdigest()


def comment_bytes(text: bytes) -> int:
    r"""Tell how many bytes the lines in front take that begin with `#`.

    >>> comment_bytes(b"#Version: 1.0\n#Fields: date time\n2026-02-03 10:00:07\n")
    33
    """
    at = len(_MARK) if text.startswith(_MARK) else 0
    while text.startswith(b"#", at) and at < COMMENT_BYTES:
        at = text.find(b"\n", at) + 1 or len(text)
    return min(at, COMMENT_BYTES)


def reach_of(text: bytes) -> int:
    """Tell how many of its first bytes tell a text from others: a header alone, however long, does not."""
    return comment_bytes(text) + HEAD_BYTES


def first_lines(text: bytes) -> str:
    """Give the digest of a text up to the first line's end that has enough between it and the comments; empty where there is none yet.

    One line is not enough if it is short: a banner is the first of many logs.
    """
    end = text.find(b"\n", comment_bytes(text) + FEW_BYTES) + 1
    return digest(text[:end]) if end else ""


NOTHING_WRITTEN = digest(bytes(HEAD_BYTES))
"""The head of a file that was truncated under a writer which goes on at its old offset."""


def dumped(places: Iterable[Place]) -> str:
    """Give places as one line of JSON; each header line stands there once."""
    headers: dict[bytes, int] = {b"": 0}
    rows = []
    for place in places:
        number = headers.setdefault(place.header, len(headers))
        flags = place.archive | place.done << 1 | place.cut << 2
        rows.append(
            [place.inode, place.offset, place.head, place.tail, number, flags, place.gone_secs, place.reach, place.first]
        )
    told = {"headers": [header.decode("latin-1") for header in headers], "files": rows}
    return json.dumps(told, separators=(",", ":"))


def loaded(text: str) -> list[Place]:
    """Give the places that `dumped` wrote.

    Raises:
        ValueError: It is not such a text.
    """
    if not text:
        return []
    try:
        told = json.loads(text)
        headers = [header.encode("latin-1") for header in told["headers"]]
        return [_place(headers, row) for row in told["files"]]
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValueError(f"not a list of files: {error}") from None


def _place(headers: list[bytes], row: list[Any]) -> Place:
    inode, offset, head, tail, header, flags, gone, *more = row
    reach, first = more or (HEAD_BYTES, "")
    numbers = (inode, offset, header, flags, gone, reach)
    if any(type(number) is not int or number < 0 for number in numbers) or not isinstance(head + tail + first, str):
        raise ValueError("not a list of files: a number is none")
    archive, done, cut = bool(flags & 1), bool(flags & 2), bool(flags & 4)
    return Place(inode, offset, head, tail, headers[header], archive, done, cut, gone, reach, first)
