"""Takes the values of a topic that others may write to, too; gives those that can be read, and says which cannot; never hides that most cannot."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from wellhead.avro.decode import Decoder
from wellhead.errors import PermanentError

MOST_FOREIGN = 100
"""More unreadable ones than that among the values of one call are no accident: a schema is wrong, and nothing may be passed over."""


def readable(
    decoder: Decoder, values: Sequence[bytes], columns: Sequence[str]
) -> tuple[pa.RecordBatch, dict[int, PermanentError]]:
    """Decode `values`; give the columns of those that can be read, in order, and why each of the others cannot, by index.

    Raises:
        PermanentError: None of them can be read, or too many cannot.
        TemporaryError: The registry could not be asked.
    """
    try:
        return decoder.decode(values, columns), {}
    except PermanentError:
        foreign: dict[int, PermanentError] = {}
        _search(decoder, values, columns, range(len(values)), foreign)
        if len(foreign) == len(values):
            raise
        kept = [value for index, value in enumerate(values) if index not in foreign]
        return decoder.decode(kept, columns), foreign


def _search(
    decoder: Decoder, values: Sequence[bytes], columns: Sequence[str], part: range, foreign: dict[int, PermanentError]
) -> None:
    """Find what cannot be read by halves."""
    try:
        decoder.decode([values[index] for index in part], columns)
    except PermanentError as error:
        if len(part) == 1:
            foreign[part[0]] = error
            if len(foreign) > MOST_FOREIGN:
                raise
            return
        middle = len(part) // 2
        _search(decoder, values, columns, part[:middle], foreign)
        _search(decoder, values, columns, part[middle:], foreign)
