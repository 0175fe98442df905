"""Takes the path of a log file, plain or gzip, gives its text at any offset; never decides what of it is new.

Blocking: every call belongs in a thread.
"""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from isal import isal_zlib

from connectors.webgateway.files_place import COMMENT_BYTES, HEAD_BYTES, TAIL_BYTES, Place, digest, reach_of

_InflateError = cast("type[Exception]", isal_zlib.error)
_GZIP = b"\x1f\x8b"
_BLOCK_BYTES = 1 << 15  # of compressed bytes; at worst a thousand times as many come out of it
UNREADABLE = {b"\xfd7zXZ\x00": "xz", b"BZh": "bzip2", b"\x28\xb5\x2f\xfd": "zstandard", b"PK\x03\x04": "zip"}


class BrokenArchiveError(Exception):
    """It is compressed, and cannot be read by us."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the file system says of a file; while it stays the same, so does the content."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    links: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp | None:
        """Give the stamp of a regular file, None for anything else."""
        if not stat.S_ISREG(status.st_mode):
            return None
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_nlink)

    @property
    def same_file(self) -> tuple[int, int]:
        """What two stamps of one file share."""
        return self.device, self.inode


class Text(ABC):
    """An open log file.

    Attributes:
        path: Where it was found.
        archive: Whether it is compressed.
        flaw: Why nothing behind what was read last can be read; empty while there is no reason.
    """

    archive = False
    flaw = ""

    def __init__(self, path: Path, opened: int) -> None:
        self.path = path
        self._fd = opened

    def stamp(self) -> Stamp:
        """Give what the file system says of it now."""
        found = Stamp.of(os.fstat(self._fd))
        assert found is not None
        return found

    def close(self) -> None:
        """Close it; twice does no harm."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @abstractmethod
    def read(self, offset: int, size: int) -> bytes:
        """Give text; fewer bytes than asked for only at its present end."""

    @abstractmethod
    def ended(self) -> bool:
        """Tell whether nothing can ever come behind what was read last."""

    def head(self) -> bytes:
        """Give the first bytes of the text, as many as tell it from others."""
        for size in (4 * HEAD_BYTES, COMMENT_BYTES + HEAD_BYTES):
            begun = self.read(0, size)
            reach = reach_of(begun)
            if reach <= size or len(begun) < size:
                break
        return begun[:reach]

    def is_shorter(self, place: Place) -> bool:
        """Tell whether it ends before what was read there."""
        return bool(place.offset) and not self.read(place.offset - 1, 1)

    def begins_as(self, place: Place) -> bool:
        """Tell whether it begins with what was read there."""
        head = self.head()
        return len(head) >= place.head_bytes and digest(head[: place.head_bytes]) == place.head

    def reaches(self, place: Place) -> bool:
        """Tell whether it holds all that was read there, by what can be known of it."""
        before = place.offset - place.tail_bytes
        return self.begins_as(place) and digest(self.read(before, place.tail_bytes)) == place.tail


class PlainText(Text):
    """A log that is written to, or was."""

    def read(self, offset: int, size: int) -> bytes:
        pieces = []
        while size > 0 and (piece := os.pread(self._fd, size, offset)):
            pieces.append(piece)
            offset, size = offset + len(piece), size - len(piece)
        return b"".join(pieces)

    def ended(self) -> bool:
        return False


class ArchivedText(Text):
    """A gzip file of one or several members; reading goes forward, and back by beginning anew."""

    archive = True
    _at: int
    _source_at: int
    _held: bytearray
    _member: Any

    def __init__(self, path: Path, opened: int) -> None:
        super().__init__(path, opened)
        self._first = b""
        self._restart()
        self._first = super().head()

    def head(self) -> bytes:
        return self._first

    def read(self, offset: int, size: int) -> bytes:
        if offset < self._at:
            self._restart()
        while self._at + len(self._held) < offset + size:
            surplus = min(len(self._held), max(0, offset - self._at))
            self._at, self._held = self._at + surplus, self._held[surplus:]
            block = self._next_block()
            if block is None:
                break
            self._held += block
        return bytes(self._held[offset - self._at :][:size])

    def ended(self) -> bool:
        """Tell whether the last member is whole and nothing stands behind it."""
        return self._whole

    def _restart(self) -> None:
        self._at = self._source_at = 0
        self._held = bytearray()
        self._member = isal_zlib.decompressobj(wbits=31)
        self._pending = b""
        self._whole, self.flaw = False, ""

    def _next_block(self) -> bytes | None:
        """Give some text, perhaps none yet; None at the present end."""
        source = self._pending or os.pread(self._fd, _BLOCK_BYTES, self._source_at)
        if not self._pending:
            self._source_at += len(source)
        self._pending = b""
        if not source or self.flaw:
            return None
        if self._whole:
            source = source.lstrip(b"\0")  # some writers pad the last block
            if not source:
                return b""
            self._member, self._whole = isal_zlib.decompressobj(wbits=31), False
        try:
            text: bytes = self._member.decompress(source)
        except _InflateError as error:
            self.flaw = f"the archive is broken behind byte {self._at + len(self._held):,} of its text: {error}"
            return None
        if self._member.eof:
            self._whole, self._pending = True, self._member.unused_data
        return text


def open_text(path: Path) -> Text:
    """Open a log file, whatever it is called.

    Raises:
        OSError: It is not there, or may not be read.
        BrokenArchiveError: It is compressed, and not with gzip or not well.
    """
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return _text(path, opened)
    except BaseException:
        os.close(opened)
        raise


def _text(path: Path, opened: int) -> Text:
    first = os.pread(opened, max(map(len, UNREADABLE)), 0)
    for mark, name in UNREADABLE.items():
        if first.startswith(mark):
            raise BrokenArchiveError(f"{path}: it is compressed by {name}; only gzip is read. Leave it out of `paths`")
    return ArchivedText(path, opened) if first.startswith(_GZIP) else PlainText(path, opened)


def tail_of(text: bytes) -> str:
    """Give the digest of the end of a text."""
    return digest(text[-TAIL_BYTES:])
