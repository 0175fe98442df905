"""Takes a body of JSON lines, gives an event a line; a blank line is a sign of life, a last line without its end is none."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from connectors.push.door import Door
from connectors.push.events import Arrived
from connectors.push.jsonevents import add, pass_too_large
from wellhead.http import CutLine, LineParser

KINDS = (
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "application/json-seq",
    "application/stream+json",
    "application/json",
    "text/plain",
)
_RECORD_SEPARATOR = b"\x1e"


async def receive(door: Door, position: str) -> AsyncGenerator[Arrived]:
    """Give what arrives after `position`; see `Receive`."""
    async with door.open(position, accept=KINDS[0], kinds=KINDS) as answer:
        parser = LineParser(max_line_bytes=door.config.event_max_bytes)
        yield Arrived(position=position)
        async for chunk in answer.chunks():
            arrived = Arrived(position=position, nbytes=len(chunk))
            for line in parser.feed(chunk):
                if isinstance(line, CutLine):
                    pass_too_large(arrived, line.lstrip(_RECORD_SEPARATOR), door.config)
                    continue
                text = line.lstrip(_RECORD_SEPARATOR).strip()
                if text:
                    add(arrived, text, door.config)
            position = arrived.position
            if arrived.events:
                answer.progressed()
            yield arrived
