"""Takes a compacted topic and a question, gives the newest record of each key that answers it; never asks a vendor (I5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from confluent_kafka import Message

from wellhead.avro.decode import Decoder
from wellhead.avro.readable import readable
from wellhead.errors import PermanentError
from wellhead.kafka.consumer import read_to_end

if TYPE_CHECKING:
    from wellhead.api import Keep

PUBLISHED_MS = "published_ms"

OnForeign = Callable[[Message, PermanentError], None]
"""Told of a message that is none of ours, with why it cannot be read."""


def records_in(
    messages: Sequence[Message], decoder: Decoder, columns: Sequence[str], on_foreign: OnForeign
) -> tuple[list[Message], pa.RecordBatch | None]:
    """Give the messages that are tombstones or records of ours, and the records' columns; None where there are no records.

    Raises:
        PermanentError: Most cannot be read.
        TemporaryError: The registry cannot be reached.
    """
    values = [value for message in messages if (value := message.value()) is not None]
    if not values:
        return list(messages), None
    table, foreign = readable(decoder, values, columns)
    if not foreign:
        return list(messages), table
    ours, at = [], 0
    for message in messages:
        if message.value() is None:
            ours.append(message)
            continue
        if at in foreign:
            on_foreign(message, foreign[at])
        else:
            ours.append(message)
        at += 1
    return ours, table


def read_back(
    consumer_config: Mapping[str, Any],
    topic: str,
    decoder: Decoder,
    *,
    columns: Sequence[str],
    keep: Keep,
    on_foreign: OnForeign,
) -> pa.RecordBatch:
    """Read `topic` from its beginning to its end as of now; blocking. See `wellhead.api.ReadBack`.

    Raises:
        TemporaryError: The broker or the registry cannot be reached.
        PermanentError: Most messages cannot be read.
    """
    kept = _Kept(decoder, columns, keep, on_foreign)
    read_to_end(consumer_config, topic, kept.look_through)
    return kept.rows()


class _Kept:
    """The rows that answer, by key: a later message of a key takes the place of the earlier one, whether it answers or not."""

    def __init__(self, decoder: Decoder, columns: Sequence[str], keep: Keep, on_foreign: OnForeign) -> None:
        self._on_foreign = on_foreign
        self._decoder = decoder
        self._columns = list(columns)
        self._keep = keep
        self._tables: list[pa.RecordBatch] = []
        self._place: dict[bytes | None, tuple[int, int]] = {}

    def look_through(self, messages: list[Message]) -> None:
        messages, table = records_in(messages, self._decoder, self._columns, self._on_foreign)
        if table is None:
            table = self._decoder.decode([], columns=self._columns)
        times: Any = pa.array([each.timestamp()[1] for each in messages if each.value() is not None], pa.int64())
        answers = np.asarray(self._keep(table.append_column(PUBLISHED_MS, times)).fill_null(False))
        number, row, at = len(self._tables), 0, 0
        for message in messages:
            key = message.key()
            if message.value() is not None and answers[at]:
                self._place[key] = (number, row)
                row += 1
            else:
                self._place.pop(key, None)
            at += message.value() is not None
        self._tables.append(table.filter(pa.array(answers)))

    def rows(self) -> pa.RecordBatch:
        if not self._tables:
            return self._decoder.decode([], columns=self._columns)
        wanted: dict[int, list[int]] = {}
        for number, row in self._place.values():
            wanted.setdefault(number, []).append(row)
        parts = [self._tables[number].take(pa.array(sorted(rows), pa.int64())) for number, rows in sorted(wanted.items())]
        whole: pa.RecordBatch = pa.concat_batches(parts or [self._tables[0].slice(0, 0)])  # type: ignore[attr-defined]  # the stubs lack it
        return whole
