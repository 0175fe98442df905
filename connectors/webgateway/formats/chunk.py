"""Takes whole lines of one dialect, gives the fields of those that can be cut in one go; leaves every line that is odd to be read alone.

Arrow's reader of separated values does the cutting. It is trusted with a line only where it is proven that it sees what one who reads
the line alone sees: quotes in pairs, each opening where a field begins and closing where one ends, and one row for each line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import IO, Any, Literal, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from connectors.webgateway.formats import single
from connectors.webgateway.formats.cuts import Bytes, Flags, Ints
from connectors.webgateway.formats.layout import Dialect, Layout

_QUOTE, _NEWLINE, _SPACE, _RETURN, _ASCII_END = ord('"'), ord("\n"), ord(" "), ord("\r"), 0x80
_OPENING, _CLOSING = b"[]"
_ESCAPED_QUOTE, _ESCAPED_BACKSLASH = b"\x1a\x1a", b"\x1c\x1c"
_TRIES = 8


@dataclass(frozen=True)
class Lines:
    """The lines of a chunk, blank ones left out."""

    chunk: bytes
    data: Bytes
    starts: Ints
    ends: Ints

    def __len__(self) -> int:
        return len(self.starts)

    @cached_property
    def quotes(self) -> Ints:
        """Where quotes stand."""
        return np.flatnonzero(self.data == _QUOTE)

    def line(self, index: int) -> bytes:
        return self.chunk[self.starts[index] : self.ends[index]]

    def kept(self, keep: Flags) -> bytes:
        """Give the kept ones, in order, copied run by run."""
        edges = np.flatnonzero(np.diff(keep.astype(np.int8), prepend=0, append=0))
        runs = zip(edges[::2].tolist(), (edges[1::2] - 1).tolist(), strict=True)
        whole = memoryview(self.chunk)
        return b"".join(part for first, last in runs for part in (whole[self.starts[first] : self.ends[last]], b"\n"))


def lines_of(chunk: bytes) -> Lines:
    """Find the lines of a chunk, whose last one may lack its end."""
    if not chunk.endswith(b"\n"):
        chunk += b"\n"
    data = np.frombuffer(chunk, np.uint8)
    ends = np.flatnonzero(data == _NEWLINE)
    starts = np.concatenate([[0], ends[:-1] + 1])
    if (starts < ends).all():
        return Lines(chunk, data, starts, ends)
    full = b"\n".join(line for line in chunk.split(b"\n") if line)
    return lines_of(full) if full else Lines(b"", data[:0], starts[:0], ends[:0])


@dataclass(frozen=True)
class Cut:
    """The fields of lines that could be cut in one go.

    Attributes:
        layout: What they have in common.
        texts: A column for each field; null where there is nothing, or `-`.
        lines: Which lines they are.
    """

    layout: Layout
    texts: list[Any]
    lines: Ints


def cut(lines: Lines, dialect: Dialect) -> Iterator[Cut]:
    """Cut as many lines as can be, those of one layout at a time."""
    keep = ~_odd(lines, dialect)
    for layout in _layouts(lines, keep, dialect):
        texts = _texts(lines, keep, layout, dialect)
        if texts is not None:
            keep[texts[1]] = False
            yield Cut(layout, *texts)


def _odd(lines: Lines, dialect: Dialect) -> Flags:
    """Tell which lines to read alone, whatever the reader would make of them."""
    found = np.zeros(len(lines), np.bool_)
    if b"\r" in lines.chunk:
        found[_lines_at(lines, np.flatnonzero(lines.data == _RETURN))] = True
    if not _is_utf8(lines.chunk):
        for index in np.unique(_lines_at(lines, np.flatnonzero(lines.data >= _ASCII_END))).tolist():
            found[index] |= not _is_utf8(lines.line(index))
    if dialect.bracketed:
        for step, bracket in ((1, _OPENING), (-1, _CLOSING)):  # a time whose halves stand in quotes would be put together
            beside = lines.data[lines.quotes + step] == bracket
            if beside.any():
                found[_lines_at(lines, lines.quotes[beside])] = True
    if dialect.padded:
        found |= lines.data[lines.ends - 1] == _SPACE  # or a line torn before its last field would have one
    if dialect.quoting == "backslash":
        for mark in (_ESCAPED_QUOTE[:1], _ESCAPED_BACKSLASH[:1]):
            if mark in lines.chunk:
                found[_lines_at(lines, np.flatnonzero(lines.data == mark[0]))] = True
    return found


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _lines_at(lines: Lines, places: Ints) -> Ints:
    found: Ints = np.searchsorted(lines.ends, places)
    return found[found < len(lines)]


def _layouts(lines: Lines, left: Flags, dialect: Dialect) -> Iterator[Layout]:
    """Give the layouts that are worth trying: each that one of the first lines left then has, once."""
    if len(dialect.layouts) == 1:
        yield from dialect.layouts if left.any() else ()
        return
    tried: set[int] = set()
    while True:
        for index in np.flatnonzero(left)[:_TRIES].tolist():
            try:
                layout = single.fields(lines.line(index).decode(), dialect)[0]
            except ValueError:
                continue
            if layout.width not in tried:
                break
        else:
            return
        tried.add(layout.width)
        yield layout


def _texts(lines: Lines, keep: Flags, layout: Layout, dialect: Dialect) -> tuple[list[Any], Ints] | None:
    plain = lines.chunk if keep.all() else lines.kept(keep)
    text = _unescaped(plain, dialect)
    if dialect.quoting != "none":
        misplaced = _misplaced(lines if text is lines.chunk else lines_of(text))
        if misplaced is not None:
            keep = keep.copy()
            keep[np.flatnonzero(keep)[misplaced]] = False
            text = _unescaped(lines.kept(keep), dialect)
    if not text:
        return None
    short: list[int] = []
    columns = _read(text, layout, dialect, short)
    rows = np.flatnonzero(keep)
    if short:
        rows = np.delete(rows, short)
    if columns is None or len(columns[0]) != len(rows):
        return None
    return _in_slots(columns, layout, dialect, escaped=_may_escape(lines.chunk, dialect)), rows


def _unescaped(text: bytes, dialect: Dialect) -> bytes:
    """Put what no line holds in place of escaped quotes and backslashes, and one space where several pad a field."""
    if _may_escape(text, dialect) and b'\\"' in text:
        return text.replace(b"\\\\", _ESCAPED_BACKSLASH).replace(b'\\"', _ESCAPED_QUOTE)
    if _may_escape(text, dialect) and dialect.folds_backslashes:
        return text.replace(b"\\\\", _ESCAPED_BACKSLASH)
    if not dialect.padded or b"  " not in text:
        return text
    data = np.frombuffer(text, np.uint8)
    blank = data == _SPACE
    blank[1:] &= blank[:-1].copy()
    blank[0] = False
    once: bytes = data[~blank].tobytes()
    return once


def _may_escape(text: bytes, dialect: Dialect) -> bool:
    return dialect.quoting == "backslash" and b"\\" in text


def _misplaced(lines: Lines) -> Ints | None:
    """Give the numbers of the lines with a quote that is odd or neither opens a field nor closes one; None where there is none."""
    quotes = lines.quotes
    if not len(quotes):
        return None
    counts = np.diff(np.searchsorted(quotes, lines.ends), prepend=0)
    if not (counts & 1).any():
        # The byte before the first one is the last newline.
        before, after = lines.data[quotes[::2] - 1], lines.data[quotes[1::2] + 1]
        if _separates(before).all() and _separates(after).all():
            return None
    return _misplaced_by_line(lines, counts)


def _separates(octets: Bytes) -> Flags:
    flags: Flags = (octets == _SPACE) | (octets == _NEWLINE)
    return flags


def _misplaced_by_line(lines: Lines, counts: Ints) -> Ints:
    quotes = lines.quotes
    line = np.repeat(np.arange(len(counts)), counts)
    rank = np.arange(len(quotes)) - np.repeat(np.cumsum(counts) - counts, counts)
    beside = np.where((rank & 1) == 0, lines.data[quotes - 1], lines.data[quotes + 1])
    wrong = (counts & 1).astype(np.bool_)
    wrong[line[~_separates(beside)]] = True
    return np.flatnonzero(wrong)


def _read(text: bytes, layout: Layout, dialect: Dialect, short: list[int]) -> list[Any] | None:
    """Read every field as text on this thread; the rows that are too short or too long are left out, their numbers told."""
    names = [str(at) for at in range(layout.width + sum(at < layout.width for at in dialect.bracketed))]
    parse = csv.ParseOptions(
        delimiter=" ",
        quote_char=False if dialect.quoting == "none" else '"',
        double_quote=dialect.quoting == "doubled",
        invalid_row_handler=lambda row: _skip(row, short),
    )
    try:
        table = csv.read_csv(
            cast("IO[bytes]", pa.BufferReader(text)),
            read_options=csv.ReadOptions(column_names=names, block_size=len(text) + 1, use_threads=False),
            parse_options=parse,
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=["", "-"],
                strings_can_be_null=True,
                check_utf8=False,
            ),
            memory_pool=_pool(),
        )
    except pa.ArrowInvalid:
        return None
    return [column.combine_chunks() if column.num_chunks != 1 else column.chunk(0) for column in table.columns]


@cache
def _pool() -> pa.MemoryPool:
    """Give memory that stands up to this: Arrow sets aside the size of the chunk for each column and gives most of it back."""
    try:
        return pa.mimalloc_memory_pool()
    except NotImplementedError:  # left out of some builds of Arrow
        return pa.default_memory_pool()


def _skip(row: Any, short: list[int]) -> Literal["skip"]:
    short.append(row.number - 1)
    return "skip"


def _in_slots(columns: list[Any], layout: Layout, dialect: Dialect, *, escaped: bool) -> list[Any]:
    """Give one column for each field: a time in brackets holds a space, and was read as two."""
    texts: list[Any] = []
    parts = iter(columns)
    for at in range(layout.width):
        part = next(parts)
        texts.append(_bracketed(pc.binary_join_element_wise(part, next(parts), " ")) if at in dialect.bracketed else part)
    if not escaped:
        return texts
    backslash = "\\" if dialect.folds_backslashes else "\\\\"
    for mark, meant in ((_ESCAPED_QUOTE, '"'), (_ESCAPED_BACKSLASH, backslash)):
        texts = [pc.replace_substring(each, mark.decode(), meant) if _has(each, mark) else each for each in texts]
    return texts


def _bracketed(texts: Any) -> Any:
    """Leave out what is not in brackets: there, two fields were put together that are none."""
    sound = np.asarray(pc.and_(pc.starts_with(texts, "["), pc.ends_with(texts, "]")).fill_null(False))
    if sound.all():
        return texts
    kept: Any = pa.array(np.arange(len(sound)), mask=~sound)
    return texts.take(kept)


def _has(column: Any, mark: bytes) -> bool:
    octets = column.buffers()[2]
    return octets is not None and mark in memoryview(octets).tobytes()
