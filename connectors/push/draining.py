"""Takes what arrives, gives all that is there at once, and a sign of life now and then; reads at most one piece ahead of who takes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from connectors.push.events import Arrived

# Turns of the event loop in which what the kernel holds already comes up; more would be a wait.
_TURNS = 3


class Drain:
    """One connection's arrivals.

    Args:
        arrivals: What is read; not closed here.
        sleep: How to wait.
        alive_secs: How often to say that all is well.
        linger_secs: How long to wait for more once something came.
        most_bytes: Where a list ends, whatever else is there.
    """

    def __init__(
        self,
        arrivals: AsyncGenerator[Arrived],
        sleep: Callable[[float], Awaitable[None]],
        *,
        alive_secs: float,
        linger_secs: float,
        most_bytes: int,
    ) -> None:
        self._arrivals = arrivals
        self._sleep = sleep
        self._alive_secs = alive_secs
        self._linger_secs = linger_secs
        self._most_bytes = most_bytes
        self._reading: asyncio.Future[Any] | None = None
        self._waiting: list[asyncio.Future[Any]] = []

    async def lists(self) -> AsyncGenerator[list[Arrived]]:
        """Give the arrivals in lists, an empty one every `alive_secs`; end where they end.

        What came before an error is given before the error is raised. While a list is not taken back no more than one piece is
        read, so who is slow stops the peer.
        """
        alive = self._wait(self._alive_secs)
        try:
            while True:
                reading = self._read_on()
                await asyncio.wait([reading, alive], return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    self._waiting.remove(alive)
                    alive = self._wait(self._alive_secs)
                    yield []
                    continue
                first = self._taken()
                if first is None:
                    return
                yield await self._with_more(first)
        finally:
            await self._let_go()

    async def _with_more(self, first: Arrived) -> list[Arrived]:
        """Give an arrival with those that are there already, or come while it is lingered for."""
        found, nbytes = [first], first.nbytes
        lingering = self._wait(self._linger_secs) if self._linger_secs and not first.is_empty else None
        try:
            while nbytes < self._most_bytes:
                reading = self._read_on()
                await _a_moment(reading, lingering)
                if not reading.done() or reading.cancelled() or reading.exception() or reading.result() is None:
                    break
                more = self._taken()
                assert more is not None
                found.append(more)
                nbytes += more.nbytes
        finally:
            if lingering is not None:
                self._waiting.remove(lingering)
                lingering.cancel()
        return found

    def _read_on(self) -> asyncio.Future[Any]:
        self._reading = self._reading or asyncio.ensure_future(_next(self._arrivals))
        return self._reading

    def _taken(self) -> Arrived | None:
        assert self._reading is not None
        taken: Arrived | None = self._reading.result()
        self._reading = None
        return taken

    def _wait(self, secs: float) -> asyncio.Future[Any]:
        waiting = asyncio.ensure_future(self._sleep(secs))
        self._waiting.append(waiting)
        return waiting

    async def _let_go(self) -> None:
        left = list(self._waiting)
        if self._reading is not None:
            left.append(self._reading)
        for future in left:
            future.cancel()
        if left:
            await asyncio.wait(left)
        if self._reading is not None and not self._reading.cancelled():
            self._reading.exception()  # whoever lets go does not want to hear of it


async def _next(arrivals: AsyncGenerator[Arrived]) -> Arrived | None:
    return await anext(arrivals, None)


async def _a_moment(reading: asyncio.Future[Any], lingering: asyncio.Future[Any] | None) -> None:
    """Return once there is more, or there is not."""
    if lingering is not None:
        await asyncio.wait([reading, lingering], return_when=asyncio.FIRST_COMPLETED)
        return
    for _ in range(_TURNS):
        if reading.done():
            return
        await asyncio.sleep(0)
