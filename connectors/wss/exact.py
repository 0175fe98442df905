"""Takes lines of any quality, gives each back as values or as a reject; never lets one line spoil another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

import numpy as np
import polars as pl
import pyarrow as pa

from connectors.wss.columns import empty_frame, read_lines, record_batch, typed
from connectors.wss.fields import Layout, layout_in
from connectors.wss.scan import Flags, Ints, Scan, count_regular, scan
from wellhead import Reject

# A value and the separator behind it: quoted, with quotes doubled inside, or a run without spaces that does not open with a quote.
_VALUE = re.compile(r'(?:"((?:[^"]|"")*)"|((?:[^ "][^ ]*)?))( |\Z)', re.DOTALL)


@dataclass
class Exact:
    """What has been read so far: batches, rejects with the number of their line, and the layout in force."""

    layout: Layout | None
    fallback: str
    max_line_bytes: int
    batches: list[pa.RecordBatch] = field(default_factory=list)
    rejected: list[tuple[int, Reject]] = field(default_factory=list)

    @property
    def rejects(self) -> list[Reject]:
        """The rejects in the order of their lines."""
        return [reject for _, reject in sorted(self.rejected, key=lambda pair: pair[0])]

    def reject(self, found: Scan, index: int, reason: str, name: str | None = None) -> None:
        context = b"" if self.layout is None else self.layout.directive
        self.rejected.append((index, Reject(found.line(index), reason, name, context)))


def read(chunk: bytes, layout: Layout | None, *, fallback: str, max_line_bytes: int) -> Exact:
    """Read every line of the chunk, starting with `layout`; arguments as for `decode`."""
    found = scan(chunk)
    out = Exact(layout, fallback, max_line_bytes)
    first = 0
    for at in [*np.flatnonzero(found.directive).tolist(), len(found.starts)]:
        _section(found, first, at, out)
        if at < len(found.starts):
            out.layout = layout_in(found.line(at), out.layout)
        first = at + 1
    return out


def _section(found: Scan, first: int, last: int, out: Exact) -> None:
    """Read the lines `first` to before `last`, between two directives."""
    layout = out.layout
    if first >= last:
        return
    if layout is None or layout.date is None or layout.clock is None:
        reason = "no #Fields line stands before this record" if layout is None else "the #Fields line names no date and time"
        for index in range(first, last):
            out.reject(found, index, reason)
        return
    here = np.zeros(len(found.starts), np.bool_)
    here[first:last] = True
    for flags, reason in (
        ((found.ends - found.starts) > out.max_line_bytes, f"the line is longer than {out.max_line_bytes} bytes"),
        (found.odd, "a quote is not closed: the line has an odd number of quotes"),
    ):
        for index in np.flatnonzero(here & flags).tolist():
            out.reject(found, index, reason)
        here &= ~flags
    _records(found, here, layout, out)


def _records(found: Scan, here: Flags, layout: Layout, out: Exact) -> None:
    """Read the lines polars can be trusted with in one go, and the others one by one."""
    smooth = here & ~found.gapped
    frame = _in_one_go(found, smooth, layout)
    if frame is None:
        smooth &= ~found.rough
        frame = _in_one_go(found, smooth, layout)
    if frame is None:
        frame, smooth = empty_frame(layout), np.zeros_like(smooth)
    lines = np.flatnonzero(smooth)
    last, beyond = frame.to_series(layout.width - 1), frame.to_series(layout.width)
    if last.null_count() or beyond.null_count() < len(beyond):
        fits = last.is_not_null() & beyond.is_null()
        lines, frame = lines[fits.to_numpy()], frame.filter(fits)
    out.batches.append(_typed(lines, frame, found, layout, out))
    here[lines] = False
    if here.any():
        rows, kept = _one_by_one(found, np.flatnonzero(here).tolist(), layout, out)
        out.batches.append(_typed(np.array(kept, np.int64), rows, found, layout, out))


def _in_one_go(found: Scan, smooth: Flags, layout: Layout) -> pl.DataFrame | None:
    """Read lines as text, one column more than the header names; None unless proven as in `regular`: one row for every line."""
    text = found.text_of(smooth)
    if not text:
        return empty_frame(layout)
    if count_regular(text, len(text)) is None:
        return None
    frame = read_lines(text, layout)
    return frame if frame is not None and frame.height == np.count_nonzero(smooth) else None


def _one_by_one(found: Scan, indexes: Sequence[int], layout: Layout, out: Exact) -> tuple[pl.DataFrame, list[int]]:
    """Read lines by themselves; give those of the right width and their indexes, reject the others."""
    rows: list[list[str | None]] = []
    kept: list[int] = []
    for index in indexes:
        try:
            rows.append(_values(found.line(index), layout.width, out.fallback))
            kept.append(index)
        except ValueError as error:
            out.reject(found, index, str(error))
    schema = {str(i): pl.String() for i in range(layout.width)}
    return pl.DataFrame(rows, schema=schema, orient="row"), kept


def _values(line: bytes, width: int, fallback: str) -> list[str | None]:
    """Split one line; a quote inside an unquoted value is itself, a separator behind the last value is forgiven."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        try:
            text = line.decode(fallback)
        except UnicodeDecodeError:
            raise ValueError(f"the line is neither UTF-8 nor {fallback}") from None
    values: list[str | None] = []
    place = 0
    while True:
        match = _VALUE.match(text, place)
        if match is None:
            raise ValueError(f"value {len(values) + 1} goes on after its closing quote")
        quoted, plain = match.group(1, 2)
        value = quoted.replace('""', '"') if quoted is not None else plain or None
        values.append(None if value == "-" else value)
        if not match.group(3):
            break
        place = match.end()
    if len(values) == width + 1 and quoted is None and not plain:
        values.pop()
    if len(values) != width:
        raise ValueError(f"the line has {len(values)} values, its #Fields line names {width}")
    return values


def _typed(lines: Ints, frame: pl.DataFrame, found: Scan, layout: Layout, out: Exact) -> pa.RecordBatch:
    """Type the values; a row with a value that is no number, date or time is a reject that names the field."""
    named = typed(frame, layout)
    wrong = [named["time"].is_null()] if named["time"].null_count() else []
    for position, name in layout.numbers:
        if named[name].null_count() > (frame[str(position)].null_count() if position < layout.width - 1 else 0):
            raw = pl.col(str(position))
            given = frame.select((raw.is_not_null() & ~raw.is_in(["", "-"])).alias(name))[name]
            wrong.append(given & named[name].is_null())
    if wrong:
        bad = reduce(or_, wrong)
        for row in bad.arg_true().to_list():
            name = next(column.name for column in wrong if column[row])
            reason = "date and time are missing or unreadable" if name == "time" else "the value is not a whole number in range"
            out.reject(found, int(lines[row]), reason, name)
        named = named.filter(~bad)
    return record_batch(named, layout)
