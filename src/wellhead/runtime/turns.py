"""Takes the streams of one connector, lets as many of them be polled at once as is allowed, in order; never forgets one that waits."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Iterable

FIRST_TURNS = 1 << 62


class Turns:
    """Slots for the polls of a connector's streams; for one event loop.

    Whoever asked first goes first. Before its first turn a stream also waits for the first request of each one before it, so that the
    streams begin in order however long each takes to start.

    Args:
        at_once: How many slots there are.
        streams: The numbers of the streams that share them.
    """

    def __init__(self, at_once: int, streams: Iterable[int] = (0,)) -> None:
        self._free = at_once
        self._awaited = set(streams)
        self._begun: set[int] = set()
        self._asked = 0
        self._waiting: list[tuple[int, int, int, asyncio.Future[None]]] = []
        """Place, how many asked before, number, and what is told: first turns stand before all others, by number."""

    @property
    def taken(self) -> bool:
        """Whether whoever asks now has to wait."""
        return self._free <= 0

    async def take(self, number: int) -> None:
        """Wait for a slot; give it back with `give_back`. Cancelling gives up the place in the queue, or the slot."""
        self._awaited.discard(number)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked += 1
        place = self._asked if number in self._begun else number - FIRST_TURNS
        heapq.heappush(self._waiting, (place, self._asked, number, turn))
        self._grant()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back()
            raise

    def give_back(self) -> None:
        """Let the next one have the slot."""
        self._free += 1
        self._grant()

    def pass_over(self, number: int) -> None:
        """Let the others not wait for the first request of a stream that cannot or need not be polled now."""
        self._awaited.discard(number)
        self._grant()

    def _grant(self) -> None:
        while self._free and self._waiting:
            _, _, number, turn = self._waiting[0]
            if not turn.done() and any(awaited < number for awaited in self._awaited):
                return
            heapq.heappop(self._waiting)
            if not turn.done():
                self._free -= 1
                self._begun.add(number)
                turn.set_result(None)
