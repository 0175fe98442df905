"""Gives one Kafka message as a frozen value, to be staged in a transaction; never touches a client."""

from __future__ import annotations

from dataclasses import dataclass

Headers = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Message:
    """A message to produce.

    Attributes:
        topic: Where it goes.
        value: Its bytes; None is a tombstone.
        key: Its key; None lets the partitioner choose a partition.
        timestamp_ms: Epoch milliseconds; None means the time of producing.
        headers: Name and bytes, in order; names may repeat.
    """

    topic: str
    value: bytes | None
    key: bytes | None = None
    timestamp_ms: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()

    def size_bytes(self) -> int:
        """Give what the broker will count, uncompressed, at most."""
        named = sum(len(name.encode()) + len(content) + HEADER_OVERHEAD_BYTES for name, content in self.headers)
        return len(self.value or b"") + len(self.key or b"") + named + RECORD_OVERHEAD_BYTES


RECORD_OVERHEAD_BYTES = 61 + 36  # batch header + the widest varints of one record
HEADER_OVERHEAD_BYTES = 10  # the widest varints of a header's name and value
