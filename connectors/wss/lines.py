"""Takes a stream of text, gives it in chunks that end at line ends, counted and summed; never holds more than a chunk.

The count and the CRC-32 of what was given are the resume point inside an archive member.
"""

from __future__ import annotations

from typing import Protocol

from isal import isal_zlib


class Readable(Protocol):
    """A binary stream."""

    def read(self, size: int, /) -> bytes: ...


class Lines:
    """The chunks of one stream.

    Args:
        stream: Gives fewer bytes than asked for only at its end.
        chunk_bytes: The longest chunk.
        long_line_bytes: How much is kept of a line that does not fit in a chunk.
        offset: How many bytes of the text were read before.
        crc: Their CRC-32.
    """

    def __init__(self, stream: Readable, *, chunk_bytes: int, long_line_bytes: int, offset: int = 0, crc: int = 0) -> None:
        self._stream = stream
        self._chunk_bytes = chunk_bytes
        self._long_line_bytes = long_line_bytes
        self._rest = b""
        self.offset = offset
        self.crc = crc

    def next_chunk(self) -> tuple[bytes, bytes | None] | None:
        """Give the next whole lines and, with no lines, the beginning of a line too long for a chunk; None at the end."""
        block = self._stream.read(self._chunk_bytes - len(self._rest))
        cut = block.rfind(b"\n") + 1
        if cut:
            chunk = b"".join((self._rest, memoryview(block)[:cut]))
            self._rest = block[cut:]
        elif len(self._rest) + len(block) < self._chunk_bytes:
            chunk, self._rest = self._rest + block, b""
        elif cut := self._rest.rfind(b"\n") + 1:  # only behind a long line, whose end may have brought more lines with it
            chunk, self._rest = self._rest[:cut], self._rest[cut:] + block
        else:
            return b"", self._long_line(self._rest + block)
        self._count(chunk)
        return (chunk, None) if chunk else None

    def _long_line(self, begun: bytes) -> bytes:
        kept = begun[: self._long_line_bytes]
        while begun:
            end = begun.find(b"\n") + 1
            self._count(begun[:end] if end else begun)
            if end:
                self._rest = begun[end:]
                return kept
            begun = self._stream.read(self._chunk_bytes)
        self._rest = b""
        return kept

    def _count(self, given: bytes) -> None:
        self.offset += len(given)
        self.crc = isal_zlib.crc32(given, self.crc)
