"""Takes a text/event-stream, gives its events; never dispatches the one that was cut off."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from connectors.push.door import Door
from connectors.push.events import Arrived, PushEvent
from connectors.push.jsonevents import too_large
from connectors.push.options import PushConfig
from wellhead.http import EventParser

KINDS = ("text/event-stream",)


async def receive(door: Door, position: str) -> AsyncGenerator[Arrived]:
    """Give what arrives after `position`; see `Receive`."""
    async with door.open(position, accept=KINDS[0], kinds=KINDS) as answer:
        parser = EventParser(max_event_bytes=door.config.event_max_bytes, last_event_id=position)
        yield Arrived(position=position)
        async for chunk in answer.chunks():
            arrived = _read(parser, chunk, door.config)
            if arrived.events:
                answer.progressed()
            yield arrived


def _read(parser: EventParser, chunk: bytes, config: PushConfig) -> Arrived:
    arrived = Arrived(nbytes=len(chunk))
    for event in parser.feed(chunk):
        if event.cut:
            arrived.rejects.append(too_large(event.data.encode(), config))
            continue
        if not config.wants(event.event):
            arrived.unwanted += 1
            continue
        arrived.events.append(PushEvent(event.data, event.event, (event.id or None) if event.has_id else None))
    arrived.position = parser.last_event_id
    arrived.retry_ms = parser.retry_ms
    return arrived
