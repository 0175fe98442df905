"""Takes a WebSocket, gives a message per event for as long as the client stays; never misses that a client left."""

from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.websockets import WebSocket

from connectors.push.simulation.gate import Asked, Gate
from connectors.push.simulation.ledger import Ledger
from connectors.push.simulation.settings import Settings
from connectors.push.simulation.streaming import while_there
from connectors.push.simulation.watch import StreamRecord, Watch
from wellhead.testing.faults import Faults


class Sockets:
    """The endpoint of the WebSocket.

    Args:
        settings: The server's settings.
        ledger: The channels.
        gate: Lets clients in.
        faults: The armed faults.
        watch: Where each connection is noted.
    """

    def __init__(self, settings: Settings, ledger: Ledger, gate: Gate, faults: Faults, watch: Watch) -> None:
        self._settings = settings
        self._ledger = ledger
        self._gate = gate
        self._faults = faults
        self._watch = watch

    async def serve(self, socket: WebSocket) -> None:
        """Answer one client."""
        asked = self._gate.ask(socket)
        if isinstance(asked, Response):
            await socket.send_denial_response(asked)
            return
        await socket.accept()
        with self._watch.stream(asked.channel, "websocket", asked.client, asked.position) as record:
            await while_there(socket.receive, record, self._answer(asked, record, socket))

    async def _answer(self, asked: Asked, record: StreamRecord, socket: WebSocket) -> None:
        if self._faults.take("half_open") or self._faults.take("dead_upstream"):
            await asyncio.Event().wait()
        if self._faults.take("burst"):
            self._ledger.publish(self._settings.burst_events, asked.channel)
        spoilt = self._faults.take("silent")
        number = asked.after
        with self._ledger.watching(asked.channel) as woken:
            while True:
                while number < self._ledger.last(asked.channel):
                    number += 1
                    await self._send(asked.channel, number, record, socket)
                    if spoilt and number - asked.after >= self._settings.strike_after_events:
                        await asyncio.Event().wait()
                if self._settings.ends:
                    await socket.close()
                    return
                if not await self._ledger.more(woken, asked.channel, number, self._settings.heartbeat_secs):
                    await socket.send_text("")

    async def _send(self, channel: str, number: int, record: StreamRecord, socket: WebSocket) -> None:
        event = self._ledger.event(channel, number)
        for _ in range(event.times):
            await socket.send_text(event.body.decode())
            record.events += 1
            record.sent_bytes += len(event.body)
