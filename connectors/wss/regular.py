"""Takes a chunk of lines, gives its records in one go, or None unless it is proven that each line was read alone and whole."""

from __future__ import annotations

from functools import cache
from typing import IO, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from connectors.wss.batches import TIME, batch_of
from connectors.wss.fields import Layout, known_columns
from connectors.wss.scan import count_regular

_DATE_CHARS, _CLOCK_CHARS = 10, 8
_CASE, _HEX_MARK = 0x20, ord("x")
_PARSE = csv.ParseOptions(delimiter=" ")
_GAPS = (b"  ", b"\n ", b" \n")


def read(chunk: bytes, layout: Layout, max_line_bytes: int) -> pa.RecordBatch | None:
    """Read whole lines in one go; None where one of them needs a closer look.

    Arrow refuses a line with too many or too few values and text that is not UTF-8. Every row ends at a newline and blank lines are
    no rows, so as many rows as newlines means one row per line. A quote opens a value only where the value begins; as the quotes
    stand in pairs, the first at the beginning of a value and the second at its end (`count_regular`), each value that begins
    with a quote takes one pair, and no quote is left for the inside of a value.
    """
    if layout.date is None or layout.clock is None:
        return None
    lines = count_regular(chunk, max_line_bytes)
    if lines is None:
        return None
    try:
        values = _values(chunk, layout)
        if len(values[0]) != lines or pc.any(pc.starts_with(values[0], "#")).as_py() or _may_lack_values(values, chunk):
            return None
        columns = {"time": _time(values[layout.date], values[layout.clock])}
        columns |= {name: _typed(values[position], known_columns()[name]) for position, name in layout.columns}
    except pa.ArrowInvalid:
        return None
    return batch_of(columns, {key: values[position] for position, key in layout.extras})


def _values(chunk: bytes, layout: Layout) -> list[Any]:
    """Read every value as text, column by column, in one block and on this thread: others are at work at the same time."""
    names = [str(position) for position in range(layout.width)]
    table = csv.read_csv(
        cast("IO[bytes]", pa.BufferReader(chunk)),
        read_options=csv.ReadOptions(column_names=names, block_size=len(chunk), use_threads=False),
        parse_options=_PARSE,
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=["-"],
            strings_can_be_null=True,
            check_utf8=not chunk.isascii(),
        ),
        memory_pool=_pool(),
    )
    return [column.chunk(0) for column in table.columns]


@cache
def _pool() -> pa.MemoryPool:
    """Give memory that stands up to this: Arrow sets aside the size of the chunk for each column and gives most of it back.

    malloc is left with holes by that, 200 MB of them where a few chunks are under way; mimalloc is not, and is quicker.
    """
    try:
        return pa.mimalloc_memory_pool()
    except NotImplementedError:  # left out of some builds of Arrow
        return pa.default_memory_pool()


def _may_lack_values(values: list[Any], chunk: bytes) -> bool:
    """Whether an empty value may stand there without quotes, which means no value; `""` is an empty one."""
    if all(_count_empty(column) == column.null_count for column in values):
        return False
    return chunk.startswith(b" ") or any(gap in chunk for gap in _GAPS)


def _count_empty(column: Any) -> int:
    ends = np.frombuffer(column.buffers()[1], np.int32)
    return int(np.count_nonzero(ends[1:] == ends[:-1]))


def _time(dates: Any, clocks: Any) -> Any:
    """Give date and time of day as one time; both in full length, since Arrow reads shorter times than the vendor writes."""
    for column, chars in ((dates, _DATE_CHARS), (clocks, _CLOCK_CHARS)):
        lengths: dict[str, Any] = cast("Any", pc.min_max(pc.binary_length(column))).as_py()
        if column.null_count or lengths != {"min": chars, "max": chars}:
            raise pa.ArrowInvalid("a date or time is missing or has an odd length")
    return pc.binary_join_element_wise(dates, clocks, " ").cast(pa.timestamp("ms")).view(TIME)


def _typed(texts: Any, wanted: pa.DataType) -> Any:
    if wanted == pa.string():
        return texts
    octets = texts.buffers()[2]
    # Arrow reads 0x1f as 31, and 0xffffffff as -1.
    if octets is not None and ((np.frombuffer(octets, np.uint8) | _CASE) == _HEX_MARK).any():
        raise pa.ArrowInvalid("a number may be hexadecimal")
    return texts.cast(wanted)
