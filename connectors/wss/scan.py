"""Takes a chunk, gives where its lines are and what is odd about each, as arrays; never looks at a value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

QUOTE, NEWLINE, SPACE, HASH, RETURN = b'"\n #\r'
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
ASCII_END = 0x80
BLOCK_BYTES = 1 << 19
Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Scan:
    """The lines of a chunk, blank ones left out; every array but `quotes` has one item a line.

    Attributes:
        starts: Its first byte.
        ends: The byte after its last: the newline's place.
        quotes: Where the quotes of the chunk are.
        counts: How many of them are in the line.
    """

    chunk: bytes
    data: Bytes
    starts: Ints
    ends: Ints
    quotes: Ints
    counts: Ints

    def line(self, index: int) -> bytes:
        return self.chunk[self.starts[index] : self.ends[index]]

    def text_of(self, keep: Flags) -> bytes:
        """The kept lines, in order, copied run by run."""
        edges = np.flatnonzero(np.diff(keep.astype(np.int8), prepend=0, append=0))
        runs = zip(edges[::2].tolist(), (edges[1::2] - 1).tolist(), strict=True)
        whole = memoryview(self.chunk)
        return b"".join(part for first, last in runs for part in (whole[self.starts[first] : self.ends[last]], b"\n"))

    @cached_property
    def directive(self) -> Flags:
        """It starts with `#`."""
        flags: Flags = self.data[self.starts] == HASH
        return flags

    @cached_property
    def odd(self) -> Flags:
        """It has an odd number of quotes."""
        return (self.counts & 1).astype(np.bool_)

    @cached_property
    def gapped(self) -> Flags:
        """It has a space at an end or two in a row, so a value may be empty without quotes; or a carriage return, which polars drops."""
        flags: Flags = (self.data[self.starts] == SPACE) | (self.data[self.ends - 1] == SPACE)
        if b"\r" in self.chunk:
            flags[np.searchsorted(self.ends, np.flatnonzero(self.data == RETURN))] = True
        for start in range(0, len(self.data), BLOCK_BYTES):
            spaces = self.data[start : start + BLOCK_BYTES + 1] == SPACE
            pairs = spaces[:-1] & spaces[1:]
            if pairs.any():
                flags[np.searchsorted(self.ends, np.flatnonzero(pairs) + start)] = True
        return flags

    @cached_property
    def rough(self) -> Flags:
        """A quote stands inside a value or right behind a closing quote, or it is not UTF-8; dear, so only on demand."""
        flags: Flags = self._misplaced() | self._not_utf8()
        return flags

    def _misplaced(self) -> Flags:
        """It has a quote that neither opens a value nor closes one."""
        quotes, data = self.quotes, self.data
        line = np.repeat(np.arange(len(self.counts)), self.counts)
        rank = np.arange(len(quotes)) - np.repeat(np.cumsum(self.counts) - self.counts, self.counts)
        before = np.where(quotes > 0, data[quotes - 1], NEWLINE)
        after = np.where(quotes + 1 < len(data), data[np.minimum(quotes + 1, len(data) - 1)], NEWLINE)
        beside = np.where((rank & 1) == 0, before, after)
        flags = np.zeros(len(self.counts), np.bool_)
        flags[line[(beside != SPACE) & (beside != NEWLINE)]] = True
        return flags

    def _not_utf8(self) -> Flags:
        """It is not UTF-8; only lines with a byte beyond ASCII are tried."""
        flags = np.zeros(len(self.starts), np.bool_)
        if not self.chunk.isascii():
            for index in np.unique(np.searchsorted(self.ends, np.flatnonzero(self.data >= ASCII_END))).tolist():
                try:
                    str(self.line(index), "utf-8")
                except UnicodeDecodeError:
                    flags[index] = True
        return flags


def scan(chunk: bytes) -> Scan:
    """Scan whole lines; the last may lack its newline. Blank lines are no records and are left out."""
    data = np.frombuffer(chunk, np.uint8)
    ends = np.flatnonzero(data == NEWLINE)
    if len(data) and data[-1] != NEWLINE:
        ends = np.append(ends, len(data))
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    full = ends > starts
    starts, ends = starts[full], ends[full]
    quotes = np.flatnonzero(data == QUOTE)
    counts = np.diff(np.searchsorted(quotes, ends), prepend=0)
    return Scan(chunk, data, starts, ends, quotes, counts)


def count_regular(chunk: bytes, max_line_bytes: int) -> int | None:
    """Count the lines of a chunk whose quotes stand in pairs: the first at the beginning of a value, the second at the end of one.

    None when one does not or is left alone, when the last line has no newline, when a line may be longer than `max_line_bytes`, or when the chunk
    holds what CSV readers leave out: a byte-order mark at its start, a carriage return.
    """
    data = np.frombuffer(chunk, np.uint8)
    if not len(data) or data[-1] != NEWLINE or b"\r" in chunk or chunk.startswith(BYTE_ORDER_MARK):
        return None
    lines, parity = 0, 0
    step = min(BLOCK_BYTES, max_line_bytes // 2)  # a longer line would fill a whole block
    for start in range(0, len(data), step):
        block = data[start : start + step]
        found = int(np.count_nonzero(block == NEWLINE))
        quotes = np.flatnonzero(block == QUOTE)
        before, after = data[quotes[parity::2] + (start - 1)], data[quotes[1 - parity :: 2] + (start + 1)]
        if not (found and _separates(before) and _separates(after)):
            return None
        lines += found
        parity = (parity + len(quotes)) & 1
    return None if parity else lines


def _separates(octets: Bytes) -> bool:
    return bool(((octets == SPACE) | (octets == NEWLINE)).all())
