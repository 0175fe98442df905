"""Takes the JSON text of an event, gives the event, or a reject that says why it is none; never guesses."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from connectors.push.events import MESSAGE, Arrived, PushEvent, text_at
from connectors.push.options import PushConfig
from wellhead import Reject

# Enough to see by what was sent, whatever its size.
CUT_BYTES = 65_536
_JSON = json.JSONDecoder()
_OPENS, _COLON, _NEXT = re.compile(r"\s*\{\s*"), re.compile(r"\s*:\s*"), re.compile(r"\s*,\s*")


def add(arrived: Arrived, raw: bytes, config: PushConfig) -> None:
    """Add the event that `raw` is to what arrived."""
    try:
        text = raw.decode()
        value = orjson.loads(raw)
    except UnicodeDecodeError:
        arrived.rejects.append(reject_of(raw, "is not UTF-8"))
        return
    except orjson.JSONDecodeError:
        arrived.rejects.append(reject_of(raw, "is no JSON"))
        return
    add_value(arrived, text, value, config)


def add_value(arrived: Arrived, text: str, value: Any, config: PushConfig) -> None:
    """Add an event that has been parsed already."""
    bears = text_at(value, config.id_field)
    if bears:
        arrived.position = bears
    event = text_at(value, config.event_field) or MESSAGE
    if not config.wants(event):
        arrived.unwanted += 1
        return
    arrived.events.append(PushEvent(text, event, bears, value))


def reject_of(raw: bytes, reason: str, *, cut: bool = False) -> Reject:
    """Give what cannot be read as a reject; of what is too large only the beginning is there, and not all of that is kept."""
    return Reject(raw[:CUT_BYTES] if cut else raw, reason, cut=cut)


def pass_too_large(arrived: Arrived, beginning: bytes, config: PushConfig) -> None:
    """Add an event that is larger than it may be as a reject; go on behind it where its id stands in what there is of it."""
    arrived.rejects.append(too_large(beginning, config))
    if config.id_field is not None:
        arrived.position = text_at(members_of(beginning.decode(errors="ignore")), config.id_field) or arrived.position


def members_of(beginning: str) -> dict[str, Any]:
    """Give the members of a JSON object that are whole in its beginning.

    >>> members_of('{"id": 7, "kind": "alert", "data": [1, 2')
    {'id': 7, 'kind': 'alert'}
    >>> members_of('{[1]: 2, "id": 7')
    {}
    """
    found: dict[str, Any] = {}
    match = _OPENS.match(beginning)
    while match is not None:
        try:
            name, end = _JSON.raw_decode(beginning, match.end())
            value, end = _JSON.raw_decode(beginning, _COLON.match(beginning, end).end())  # type: ignore[union-attr]
        except (ValueError, AttributeError, RecursionError):
            break
        if not isinstance(name, str):
            break
        match = _NEXT.match(beginning, end)
        if match is not None or beginning[end:].strip() == "}":  # else a number may have been cut
            found[name] = value
    return found


def too_large(beginning: bytes, config: PushConfig) -> Reject:
    """Give an event that is larger than it may be as a reject; of it there is only the beginning."""
    return reject_of(beginning, f"has more than {config.event_max_bytes:,} bytes; event_max_bytes allows for more", cut=True)
