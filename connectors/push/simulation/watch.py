"""Takes the beginning and end of each stream as the server sees them, gives what is open and what was; never forgets one."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(slots=True)
class StreamRecord:
    """One stream as the server saw it.

    Attributes:
        channel: Which channel.
        protocol: How it was asked for.
        client: The client's `host:port`.
        position: What the client went on after; empty for none.
        opened_secs: When it began, on the machine's monotonic clock.
        closed_secs: When it ended; None while it is open.
        ended_by: Who ended it.
        events: How many events were written to it.
        sent_bytes: How many bytes were taken by the network.
    """

    channel: str
    protocol: str
    client: str
    position: str
    opened_secs: float
    closed_secs: float | None = None
    ended_by: Literal["client", "server"] | None = None
    events: int = 0
    sent_bytes: int = 0


class Watch:
    """All streams so far; may be read from any thread."""

    def __init__(self) -> None:
        self._records: list[StreamRecord] = []
        self._lock = threading.Lock()

    @contextmanager
    def stream(self, channel: str, protocol: str, client: str, position: str) -> Iterator[StreamRecord]:
        """Note a stream while a block lasts; it was ended by the server unless the block says otherwise."""
        record = StreamRecord(channel, protocol, client, position, time.monotonic())
        with self._lock:
            self._records.append(record)
        try:
            yield record
        finally:
            record.ended_by = record.ended_by or "server"
            record.closed_secs = time.monotonic()

    def streams(self, channel: str | None = None) -> list[StreamRecord]:
        """Give every stream so far, of one channel or all, in the order of their beginnings."""
        with self._lock:
            return [record for record in self._records if channel in (None, record.channel)]

    def open(self, channel: str | None = None) -> list[StreamRecord]:
        """Give the streams that are open now."""
        return [record for record in self.streams(channel) if record.closed_secs is None]

    def state(self) -> dict[str, Any]:
        """Give what is open, by channel, and how many there ever were, as JSON."""
        streams = self.streams()
        now = [record for record in streams if record.closed_secs is None]
        ended = Counter(record.ended_by for record in streams if record.closed_secs is not None)
        return {
            "open": len(now),
            "open_by_channel": dict(Counter(record.channel for record in now)),
            "opened": len(streams),
            "ended_by_client": ended["client"],
            "ended_by_server": ended["server"],
        }
