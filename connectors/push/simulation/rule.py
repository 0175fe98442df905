"""Takes a seed, a channel and a number, gives the event of that number; the same for ever, and holds none of them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from connectors.push.simulation.settings import Settings
from wellhead.testing.faults import FaultSpec

KINDS = ("alert", "block", "allow", "message")
NOTES = ("", "Zürich → 東京", 'a "quoted" note', "tab\tand\nnew line", "  blanks  ", "emoji 🚰")
CONTENT_FAULTS = {
    "lost_ids": "COUNT events come without their id.",
    "reused_ids": "COUNT events bear the id of the one before them, with other data.",
    "duplicated_events": "COUNT events are sent twice in a row, word for word.",
    "large_events": "COUNT events are larger than the client takes.",
    "bad_json": "COUNT events are no JSON: for sse plain text, for ndjson lines that cannot be read.",
    "bad_utf8": "COUNT events hold bytes that are not UTF-8; not for long_poll and websocket, whose messages are text.",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a channel.

    Attributes:
        number: Its place in the channel, from 1.
        id: What it bears; None where it lost it.
        kind: What the server calls it.
        body: Its data, as bytes.
        quirk: The content fault that shaped it, or "".
        times: How often it is sent.
    """

    number: int
    id: str | None
    kind: str
    body: bytes
    quirk: str = ""

    @property
    def times(self) -> int:
        return 2 if self.quirk == "duplicated_events" else 1


class Rule:
    """What each channel's events are.

    Args:
        settings: The server's settings.
        start_ms: When the events held from before end.
        content: The content faults, by name.
    """

    def __init__(self, settings: Settings, start_ms: int, content: Mapping[str, FaultSpec]) -> None:
        self._settings = settings
        self._start_ms = start_ms
        self._quirks = _placed(content.values(), settings.events)
        self.event = lru_cache(maxsize=50_000)(self._event)

    def _event(self, channel: str, number: int) -> Event:
        quirk = self._quirks.get(number, "")
        chance = random.Random(f"{self._settings.seed}/{channel}/{number}")  # noqa: S311 - the same for the same seed
        kind = chance.choice(KINDS)
        name: str | None = _id(channel, number - 1 if quirk == "reused_ids" else number)
        if quirk == "lost_ids":
            name = None
        told = self._told(channel, number, kind, chance) | ({} if name is None else {"id": name})
        # Over several lines where the protocol has them: JSON reads the same.
        is_spread = self._settings.protocol == "sse" and not self._settings.plain and not chance.randrange(4)
        text = json.dumps(told, ensure_ascii=not chance.randrange(2), indent=1 if is_spread else None)
        return Event(number, name, kind, self._shaped(text, quirk), quirk)

    def _told(self, channel: str, number: int, kind: str, chance: random.Random) -> dict[str, Any]:
        spacing_ms = 1_000 / (self._settings.per_sec or 1)
        time_ms = self._start_ms + round((number - self._settings.events) * spacing_ms)
        return {
            "seq": number,
            "kind": kind,
            "channel": channel,
            "time": datetime.fromtimestamp(time_ms / 1_000, UTC).isoformat(timespec="milliseconds"),
            "src": f"198.51.100.{chance.randrange(1, 255)}",
            "note": chance.choice(NOTES),
        }

    def _shaped(self, text: str, quirk: str) -> bytes:
        match quirk:
            case "large_events":
                return b'{"padding": "' + b"x" * self._settings.large_bytes + b'"}'
            case "bad_json":
                return b"not json: {" + str(len(text)).encode()
            case "bad_utf8" if self._settings.protocol in ("sse", "ndjson"):
                return text.encode().replace(b'"seq"', b'"\xff\xfeseq"')
            case _:
                return text.encode()


def _id(channel: str, number: int) -> str:
    return f"{channel}-{number}"


def number_of(channel: str, name: str) -> int | None:
    """Give the number of the event that bears an id; None where none ever did."""
    prefix, _, digits = name.rpartition("-")
    return int(digits) if prefix == channel and digits.isascii() and digits.isdigit() else None


def _placed(faults: Iterable[FaultSpec], events: int) -> dict[int, str]:
    """Give the numbers of the events that faults shape, spread over all of them, never two faults on one nor two neighbours' ids on one."""
    placed: dict[int, str] = {}
    for at, fault in enumerate(sorted(faults, key=lambda each: each.name)):
        count = events if fault.count is None else fault.count
        for each in range(count):
            number = 2 + at * 2 + (each * max(1, events - 2)) // max(1, count)
            while number in placed:
                number += 1
            if number <= events:
                placed[number] = fault.name
    return placed
