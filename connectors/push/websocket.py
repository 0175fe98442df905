"""Takes a WebSocket's messages, gives an event a message; a binary one counts where it is text all the same."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from connectors.push.door import Door
from connectors.push.events import Arrived, PushEvent
from connectors.push.jsonevents import add, pass_too_large, reject_of
from connectors.push.options import PushConfig


async def receive(door: Door, position: str) -> AsyncGenerator[Arrived]:
    """Give what arrives after `position`; see `Receive`."""
    async with door.socket(position) as socket:
        yield Arrived(position=position)
        async for message in socket.messages():
            arrived = read(message, position, door.config)
            position = arrived.position
            if arrived.events:
                socket.progressed()
            yield arrived


def read(message: str | bytes, position: str, config: PushConfig) -> Arrived:
    """Give the event that a message is; one that no option looks into need not be JSON."""
    raw = message if isinstance(message, bytes) else message.encode()
    arrived = Arrived(position=position, nbytes=len(raw))
    if not raw.strip():
        return arrived
    if len(raw) > config.event_max_bytes:
        pass_too_large(arrived, raw, config)
        return arrived
    if config.id_field or config.event_field or config.time_field or config.key_field:
        add(arrived, raw, config)
        return arrived
    try:
        arrived.events.append(PushEvent(raw.decode()))
    except UnicodeDecodeError:
        arrived.rejects.append(reject_of(raw, "is not UTF-8"))
    return arrived
