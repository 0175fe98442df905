"""Takes whole lines of a gateway's log, gives Arrow columns and rejects; never drops a line.

Every line becomes a record or a reject, but for blank ones and those that begin with `#`. A header among them holds from there on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from connectors.webgateway.formats import dialects, single
from connectors.webgateway.formats.chunk import Lines, cut, lines_of
from connectors.webgateway.formats.layout import Dialect, Layout
from connectors.webgateway.formats.records import Records, joined
from wellhead import Reject

FormatName = Literal["auto", "mwg", "squid", "combined", "common", "elff"]
FALLBACK = "iso-8859-15"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MARKS = re.compile(rb"^(?:\xef\xbb\xbf)+", re.MULTILINE)
_TRIES = 16
_SHAPED = {"squid": dialects.SQUID, "combined": dialects.CLF, "common": dialects.CLF}
_CLF_LINE = re.compile(rb'(?:(?:"(?:[^"\\]|\\.)*"|(?!")[^ ]*) ){3}\[')
_SQUID_LINE = re.compile(rb" *[0-9]+(?:\.[0-9]+)? +(?:-|-?[0-9]+) ")


@dataclass(frozen=True, slots=True)
class FormatSpec:
    """What is known of a log before its lines are read.

    Attributes:
        format: Its format; `auto` tells by headers, and by the shape of each line where there is none.
        header: The header line in force, with its `#` or without.
        fallback: The encoding of lines that are not UTF-8.
    """

    format: FormatName = "auto"
    header: bytes = b""
    fallback: str = FALLBACK


@dataclass(frozen=True, slots=True)
class Decoded:
    """What lines held.

    Attributes:
        table: One record batch, in the order of the lines; a column that none of them has is left out.
        rejects: The lines that could not be read.
        header: The header line in force behind them; empty where none is.
        filtered: Lines left out on purpose, by reason; there are none.
    """

    table: pa.RecordBatch
    rejects: Sequence[Reject]
    header: bytes = b""
    filtered: Mapping[str, int] = field(default_factory=dict)


class LogFormat:
    """Reads lines; holds nothing of what it read."""

    def __init__(self, spec: FormatSpec) -> None:
        self.spec = spec
        self._declared = _declared(spec)

    def decode(self, lines: bytes) -> Decoded:
        """Decode whole lines.

        Args:
            lines: They end in a newline, perhaps but for the last one, perhaps behind a carriage return.
        """
        lines = without_marks(lines)
        if b"\r" in lines:
            lines = lines.replace(b"\r\n", b"\n")
        declared, batches, rejects = self._declared, list[pa.RecordBatch](), list[Reject]()
        for section in _sections(lines):
            if section.startswith(b"#"):
                declared = self._header(section) or declared
            elif section:
                batch, refused = self._section(section, declared)
                batches.append(batch)
                rejects += refused
        return Decoded(joined(batches), rejects, b"" if declared is None else declared.context)

    def _header(self, line: bytes) -> Dialect | None:
        """Give what a `#` line declares; None where it is a comment, or this format knows no headers."""
        line = line.rstrip(b"\n")
        if self.spec.format in _SHAPED:
            return None
        found = None if self.spec.format == "mwg" else dialects.elff(line)
        return found or (None if self.spec.format == "elff" else dialects.by_rule(line))

    def _section(self, chunk: bytes, declared: Dialect | None) -> tuple[pa.RecordBatch, list[Reject]]:
        """Decode lines between two headers: most of them in one go, what is odd line by line."""
        lines = lines_of(chunk)
        dialect = declared or self._first_shape(lines)
        batches, rows = list[pa.RecordBatch](), list[np.ndarray[tuple[int], np.dtype[np.int64]]]()
        left = np.ones(len(lines), np.bool_)
        for found in cut(lines, dialect) if dialect is not None and dialect.layouts[0].timed else ():
            records = Records(found.layout, found.texts)
            good = ~np.logical_or.reduce([np.zeros(len(found.lines), np.bool_), *(fault.rows for fault in records.faults)])
            batch = records.batch()
            batches.append(batch if good.all() else batch.filter(pa.array(good)))
            rows.append(found.lines[good])
            left[rows[-1]] = False
        rejects: list[Reject] = []
        if left.any():
            odd = _Alone(self, declared, lines)
            for index in np.flatnonzero(left).tolist():
                odd.take(index)
            batches, rows = [*batches, *odd.batches()], [*rows, *odd.rows()]
            rejects = odd.rejects()
        whole = joined(batches)
        if len(batches) > 1 and whole.num_rows:
            order: Any = pa.array(np.argsort(np.concatenate(rows), kind="stable"))
            whole = whole.take(order)
        return whole, rejects

    def _first_shape(self, lines: Lines) -> Dialect | None:
        """Give what the first line is that has a shape; a few broken ones before it do not matter."""
        shapes = (self._by_shape(lines.line(index)) for index in range(min(len(lines), _TRIES)))
        return next((shape for shape in shapes if shape is not None), None)

    def _by_shape(self, line: bytes) -> Dialect | None:
        if self.spec.format != "auto":
            return _SHAPED.get(self.spec.format)
        if _CLF_LINE.match(line):
            return dialects.CLF
        return dialects.SQUID if _SQUID_LINE.match(line) else None

    def single(self, line: bytes, declared: Dialect | None) -> tuple[Dialect, Layout, list[str | None]]:
        """Cut one line.

        Raises:
            NoLineError: It is none of this format.
        """
        dialect = declared or self._by_shape(line)
        if dialect is None:
            raise NoLineError(self._unknown(), self.spec.format.encode())
        if not dialect.layouts[0].timed:
            raise NoLineError("the header names no field with the time", dialect.context)
        try:
            text = line.decode()
        except UnicodeDecodeError:
            try:
                text = line.decode(self.spec.fallback)
            except UnicodeDecodeError:
                raise NoLineError(f"the line is neither UTF-8 nor {self.spec.fallback}", dialect.context) from None
        try:
            return dialect, *single.fields(text, dialect)
        except ValueError as error:
            raise NoLineError(str(error), dialect.context) from None

    def _unknown(self) -> str:
        if self.spec.format == "auto":
            return "no header line stands before this line, and it has the shape of no known format; set the option `header`"
        return "no header line stands before this line; set the option `header`"


class NoLineError(Exception):
    """A line is none of its format; holds why, and what reads it again."""

    def __init__(self, reason: str, context: bytes) -> None:
        super().__init__(reason)
        self.context = context


class _Alone:
    """Lines read one by one, then typed together; kept by layout."""

    def __init__(self, reader: LogFormat, declared: Dialect | None, lines: Lines) -> None:
        self._reader = reader
        self._declared = declared
        self._lines = lines
        self._read: dict[tuple[bytes, int], tuple[Dialect, Layout, list[int], list[list[str | None]]]] = {}
        self._rejects: dict[int, Reject] = {}
        self._rows: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []

    def take(self, index: int) -> None:
        line = self._lines.line(index)
        try:
            dialect, layout, values = self._reader.single(line, self._declared)
        except NoLineError as error:
            self._rejects[index] = Reject(line, str(error), None, error.context)
            return
        held = self._read.setdefault((dialect.context, layout.width), (dialect, layout, [], []))
        held[2].append(index)
        held[3].append(values)

    def batches(self) -> Iterator[pa.RecordBatch]:
        for dialect, layout, indexes, rows in self._read.values():
            texts = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
            records = Records(layout, texts)
            good = np.ones(len(indexes), np.bool_)
            for fault in records.faults:
                for row in np.flatnonzero(fault.rows & good).tolist():
                    line = self._lines.line(indexes[row])
                    self._rejects[indexes[row]] = Reject(line, fault.reason, fault.field, dialect.context)
                good &= ~fault.rows
            self._rows.append(np.array(indexes, np.int64)[good])
            yield records.batch().filter(pa.array(good))

    def rows(self) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
        """Give the lines of each batch, once all were given."""
        return self._rows

    def rejects(self) -> list[Reject]:
        """Give what is no record, in the order of the lines, once all batches were given."""
        return [self._rejects[index] for index in sorted(self._rejects)]


def open_format(spec: FormatSpec | bytes, *, fallback: str = FALLBACK) -> LogFormat:
    """Give what reads lines.

    Args:
        spec: What is known of them; or the context of a reject, to read it again.
        fallback: With a context, the encoding of lines that are not UTF-8.
    """
    if isinstance(spec, FormatSpec):
        return _opened(spec)
    if spec.startswith(b"#"):
        return _opened(FormatSpec("elff" if dialects.elff(spec) else "mwg", spec, fallback))
    name = spec.decode()
    known: tuple[FormatName, ...] = ("auto", "mwg", "squid", "combined", "common", "elff")
    return _opened(FormatSpec(next((each for each in known if each == name), "auto"), b"", fallback))


@lru_cache(maxsize=64)
def _opened(spec: FormatSpec) -> LogFormat:
    return LogFormat(spec)


def without_marks(lines: bytes) -> bytes:
    """Leave out byte order marks at the beginning of any line: where a log is cut is chance, and one may be written behind another."""
    # One byte is found many times as quickly as three.
    return _MARKS.sub(b"", lines) if _BYTE_ORDER_MARK[:1] in lines and _BYTE_ORDER_MARK in lines else lines


def is_header(line: bytes) -> bool:
    """Tell whether a line declares what the lines behind it hold; other lines that begin with `#` are comments."""
    return dialects.is_header(line)


def _declared(spec: FormatSpec) -> Dialect | None:
    if not spec.header or spec.format in _SHAPED:
        return None
    line = spec.header if spec.header.startswith(b"#") else b"#" + spec.header
    found = None if spec.format == "mwg" else dialects.elff(line)
    if found is None and spec.format == "elff":
        return dialects.elff(b"#Fields: " + line.lstrip(b"#"))
    return found or dialects.by_rule(line, sure=True)


def _sections(lines: bytes) -> Iterator[bytes]:
    """Cut before and behind every line that begins with `#`."""
    start = 0
    if b"#" not in lines:
        yield lines
        return
    while start < len(lines):
        if lines.startswith(b"#", start):
            end = lines.find(b"\n", start) + 1 or len(lines)
        else:
            end = lines.find(b"\n#", start) + 1 or len(lines)
        yield lines[start:end]
        start = end
