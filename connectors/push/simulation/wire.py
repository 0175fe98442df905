"""Takes events, gives the bytes that stand for them on each protocol's wire; the same for the same event and connection."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable

from connectors.push.simulation.rule import Event

BOM = b"\xef\xbb\xbf"
_ENDS = (b"\n", b"\n", b"\r\n", b"\r")


class SseWire:
    """`text/event-stream` as servers in the field write it: a BOM or none, any line end, comments, fields that mean nothing.

    Args:
        plain: Whether it comes in its plainest form.
        seed: What its variety comes from.
    """

    content_type = "text/event-stream"

    def __init__(self, *, plain: bool, seed: str) -> None:
        self._plain = plain
        self._chance = random.Random(seed)  # noqa: S311 - the same for the same seed

    def opening(self, retry_ms: int | None) -> bytes:
        """Give what comes before the first event."""
        bom = BOM if not self._plain and self._chance.randrange(2) else b""
        retry = b"" if retry_ms is None else f"retry: {retry_ms}\n\n".encode()
        return bom + b": connected\n\n" + retry

    def event(self, event: Event) -> bytes:
        """Give one event."""
        lines = [] if event.id is None else [f"id: {event.id}".encode()]
        lines += [] if event.kind == "message" else [f"event: {event.kind}".encode()]
        lines += [b"data: " + line for line in event.body.split(b"\n")]
        if self._plain:
            return b"\n".join(lines) + b"\n\n"
        if not self._chance.randrange(5):
            lines.insert(self._chance.randrange(len(lines) + 1), b": a comment within")
        if not self._chance.randrange(7):
            lines.insert(0, b"retry: soon")
        end = self._chance.choice(_ENDS)
        return end.join(lines) + end + end

    def heartbeat(self) -> bytes:
        """Give a sign of life."""
        return b": keep-alive\n\n"

    def unended(self) -> bytes:
        """Give a piece of something that never ends."""
        return b"data: " + b"x" * 4_090


class LinesWire:
    """One JSON object a line; a blank line is a sign of life."""

    content_type = "application/x-ndjson"

    def opening(self, retry_ms: int | None) -> bytes:  # noqa: ARG002 - JSON lines have no word for it
        """Give what comes before the first event: a blank line, since headers alone are no body yet."""
        return b"\n"

    def event(self, event: Event) -> bytes:
        """Give one event."""
        return event.body + b"\n"

    def heartbeat(self) -> bytes:
        """Give a sign of life."""
        return b"\n"

    def unended(self) -> bytes:
        """Give a piece of something that never ends."""
        return b"x" * 4_096


Wire = SseWire | LinesWire


def page(events: Iterable[Event], position: str) -> bytes:
    """Give the answer to a long poll."""
    bodies = b",".join(event.body for event in events)
    return b'{"events": [' + bodies + b'], "next": ' + json.dumps(position).encode() + b"}"
