"""Takes what the channels hold now, gives what must be published or dead-lettered of it; never looks at what was served."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from connectors.push.simulation.ledger import Ledger
from connectors.push.simulation.rule import Event
from connectors.push.simulation.settings import Settings
from wellhead.testing.truth import TruthRecord

TENANT = "default"
# A dead letter keeps so much of what is too large.
_KEPT_BYTES = 65_536


def truth_of(settings: Settings, ledger: Ledger, *, values: bool) -> Iterator[TruthRecord]:
    """Give every event that a client which comes now, or was always there, can get."""
    for channel in ledger.names:
        for number in range(ledger.first(channel), ledger.last(channel) + 1):
            yield _record(settings, channel, ledger.event(channel, number), values=values)


def _record(settings: Settings, channel: str, event: Event, *, values: bool) -> TruthRecord:
    raw = _broken(settings, event)
    if raw is not None:
        return TruthRecord("event", TENANT, "broken", raw=raw, quirk=event.quirk)
    told = _values(channel, event) if values else {}
    return TruthRecord("event", TENANT, "record", (channel, event.id or ""), told, quirk=event.quirk)


def _broken(settings: Settings, event: Event) -> bytes | None:
    """Give the bytes of an event that cannot be read, None where it can."""
    if event.quirk == "large_events":
        most = _KEPT_BYTES if settings.protocol == "long_poll" else min(_KEPT_BYTES, settings.client_max_bytes)
        return event.body[:most]
    # Of SSE the data is text, whatever stands in it; elsewhere it must be JSON for its id to be found.
    is_unreadable = event.quirk in ("bad_json", "bad_utf8") and settings.protocol != "sse"
    return event.body if is_unreadable else None


def _values(channel: str, event: Event) -> dict[str, Any]:
    data = event.body.decode("utf-8", "replace")
    try:
        time = json.loads(data).get("time")
    except json.JSONDecodeError:
        time = None
    return {"channel": channel, "id": event.id, "event": event.kind, "data": data, "time": time}
