"""Takes live streams and the backfills beside them, lets a backfill ask only while its live stream rests; never two of one stream at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wellhead.runtime.quota import ConnectorQuota


@dataclass(slots=True)
class Door:
    """Where the polls of one stream, live and backfill, go through one at a time, in the order they come; for one event loop.

    Some vendors serve a tenant's one client: what they say to a backfill holds for the live stream, too. So a backfill begins only
    behind a live run that came to its end, and outlasts the quiet that either of them is told to keep.

    Attributes:
        lock: Held while one of them is polled.
        quiet_until_ms: Epoch ms before which the vendor wants to be left alone by the live stream, as it rests; None while it does not rest.
        quota: What the connector may ask, both together.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    quiet_until_ms: int | None = None
    quota: ConnectorQuota | None = None


class Doors:
    """The doors of a process, by connector, stream and tenant; they outlive the tasks that go through."""

    def __init__(self) -> None:
        self._doors: dict[tuple[str, str, str], Door] = {}

    def of(self, connector: str, stream: str, tenant: str) -> Door:
        """Give the door of one stream."""
        return self._doors.setdefault((connector, stream, tenant), Door())
