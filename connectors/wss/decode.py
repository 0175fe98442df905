"""Takes whole lines of an access log and the layout of their member, gives Arrow columns and rejects; never drops a line.

Every line becomes a record or a reject, but for `#` directives and blank lines. The happy path lets Arrow read the chunk and then
proves that it read each line alone and whole (`regular`); only a chunk that fails the proof is read more slowly (`exact`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from connectors.wss import regular
from connectors.wss.batches import join
from connectors.wss.fields import Layout, layout_in
from connectors.wss.scan import BYTE_ORDER_MARK
from wellhead import Reject

MAX_LINE_BYTES = 1 << 20
"""A longer line is a reject; the vendor's longest seen is 18 kB."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a chunk held.

    Attributes:
        table: One record batch; a column no line of the chunk has is left out.
        rejects: The lines that could not be read.
        layout: The layout in force after the chunk, None before any `#Fields` line.
        clean: Whether the happy path was enough; the next chunk's `suspect`.
    """

    table: pa.RecordBatch
    rejects: Sequence[Reject]
    layout: Layout | None
    clean: bool


def decode(
    chunk: bytes,
    layout: Layout | None,
    *,
    fallback: str = "iso-8859-15",
    max_line_bytes: int = MAX_LINE_BYTES,
    suspect: bool = False,
) -> Decoded:
    """Decode whole lines.

    Args:
        chunk: Lines of one member, cut at a line end.
        layout: The layout the lines before the chunk declared, None at the start of a member.
        fallback: The encoding of lines that are not UTF-8.
        max_line_bytes: Lines beyond it are rejects.
        suspect: Go straight to the exact path; costs time, changes no result.
    """
    if b"\r" in chunk:
        chunk = chunk.replace(b"\r\n", b"\n")
    chunk, layout = _head(chunk, layout)
    if layout is not None and not suspect and (table := regular.read(chunk, layout, max_line_bytes)) is not None:
        return Decoded(table, (), layout, clean=True)
    from connectors.wss import exact  # noqa: PLC0415 - polars is large, and most logs never need it

    read = exact.read(chunk, layout, fallback=fallback, max_line_bytes=max_line_bytes)
    return Decoded(join(read.batches), read.rejects, read.layout, clean=read.layout is layout and not read.rejects)


def _head(chunk: bytes, layout: Layout | None) -> tuple[bytes, Layout | None]:
    """Take the directives off the front, so that a member's first chunk can go the happy path too."""
    start = len(BYTE_ORDER_MARK) if layout is None and chunk.startswith(BYTE_ORDER_MARK) else 0
    while chunk.startswith(b"#", start):
        end = chunk.find(b"\n", start)
        end = len(chunk) if end < 0 else end
        layout = layout_in(chunk[start:end], layout)
        start = end + 1
    return (chunk[start:] if start else chunk), layout
