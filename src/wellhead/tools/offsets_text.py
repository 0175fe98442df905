"""Takes cursors, plans and moves, gives the lines a person reads; never looks anything up."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wellhead.recovery.aim import iso
from wellhead.recovery.forecast import Forecast
from wellhead.recovery.plan import Change, Plan, name_of
from wellhead.recovery.readers import Progress
from wellhead.recovery.stored import Stored
from wellhead.storage.history import Move
from wellhead.tools.connectors import columns

_SHOWN_CHARS = 70


def short(cursor: Mapping[str, Any] | None) -> str:
    """Give a cursor in one short line; what is null in it is left out."""
    if cursor is None:
        return "(start)"
    text = json.dumps(
        {name: value for name, value in cursor.items() if value is not None}, separators=(",", ":"), ensure_ascii=False
    )
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 1]}…"


def age(secs: float) -> str:
    """Give seconds as people say them."""
    for limit, unit, size in ((120, "s", 1), (7200, "min", 60), (172_800, "h", 3600)):
        if secs < limit:
            return f"{secs / size:.0f} {unit}"
    return f"{secs / 86_400:.0f} d"


def cursor_table(stored: Sequence[Stored], now_ms: int) -> list[str]:
    """Give the table of `offsets list`."""
    rows = [
        (
            each.connector,
            name_of(each.partition),
            short(each.cursor),
            age(max(0, now_ms - each.at_ms) / 1000) if each.at_ms else "unknown",
        )
        for each in stored
    ]
    return columns([("CONNECTOR", "STREAM", "CURSOR", "AGE"), *rows])


def plan_lines(plan: Plan) -> Iterator[str]:
    """Yield what a plan says."""
    yield f"{plan.id}: {plan.connector}, {len(plan.moving)} of {len(plan.changes)} cursors move, as of {plan.created_at}"
    for change in plan.changes:
        yield ""
        yield from _change_lines(change)
    if plan.warnings:
        yield ""
        yield from (f"warning: {warning}" for warning in plan.warnings)


def _change_lines(change: Change) -> Iterator[str]:
    yield f"{change.name}{'' if change.moves else ': stays where it is'}"
    facts = [("from", short(change.before)), ("to", short(change.after))]
    if change.moves:
        facts += list(_forecast_facts(change.forecast))
        facts += list(_topic_facts(change))
    yield from (f"  {line}" for line in columns(facts))


def _forecast_facts(told: Forecast) -> Iterator[tuple[str, str]]:
    again = {"back": "again", "forward": "passed over"}.get(told.direction, "between")
    yield again, f"{_number(told.records)} records, {_number(told.rejects)} dead letters"
    if told.direction != "forward":
        yield "costs", f"{_number(told.api_calls)} API calls, {_number(told.minutes)} minutes{_quota(told)}"
    if told.note:
        yield "note", told.note


def _quota(told: Forecast) -> str:
    if told.quota_minutes is None:
        return ""
    share = "" if told.quota_ratio is None else f", {told.quota_ratio:.0%} of a day's calls"
    return f"; at least {told.quota_minutes:g} minutes within the quota{share}"


def _topic_facts(change: Change) -> Iterator[tuple[str, str]]:
    if change.topic is None:
        yield "topic", "unknown"
        return
    yield "topic", change.topic
    if change.forecast.direction in ("back", "unknown"):
        yield "duplicates", _duplicates(change)
    if change.readers is None:
        yield "readers", "unknown"
    elif not change.readers:
        yield "readers", "no consumer group has committed offsets on it"
    else:
        yield "readers", ", ".join(f"{each.group} (lag {_number(each.lag)})" for each in change.readers)


def _duplicates(change: Change) -> str:
    if change.deduplicates:
        return "none: what stands in the topic already is left out while it is read again"
    if change.cleanup == "compact":
        return "the topic is compacted by key: readers see newer versions of the same keys"
    return "every reader sees the records again"


def move_table(moves: Sequence[Move]) -> list[str]:
    """Give the table of `offsets log`."""
    rows = [
        (
            iso(move.at_ms),
            move.history_id,
            name_of(dict(move.partition)),
            move.why,
            short(move.before),
            short(move.after),
            str(move.records or 0),
            str(move.rejects or 0),
            move.by,
        )
        for move in moves
    ]
    return columns([("AT", "ID", "STREAM", "WHY", "FROM", "TO", "RECORDS", "REJECTS", "BY"), *rows])


def group_table(found: Sequence[Progress]) -> list[str]:
    """Give the table of `offsets groups list`."""
    rows = [(each.group, each.topic, str(each.partition), str(each.offset), str(each.end), str(each.lag)) for each in found]
    return columns([("GROUP", "TOPIC", "PARTITION", "OFFSET", "END", "LAG"), *rows])


def _number(number: float | None) -> str:
    return "unknown" if number is None else f"{number:,}"
