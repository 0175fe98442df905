"""Takes a CSV of changed rows, gives it in parts of a bounded size, each with the header; never cuts a row, quoted newlines included."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from wellhead import PermanentError


def parts_of(path: Path, max_bytes: int) -> Iterator[BinaryIO]:
    """Yield the parts, each of at most `max_bytes` and at least one row; one part is in memory at a time.

    Raises:
        PermanentError: The header and one row are larger than `max_bytes`.
    """
    with path.open("rb") as source:
        rows = _rows(source)
        header = next(rows, b"")
        part = io.BytesIO()
        for row in rows:
            if len(header) + len(row) > max_bytes:
                raise PermanentError(
                    f"ngsiem: {path}: a row of {len(row):,} bytes does not fit into ngsiem.patch_max_bytes ({max_bytes:,}); raise it"
                )
            if part.tell() and part.tell() + len(row) > max_bytes:
                yield part
                part = io.BytesIO()
            if not part.tell():
                part.write(header)
            part.write(row)
        if part.tell():
            yield part


def _rows(source: BinaryIO) -> Iterator[bytes]:
    row = b""
    for line in source:
        row += line
        # An odd number of quotes means that a quoted value goes on in the next line; a doubled quote counts twice.
        if row.count(b'"') % 2 == 0:
            yield row
            row = b""
    if row:
        yield row
