"""Takes lines whose width is not certain, gives a frame of their values and then Arrow columns; never changes a value's meaning."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa

from connectors.wss.batches import TIME, batch_of
from connectors.wss.fields import Layout, known_columns

_TYPES: dict[pa.DataType, pl.DataType] = {pa.int32(): pl.Int32(), pa.int64(): pl.Int64(), pa.string(): pl.String()}


def empty_frame(layout: Layout) -> pl.DataFrame:
    """Give a frame of no lines."""
    return pl.DataFrame(schema=_text_types(layout))


def read_lines(text: bytes, layout: Layout) -> pl.DataFrame | None:
    """Read lines into a frame of text by position, one column more than the header names.

    A line that is too short has null in the header's last column, one that is too long a value in the column behind it. None when
    polars refuses the text; text whose first bytes look like a compressed file's is refused too.
    """
    try:
        return pl.read_csv(
            text,
            has_header=False,
            separator=" ",
            schema=_text_types(layout),
            null_values=_nulls(layout),
            extra_columns="ignore",
            missing_columns="insert",
            raise_if_empty=False,
        )
    except (pl.exceptions.PolarsError, OSError):
        return None


def _text_types(layout: Layout) -> dict[str, pl.DataType]:
    return {str(i): pl.String() for i in range(layout.width + 1)}


def _nulls(layout: Layout) -> dict[str, str]:
    """`-` is null everywhere but in the last column, where a null means that the line was too short.

    Every column is given a null value, if only one that no line can hold: polars takes `""` for null in those without one as soon
    as others have one.
    """
    return {str(i): "-" if i < layout.width - 1 else "\n" for i in range(layout.width + 1)}


def typed(frame: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """Give every field its name and type; a value that is no number, date or time becomes null.

    Series by series, since one `select` of all of them would cost milliseconds of planning for every chunk.
    """
    when = (pl.col(str(layout.date)) + "T" + pl.col(str(layout.clock))).str.to_datetime(
        "%Y-%m-%dT%H:%M:%S", time_unit="ms", strict=False, cache=False
    )
    columns = [frame.select(when.alias("time")).to_series()]
    for position, name in layout.columns:
        value, wanted = _value(frame, position, layout), _TYPES[known_columns()[name]]
        columns.append((value if value.dtype == wanted else _number(value, wanted)).alias(name))
    columns += [_value(frame, position, layout).alias(key) for position, key in layout.extras]
    return pl.DataFrame(columns)


def _number(text: pl.Series, wanted: pl.DataType) -> pl.Series:
    number = text.cast(wanted, strict=False)
    if number.null_count() > text.null_count():  # blanks within the quotes do not matter
        return text.str.strip_chars(" ").cast(wanted, strict=False)
    return number


def _value(frame: pl.DataFrame, position: int, layout: Layout) -> pl.Series:
    """The last column is read without its null value, see `_nulls`."""
    value = frame.to_series(position)
    if position == layout.width - 1 and (empty := value == "-").any():
        return value.set(empty, None)
    return value


def record_batch(frame: pl.DataFrame, layout: Layout) -> pa.RecordBatch:
    """Give a typed frame as one record batch of plain strings, numbers and times; unknown fields become the `extensions` map."""
    table = frame.rechunk().to_arrow(compat_level=pl.CompatLevel.newest())
    columns: dict[str, Any] = {}
    for name, chunked in zip(table.column_names, table.columns, strict=True):
        column = chunked.chunk(0) if chunked.num_chunks else pa.array([], chunked.type)
        columns[name] = column.cast(pa.string()) if column.type == pa.string_view() else column
    columns["time"] = columns["time"].view(TIME)
    extras = {key: columns.pop(key) for _, key in layout.extras}
    return batch_of(columns, extras)
