"""Takes one answer after the other, gives the events in each; asks again at once as long as the server holds its answer until there is something."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson

from connectors.push.door import Door
from connectors.push.events import Arrived, text_at
from connectors.push.jsonevents import add_value, too_large
from connectors.push.options import PushConfig
from wellhead import PermanentError, TemporaryError
from wellhead.http import raw_objects

if TYPE_CHECKING:
    from wellhead.http import LiveAnswer

KINDS = ("application/json", "text/json")
_NOTHING = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED, HTTPStatus.REQUEST_TIMEOUT})
# A server that says so quickly that there is nothing does not hold its answers: it is asked in intervals instead.
_HELD_SECS = 1.0


async def receive(door: Door, position: str) -> AsyncGenerator[Arrived]:
    """Give what arrives after `position`, until the server does not hold its answer; see `Receive`."""
    clock = asyncio.get_running_loop().time
    while True:
        began_secs, before = clock(), position
        async with door.open(position, accept=KINDS[0], kinds=KINDS, nothing=_NOTHING) as answer:
            if answer.status in _NOTHING:
                arrived = Arrived(position=position)
            else:
                arrived = read(await _body(answer, door.config.batch_max_bytes), position, door.config, answer.call)
            _watch(door, answer, arrived, clock())
        position = arrived.position
        yield arrived
        if (not arrived.is_empty and position == before) or (arrived.is_empty and clock() - began_secs < _HELD_SECS):
            return


def _watch(door: Door, answer: LiveAnswer, arrived: Arrived, now_secs: float) -> None:
    """Watch for events over all answers: each is a connection of its own, and one that brings none is no progress.

    Raises:
        StreamLost: None came for longer than it may be.
    """
    expected_secs = door.config.expected_event_secs
    if arrived.events or door.last_event_secs is None or expected_secs is None:
        door.last_event_secs = now_secs
        answer.progressed()
    elif now_secs - door.last_event_secs >= expected_secs:
        door.last_event_secs = None
        raise answer.without_progress()


def read(content: bytes, position: str, config: PushConfig, call: str) -> Arrived:
    """Give the events of an answer's body.

    Raises:
        PermanentError: It has no list of events where the options say.
        TemporaryError: It is no JSON, as when it was cut.
    """
    arrived = Arrived(position=position, nbytes=len(content))
    if not content.strip():
        return arrived
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise TemporaryError(f"{call}: the answer is no JSON; it will be asked again") from None
    for raw, item in _items(content, body, config.items_field, call):
        _add(arrived, raw, item, config)
    told = text_at(body, config.position_field)
    if told:
        arrived.position = told
    return arrived


def _items(content: bytes, body: Any, name: str | None, call: str) -> Iterator[tuple[str, Any]]:
    """Give each event's text as it was sent, and its value."""
    items = body if name is None else (body.get(name) if isinstance(body, dict) else body)
    if items is None:
        return
    if not isinstance(items, list):
        where = "as the answer" if name is None else f"under {name}"
        raise PermanentError(f"{call}: there is no list of events {where}; check the option items_field")
    text = content.decode()
    raws = raw_objects(text, name) if name is not None else raw_objects(f'{{"items": {text}}}', "items")
    yield from zip(raws, items, strict=True)


def _add(arrived: Arrived, raw: str, item: Any, config: PushConfig) -> None:
    if len(raw) > config.event_max_bytes:
        arrived.rejects.append(too_large(raw.encode(), config))
        arrived.position = text_at(item, config.id_field) or arrived.position  # or it would come again for ever
        return
    add_value(arrived, raw, item, config)


async def _body(answer: LiveAnswer, most_bytes: int) -> bytes:
    content = bytearray()
    async for chunk in answer.chunks():
        content += chunk
        if len(content) > most_bytes:
            raise PermanentError(
                f"{answer.call}: the answer has more than {most_bytes:,} bytes; set batch_max_bytes higher, or ask for fewer events"
            )
    return bytes(content)
