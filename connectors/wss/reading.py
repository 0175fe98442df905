"""Takes an archive and a position in it, gives the records from there on, chunk by chunk; never skips what it has not compared.

Blocking: every call belongs in a thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
from isal import isal_zlib

from connectors.wss.archive import Archive, broken
from connectors.wss.decode import decode
from connectors.wss.fields import Layout, layout_after
from connectors.wss.lines import Lines, Readable
from connectors.wss.position import Position, RebuiltError
from connectors.wss.scan import BYTE_ORDER_MARK
from wellhead import Reject


@dataclass(frozen=True, slots=True)
class Piece:
    """What one chunk gave, and the position after it.

    Attributes:
        table: The records, None when the piece only moves the position.
        unknown: Name of a member that was passed over, empty otherwise.
    """

    position: Position
    table: pa.RecordBatch | None = None
    rejects: Sequence[Reject] = ()
    filtered: Mapping[str, int] = field(default_factory=dict)
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """How the text is read.

    Attributes:
        chunk_bytes: Text decoded at a time.
        line_bytes: The longest line that can be a record.
        encoding: What lines are written in that are not UTF-8.
    """

    chunk_bytes: int
    line_bytes: int
    encoding: str


class Reading:
    """Reads one archive, from a position to its end."""

    def __init__(self, path: Path, position: Position, limits: Limits) -> None:
        self._archive = Archive(path)
        self._limits = limits
        self._position = position
        self._lines: Lines | None = None
        self._layout: Layout | None = None
        self._suspect = False

    @property
    def hours_ms(self) -> list[int]:
        """The hours the members are stamped with, where the stamp is readable."""
        return [member.hour_ms for member in self._archive.members if member.hour_ms is not None]

    def close(self) -> None:
        self._archive.close()

    def compare(self) -> Iterator[int]:
        """Pass over what the position says is finished, block by block; gives the bytes compared so far.

        Raises:
            RebuiltError: It is not what the position describes.
            BrokenArchiveError: A member cannot be read.
        """
        members, at = self._archive.members, self._position
        crc = 0
        for member in members[: at.member_index]:
            crc = isal_zlib.crc32(member.mark, crc)
        if len(members) < at.member_index or crc != at.members_crc:
            raise RebuiltError(f"its first {at.member_index} members are not the ones read before")
        if at.offset:
            if len(members) == at.member_index or members[at.member_index].name != at.member:
                raise RebuiltError(f"member {at.member} does not stand where it stood")
            with broken(at.member):
                yield from self._compare_text(at)

    def _compare_text(self, at: Position) -> Iterator[int]:
        stream = self._archive.open(at.member_index)
        layout: Layout | None = None
        crc, done, begun = 0, 0, b""
        while done < at.offset:
            block = stream.read(min(self._limits.chunk_bytes, at.offset - done))
            if not block:
                break
            crc, done = isal_zlib.crc32(block, crc), done + len(block)
            text = begun + block
            cut = text.rfind(b"\n") + 1
            layout = layout_after(text[:cut].removeprefix(BYTE_ORDER_MARK), layout)
            begun = text[cut:][: self._limits.line_bytes]
            yield done
        if (done, crc) != (at.offset, at.crc):
            raise RebuiltError(f"member {at.member} does not begin with the {at.offset:,} bytes read before")
        self._layout = layout
        self._lines = self._lines_of(stream, at)

    def next_piece(self) -> Piece | None:
        """Give the next chunk's records; None after the last member."""
        while self._position.member_index < len(self._archive.members):
            member = self._archive.members[self._position.member_index]
            if not member.readable:
                self._finish(member.mark)
                return Piece(self._position, filtered={"unknown_member": 1}, unknown=member.name)
            with broken(member.name):
                found = self._opened().next_chunk()
            if found is not None:
                return self._piece(member.name, *found)
            self._finish(member.mark)
        return None

    def _opened(self) -> Lines:
        if self._lines is None:
            self._layout = None
            self._lines = self._lines_of(self._archive.open(self._position.member_index), Position())
        return self._lines

    def _lines_of(self, stream: Readable, at: Position) -> Lines:
        limits = self._limits
        return Lines(stream, chunk_bytes=limits.chunk_bytes, long_line_bytes=limits.line_bytes, offset=at.offset, crc=at.crc)

    def _piece(self, name: str, text: bytes, long_line: bytes | None) -> Piece:
        lines = self._opened()
        self._position = replace(self._position, member=name, offset=lines.offset, crc=lines.crc)
        if long_line is not None:
            reason = f"the line is longer than {self._limits.chunk_bytes} bytes; only its beginning is kept"
            return Piece(self._position, rejects=[Reject(long_line, reason, cut=True)])
        decoded = decode(
            text,
            self._layout,
            fallback=self._limits.encoding,
            max_line_bytes=self._limits.line_bytes,
            suspect=self._suspect,
        )
        self._layout, self._suspect = decoded.layout, not decoded.clean
        return Piece(self._position, decoded.table, decoded.rejects)

    def _finish(self, mark: bytes) -> None:
        at = self._position
        self._position = Position(member_index=at.member_index + 1, members_crc=isal_zlib.crc32(mark, at.members_crc))
        self._lines = None
