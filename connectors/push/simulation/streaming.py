"""Takes who asked for a stream, gives its body for as long as the client stays, under the armed faults; never misses that a client left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from connectors.push.simulation.gate import Asked, Gate
from connectors.push.simulation.ledger import Ledger
from connectors.push.simulation.settings import Settings
from connectors.push.simulation.watch import StreamRecord, Watch
from connectors.push.simulation.wire import Wire
from wellhead.testing.faults import Faults
from wellhead.testing.front import ConnectionCut

STREAM_FAULTS = {
    "half_open": "The request is never answered, the connection kept.",
    "dead_upstream": "200 at once, as a proxy answers whose upstream is dead, and never a byte of the body.",
    "silent": "After some events nothing more comes, not even a sign of life; the connection is kept.",
    "ping_only": "Signs of life come ten times as often, events never.",
    "slow_loris": "After some events the rest comes a byte at a time.",
    "endless": "After some events one begins that never ends, as fast as the client reads.",
    "burst": "A heap of events is added at once.",
    "reset": "After some events the connection is reset (RST).",
    "overlap": "Some events before the one the client names are sent again.",
}
# What a server writes in one go.
_PIECE_BYTES = 16_384


class Streaming:
    """The ASGI app of one way to stream.

    Args:
        protocol: Its name.
        wire: Makes what writes it, for one connection.
        settings: The server's settings.
        ledger: The channels.
        gate: Lets clients in.
        faults: The armed faults.
        watch: Where each stream is noted.
        reset: Resets a client's connection.
    """

    def __init__(
        self,
        protocol: str,
        wire: Callable[[str], Wire],
        *,
        settings: Settings,
        ledger: Ledger,
        gate: Gate,
        faults: Faults,
        watch: Watch,
        reset: Callable[[tuple[str, int]], None],
    ) -> None:
        self._protocol = protocol
        self._wire = wire
        self._settings = settings
        self._ledger = ledger
        self._gate = gate
        self._faults = faults
        self._watch = watch
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = self._gate.ask(HTTPConnection(scope))
        if isinstance(asked, Response):
            await asked(scope, receive, send)
            return
        with self._watch.stream(asked.channel, self._protocol, asked.client, asked.position) as record:
            await while_there(receive, record, self._answer(asked, record, send))

    async def _answer(self, asked: Asked, record: StreamRecord, send: Send) -> None:
        if self._faults.take("half_open"):
            await asyncio.Event().wait()
        wire = self._wire(f"{self._settings.seed}/{asked.channel}/{asked.after}")
        headers = [
            (b"content-type", wire.content_type.encode()),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if self._faults.take("dead_upstream"):
            # The headers go out with the first piece of the body, be it empty.
            await send({"type": "http.response.body", "body": b"", "more_body": True})
            await asyncio.Event().wait()
        async with aclosing(self._pieces(asked, record, wire)) as pieces:
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                record.sent_bytes += len(piece)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pieces(self, asked: Asked, record: StreamRecord, wire: Wire) -> AsyncGenerator[bytes]:
        yield wire.opening(self._settings.retry_ms)
        if self._faults.take("ping_only"):
            while True:
                await asyncio.sleep(self._settings.heartbeat_secs / 10)
                yield wire.heartbeat()
        if self._faults.take("burst"):
            self._ledger.publish(self._settings.burst_events, asked.channel)
        strike = self._faults.first(("silent", "slow_loris", "endless", "reset"))
        if strike is None:
            async with aclosing(self._events(asked, record, wire)) as pieces:
                async for piece in pieces:
                    yield piece
            return
        async with aclosing(self._spoiled(strike, asked, record, wire)) as pieces:
            async for piece in pieces:
                yield piece

    async def _events(self, asked: Asked, record: StreamRecord, wire: Wire) -> AsyncGenerator[bytes]:
        """Give events as they come, and signs of life while none does."""
        number, channel = asked.after, asked.channel
        with self._ledger.watching(channel) as woken:
            while True:
                while number < (last := self._ledger.last(channel)):
                    piece, number = self._piece(wire, record, channel, number, last)
                    yield piece
                if self._settings.ends:
                    return
                if not await self._ledger.more(woken, channel, number, self._settings.heartbeat_secs):
                    yield wire.heartbeat()

    def _piece(self, wire: Wire, record: StreamRecord, channel: str, number: int, last: int) -> tuple[bytes, int]:
        found: list[bytes] = []
        while number < last and sum(map(len, found)) < _PIECE_BYTES:
            number += 1
            event = self._ledger.event(channel, number)
            found += [wire.event(event)] * event.times
            record.events += event.times
        return b"".join(found), number

    async def _spoiled(self, strike: str, asked: Asked, record: StreamRecord, wire: Wire) -> AsyncGenerator[bytes]:
        """Give some events, then what the fault makes of the rest."""
        last = self._ledger.last(asked.channel)
        until = min(last, asked.after + self._settings.strike_after_events)
        for number in range(asked.after + 1, until + 1):
            record.events += 1
            yield wire.event(self._ledger.event(asked.channel, number))
        match strike:
            case "silent":
                await asyncio.Event().wait()
            case "reset":
                # What was written before must leave first: a reset discards what the kernel still holds.
                await asyncio.sleep(self._settings.slow_pause_secs)
                self._reset(asked.address)
                raise ConnectionCut
            case "endless":
                while True:
                    yield wire.unended()
            case _:
                rest = (wire.event(self._ledger.event(asked.channel, number)) for number in range(until + 1, last + 1))
                for byte in (bytes([value]) for event in rest for value in event):
                    yield byte
                    await asyncio.sleep(self._settings.slow_pause_secs)
                await asyncio.Event().wait()


async def while_there(receive: Receive, record: StreamRecord, answering: Awaitable[None]) -> None:
    """Answer for as long as the client is there; note whether it was the client that left."""
    answer = asyncio.ensure_future(answering)
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait([answer, leaving], return_when=asyncio.FIRST_COMPLETED)
        if leaving.done() and not answer.done():
            record.ended_by = "client"
            return
        await answer
    finally:
        for task in (answer, leaving):
            task.cancel()
        await asyncio.gather(answer, leaving, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] not in ("http.disconnect", "websocket.disconnect"):
        pass
