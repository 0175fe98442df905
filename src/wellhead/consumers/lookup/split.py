"""Takes a finished CSV, gives it as files of a limited size, each under the header; relies on a row being a line, as `select` has it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from wellhead.consumers.lookup.durable import temporary
from wellhead.consumers.lookup.manifest import Part
from wellhead.errors import PermanentError


def part_name(file: str, number: int) -> str:
    """Give the name of a part: the first keeps the file's own, so that queries that name it go on working."""
    return file if number == 1 else f"{file.removesuffix('.csv')}_{number}.csv"


def cut(whole: Path, file: str, *, limit: int, at_least: int, folder: Path) -> list[Part]:
    """Cut `whole` into temporary files under their parts' names.

    Args:
        whole: The finished file.
        file: Its name.
        limit: Bytes a part may have.
        at_least: How many parts there must be: further ones hold the header only, so that rows of a former part leave the target.
        folder: Where the parts go.

    Raises:
        PermanentError: A single row is larger than the limit.
    """
    parts: list[Part] = []
    with whole.open("rb") as source:
        header = source.readline()
        rows: Iterator[bytes] = iter(source)
        first: bytes | None = next(rows, None)
        while first is not None or len(parts) < max(at_least, 1):
            name = part_name(file, len(parts) + 1)
            with temporary(folder, name).open("wb") as target:
                writing = _Writing(name, target, header)
                first = writing.fill(first, rows, limit)
            parts.append(writing.part())
    return parts


class _Writing:
    """One part while it is written."""

    def __init__(self, name: str, target: BinaryIO, header: bytes) -> None:
        self._name = name
        self._target = target
        self._digest = hashlib.sha256()
        self._rows = -1
        self._bytes = 0
        self._add(header)

    def fill(self, first: bytes | None, rows: Iterator[bytes], limit: int) -> bytes | None:
        """Add rows while there is room; give the first that does not fit."""
        row = first
        while row is not None:
            if self._bytes + len(row) > limit:
                if not self._rows:
                    raise PermanentError(
                        f"{self._name}: one row and the header have {self._bytes + len(row):,} bytes, more than the {limit:,} a file may "
                        "have; leave out a column, or raise oversize.max.bytes"
                    )
                return row
            self._add(row)
            row = next(rows, None)
        return None

    def part(self) -> Part:
        return Part(file=self._name, rows=self._rows, bytes=self._bytes, sha256=self._digest.hexdigest())

    def _add(self, line: bytes) -> None:
        self._target.write(line)
        self._digest.update(line)
        self._rows += 1
        self._bytes += len(line)
