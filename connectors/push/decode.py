"""Takes events of a channel, gives Arrow columns of `push.event`; CPU work alone, and never changes an event's data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa

from connectors.push.events import PushEvent, text_at, value_at

TIME = pa.timestamp("ms", tz="UTC")
TYPES: Mapping[str, pa.DataType] = {
    "received_at": TIME,
    "time": TIME,
    "channel": pa.string(),
    "id": pa.string(),
    "event": pa.string(),
    "key": pa.string(),
    "data": pa.string(),
    "source": pa.string(),
    "sequence": pa.int64(),
    "gap_possible": pa.bool_(),
}
# Digits alone are a number where they are too many for a date. A number this large is in the next smaller unit: seconds until the year 5138, then ms, us, ns.
_LEAST_DIGITS, _MOST_DIGITS = 10, 20
_UNITS = ((10**11, 1_000, 1), (10**14, 1, 1), (10**17, 1, 1_000), (10**20, 1, 1_000_000))


@dataclass(frozen=True, slots=True)
class Facts:
    """What all events of a batch share.

    Attributes:
        channel: Its name.
        source: The server's host.
        received_ms: When they came, epoch ms.
        first_sequence: The first one's number.
        after_gap: Whether events before it may have been missed.
        time_field: Where they tell their time.
        key_field: Where they hold what they are partitioned by.
    """

    channel: str
    source: str
    received_ms: int
    first_sequence: int
    after_gap: bool
    time_field: str | None = None
    key_field: str | None = None


def columns_of(events: Sequence[PushEvent], facts: Facts) -> dict[str, list[Any]]:
    """Give the columns of events, as lists."""
    count = len(events)
    looks = facts.time_field is not None or facts.key_field is not None
    values = [_value(event) if looks else None for event in events]
    return {
        "received_at": [facts.received_ms] * count,
        "time": [_time_ms(value, facts.time_field) for value in values],
        "channel": [facts.channel] * count,
        "id": [event.id for event in events],
        "event": [event.event for event in events],
        "key": [text_at(value, facts.key_field) for value in values],
        "data": [event.data for event in events],
        "source": [facts.source] * count,
        "sequence": list(range(facts.first_sequence, facts.first_sequence + count)),
        "gap_possible": [facts.after_gap] + [False] * (count - 1) if count else [],
    }


def table_of(parts: Sequence[tuple[Sequence[PushEvent], Facts]]) -> pa.RecordBatch:
    """Give the events of one or several channels as one record batch, in the order given."""
    joined: dict[str, list[Any]] = {name: [] for name in TYPES}
    for events, facts in parts:
        for name, values in columns_of(events, facts).items():
            joined[name] += values
    arrays = [pa.array(joined[name], kind) for name, kind in TYPES.items()]
    return pa.RecordBatch.from_arrays(arrays, list(TYPES))


def _value(event: PushEvent) -> Any:
    if event.value is not None:
        return event.value
    try:
        return orjson.loads(event.data)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return None


def _time_ms(value: Any, path: str | None) -> int | None:
    found = None if path is None else value_at(value, path)
    if isinstance(found, str):
        text = found.strip()
        if not (text.isascii() and text.isdigit() and _LEAST_DIGITS <= len(text) < _MOST_DIGITS):
            return _parsed_ms(text)
        found = int(text)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found < _UNITS[-1][0]:
        return None
    factor, divisor = next((factor, divisor) for below, factor, divisor in _UNITS if found < below)
    return found * factor // divisor if isinstance(found, int) else round(found * factor / divisor)


def _parsed_ms(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    try:
        return round(moment.timestamp() * 1000)
    except (OverflowError, ValueError):
        return None
