"""Takes items with a size, gives them in order, and makes the putter wait while too many bytes are held; never drops one."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")

# What an item costs at least, so that a stream of empty batches is bounded too.
_LEAST_BYTES = 4096


class ByteQueue(Generic[T]):
    """A queue bounded in bytes, for one putter and one getter on one event loop.

    What was given last counts until the next is asked for: its getter still works on it. One item is always accepted, however
    large, so that a single oversized batch moves on alone; with a bound of 0, all do.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held_bytes = 0
        self._given_bytes = 0
        self._items: deque[tuple[T, int]] = deque()
        self._filled = asyncio.Event()
        self._drained = asyncio.Event()

    async def put(self, item: T, nbytes: int) -> None:
        """Add `item`, waiting while anything is held and `nbytes` more would pass the bound."""
        size = max(nbytes, _LEAST_BYTES)
        while self._held_bytes and self._held_bytes + size > self._max_bytes:
            self._drained.clear()
            await self._drained.wait()
        self._append(item, size)

    def put_last(self, item: T) -> None:
        """Add the item after which no more come, whatever the bound says."""
        self._append(item, 0)

    async def get(self) -> T:
        """Give the oldest item, waiting for one; cancelling it loses nothing."""
        self._held_bytes -= self._given_bytes
        self._given_bytes = 0
        self._drained.set()
        while not self._items:
            self._filled.clear()
            await self._filled.wait()
        item, self._given_bytes = self._items.popleft()
        return item

    def _append(self, item: T, size: int) -> None:
        self._items.append((item, size))
        self._held_bytes += size
        self._filled.set()
