"""Takes a long poll, gives an answer once there is something to say, or nothing after a while; never keeps the request of a client that left."""

from __future__ import annotations

import asyncio

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from connectors.push.simulation.gate import Asked, Gate
from connectors.push.simulation.ledger import Ledger
from connectors.push.simulation.settings import Settings
from connectors.push.simulation.streaming import while_there
from connectors.push.simulation.watch import StreamRecord, Watch
from connectors.push.simulation.wire import page
from wellhead.testing.faults import Faults


class LongPoll:
    """The ASGI app of the long poll.

    Args:
        settings: The server's settings.
        ledger: The channels.
        gate: Lets clients in.
        faults: The armed faults.
        watch: Where each request is noted.
    """

    def __init__(self, settings: Settings, ledger: Ledger, gate: Gate, faults: Faults, watch: Watch) -> None:
        self._settings = settings
        self._ledger = ledger
        self._gate = gate
        self._faults = faults
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = self._gate.ask(HTTPConnection(scope))
        if isinstance(asked, Response):
            await asked(scope, receive, send)
            return

        async def answer() -> None:
            response = await self._answer(asked, record)
            await response(scope, receive, send)

        with self._watch.stream(asked.channel, "long_poll", asked.client, asked.position) as record:
            await while_there(receive, record, answer())

    async def _answer(self, asked: Asked, record: StreamRecord) -> Response:
        if self._faults.take("half_open") or self._faults.take("silent"):
            await asyncio.Event().wait()
        if self._faults.take("burst"):
            self._ledger.publish(self._settings.burst_events, asked.channel)
        with self._ledger.watching(asked.channel) as woken:
            hold_secs = 0 if self._settings.ends else self._settings.hold_secs
            await self._ledger.more(woken, asked.channel, asked.after, hold_secs)
        last = min(self._ledger.last(asked.channel), asked.after + self._settings.page_size)
        numbers = range(asked.after + 1, last + 1)
        found = [self._ledger.event(asked.channel, number) for number in numbers]
        events = [event for event in found for _ in range(event.times)]
        record.events = len(events)
        position = f"{asked.channel}-{last}" if numbers else asked.position
        body = page(events, position)
        record.sent_bytes = len(body)
        return Response(body, media_type="application/json")
