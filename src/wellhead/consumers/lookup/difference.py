"""Takes the file a target has and the file it should have, gives the rows that are new or other; None where a row has gone.

Both files are sorted by the key, and a row is a line, so one pass beside each other is enough, and only lines that differ are
taken apart. A file that is not sorted by its key is told as one of which a row has gone.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from wellhead.targets import RowChanges

Key = tuple[str, ...]


def difference(former: Path, present: Path, *, key: Sequence[str], into: Path, at_most: int) -> RowChanges | None:
    """Write the rows of `present` that `former` does not have.

    Args:
        former: What was delivered.
        present: What is to be delivered.
        key: The columns that name a row, by which both are sorted.
        into: Where to write the rows, under the header.
        at_most: Give up above so many.

    Returns:
        The rows; None when one has gone, the header is another, or there are none or too many of them.
    """
    with former.open("rb") as old, present.open("rb") as new, into.open("wb") as out:
        header = new.readline()
        if old.readline() != header:
            return None
        out.write(header)
        names = _fields(header)
        places = [names.index(name) for name in key]
        count = 0
        for row in _changed(old, new, places):
            count += 1
            if row is None or count > at_most:
                return None
            out.write(row)
    return RowChanges(into, count, tuple(key)) if count else None


def _changed(old: Iterator[bytes], new: Iterator[bytes], places: Sequence[int]) -> Iterator[bytes | None]:
    """Yield rows that are new or other, and None where one has gone."""
    was, now = next(old, None), next(new, None)
    while was is not None or now is not None:
        if was == now:
            was, now = next(old, None), next(new, None)
            continue
        if was is None or now is None:
            yield now
            was, now = None, next(new, None)
            continue
        before, after = _key(was, places), _key(now, places)
        if before < after:
            yield None
            return
        yield now
        now = next(new, None)
        if before == after:
            was = next(old, None)


def _key(line: bytes, places: Sequence[int]) -> Key:
    fields = _fields(line)
    return tuple(fields[place] for place in places)


def _fields(line: bytes) -> list[str]:
    return next(csv.reader([line.decode("utf-8")]))
