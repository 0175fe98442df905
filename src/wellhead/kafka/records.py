"""Takes aligned columns of records for one topic, gives them in librdkafka's argument order, never copies a value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from wellhead.kafka.messages import HEADER_OVERHEAD_BYTES, RECORD_OVERHEAD_BYTES, Headers

_ANY_PARTITION = -1
_NOW = 0  # what librdkafka reads as "the time of producing"
_LATEST_AHEAD_MS = 600_000  # a broker refuses a whole batch for one time an hour ahead of its clock


@dataclass(frozen=True, slots=True)
class Records:
    """Values and what goes with them; keys, times and headers of their own are aligned with the values, other headers are the same for all."""

    values: Sequence[bytes | None]
    keys: Sequence[bytes | None] | None = None
    timestamps_ms: Sequence[int] | None = None
    headers: Headers | None = None
    own_headers: Sequence[Headers] | None = None
    partition: int | None = None

    def columns(self) -> list[Iterator[Any]]:
        """Give the arguments after the value: key, partition, callback, on_delivery, timestamp, headers; only as many as are needed."""
        headed = self.own_headers is not None or bool(self.headers)
        stamped = self.timestamps_ms is not None or headed
        if self.keys is None and self.partition is None and not stamped:
            return []
        place = _ANY_PARTITION if self.partition is None else self.partition
        columns: list[Iterator[Any]] = [iter(self.keys) if self.keys is not None else repeat(None), repeat(place)]
        if stamped:
            columns += [repeat(None), repeat(None), repeat(_NOW) if self.timestamps_ms is None else iter(self.timestamps_ms)]
        if headed:
            columns.append(repeat(self.headers) if self.own_headers is None else iter(self.own_headers))
        return columns

    def pick(self, indexes: Sequence[int]) -> Records:
        """Give the records at `indexes`."""
        return Records(
            [self.values[index] for index in indexes],
            None if self.keys is None else [self.keys[index] for index in indexes],
            None if self.timestamps_ms is None else [self.timestamps_ms[index] for index in indexes],
            self.headers,
            None if self.own_headers is None else [self.own_headers[index] for index in indexes],
            self.partition,
        )

    def larger_than(self, limit_bytes: int) -> list[int]:
        """Give the indexes of records that the broker would count as more than `limit_bytes`, were they alone and uncompressed."""
        around = RECORD_OVERHEAD_BYTES + max(map(_bytes_of, self.own_headers or [self.headers or []]))
        keys = self.keys if self.keys is not None else repeat(None)
        sizes = (len(value or b"") + len(key or b"") for value, key in zip(self.values, keys, strict=False))
        return [index for index, size in enumerate(sizes) if size + around > limit_bytes]


def _bytes_of(headers: Headers) -> int:
    return sum(len(name.encode()) + len(held) + HEADER_OVERHEAD_BYTES for name, held in headers)


def plausible(timestamps_ms: Sequence[int], now_ms: int) -> Sequence[int]:
    """Give times that a broker takes: one before 1970 or well ahead of now becomes "now", as Kafka's time only steers retention."""
    latest = now_ms + _LATEST_AHEAD_MS
    if not timestamps_ms or (min(timestamps_ms) >= 0 and max(timestamps_ms) <= latest):
        return timestamps_ms
    return [time if 0 <= time <= latest else _NOW for time in timestamps_ms]
