"""Takes a lookup file and what changed since, gives the file as it must be now, byte for byte; never trusts a byte unseen.

The file is sorted by its key, so it is read once, and what lies between two changed keys is copied as it is.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wellhead.consumers.lookup.manifest import Manifest
from wellhead.consumers.lookup.mapping import Mapping

_BLOCK_BYTES = 4 << 20
_NEAR = 16
_QUOTE = ord('"')
_QUOTED = re.compile(rb'"((?:[^"]|"")*+)"')


@dataclass(frozen=True, slots=True)
class Touched:
    """What changed: the keys whose row may be another, in order, and a file with the rows they have now, without a header."""

    keys: list[bytes]
    rows: Path


@dataclass(frozen=True, slots=True)
class Mended:
    """A file that was written: its rows, and its digest."""

    rows: int
    sha256: str


def can_mend(mapping: Mapping) -> bool:
    """Tell whether a line's place follows from its first field."""
    return mapping.sorted_by == (next(iter(mapping.columns)),) and mapping.quote == "all"


def mend(former: Manifest, folder: Path, touched: Touched, into: Path) -> Mended | None:
    """Write the former file, with other rows for the touched keys, to `into`; None where the former file is not what its manifest says."""
    files = [folder / part.file for part in former.parts]
    with files[0].open("rb") as first:
        header = first.readline()
    fresh = {key_of(line): line for line in _lines(touched.rows)}
    old, new = hashlib.sha256(header), hashlib.sha256(header)
    before = after = 0
    keys, at = touched.keys, 0
    with into.open("wb") as out:
        out.write(header)
        for data in _blocks(files):
            old.update(data)
            block = Block(data)
            upto = bisect_right(keys, block.key(block.count - 1), at) if block.count else at
            made = b"".join(block.mended(keys[at:upto], fresh))
            at = upto
            new.update(made)
            out.write(made)
            before += block.count
            after += block.after
        rest = [fresh[key] for key in keys[at:] if key in fresh]
        made = b"".join(rest)
        new.update(made)
        out.write(made)
    if old.hexdigest() != former.sha256 or before != former.rows:
        return None
    return Mended(after + len(rest), new.hexdigest())


class Block:
    """Some lines of a sorted file, whole ones."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        ends: Any = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n")) + 1
        self._starts: list[int] = [0, *ends.tolist()]
        self.count = self.after = len(ends)
        self._numbers = range(self.count)

    def key(self, number: int) -> bytes:
        """Give the key of a line."""
        start = self._starts[number] + 1
        end = self._data.find(b'"', start)
        # A quote that is followed by another one is part of the key.
        return (
            key_of(self._data[start - 1 : self._starts[number + 1]]) if self._data[end + 1] == _QUOTE else self._data[start:end]
        )

    def mended(self, keys: Iterable[bytes], fresh: dict[bytes, bytes]) -> Iterator[bytes | memoryview]:
        """Yield its lines, with those of `fresh` in place of what it has for `keys`, which are sorted and none above its last."""
        view, starts, copied, number = memoryview(self._data), self._starts, 0, 0
        for key in keys:
            number = self._place_of(key, number)
            if copied < starts[number]:
                yield view[copied : starts[number]]
            if self.key(number) == key:
                number += 1
                self.after -= 1
            copied = starts[number]
            if key in fresh:
                self.after += 1
                yield fresh[key]
        yield view[copied:]

    def _place_of(self, key: bytes, low: int) -> int:
        """Give the first line from `low` on whose key is not below `key`; such a one there is, and mostly not far."""
        step, last = _NEAR, self.count - 1
        while (high := low + step) < last and self.key(high) < key:
            low, step = high + 1, step * 2
        return bisect_left(self._numbers, key, low, min(high, last), key=self.key)


def key_of(line: bytes) -> bytes:
    """Give the first field of a line, all of whose fields are quoted."""
    end = line.find(b'"', 1)
    if end > 0 and line[end + 1 : end + 2] != b'"':
        return line[1:end]
    found = _QUOTED.match(line)
    return b"" if found is None else found[1].replace(b'""', b'"')


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _blocks(files: Iterable[Path]) -> Iterator[bytes]:
    """Yield the rows of files, each of which has a header, some whole lines at a time."""
    for path in files:
        with path.open("rb") as file:
            file.readline()
            while data := file.read(_BLOCK_BYTES):
                yield data + (b"" if data.endswith(b"\n") else file.readline())
