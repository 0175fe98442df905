"""Takes where a cursor is meant to go and the moves it made, gives the cursor it becomes; never writes one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from pydantic import ValidationError

from wellhead.api import Cursor
from wellhead.errors import ConfigError, PermanentError, Problem
from wellhead.recovery.way import CursorFields, Step, cursor_at

_SPAN = re.compile(r"(?P<sign>[+-]?)(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h|d|w)")
_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}


@dataclass(frozen=True, slots=True)
class ToStart:
    """Forget the cursor: the stream begins from its configured start."""


@dataclass(frozen=True, slots=True)
class ToCursor:
    """Set it to these fields."""

    cursor: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToTime:
    """Set it to where it stood then: what was published since comes again.

    Attributes:
        at_ms: Epoch ms.
    """

    at_ms: int


@dataclass(frozen=True, slots=True)
class Shift:
    """Set it to where it stood so long before the last move of it.

    Attributes:
        by_ms: Below zero: back. Forward there is nowhere to go.
    """

    by_ms: int


Aim: TypeAlias = ToStart | ToCursor | ToTime | Shift


def target(aim: Aim, steps: Sequence[Step], *, whose: str) -> CursorFields:
    """Give the cursor that `aim` means for a stream that made `steps`, oldest first.

    Raises:
        PermanentError: The history does not reach so far.
    """
    match aim:
        case ToStart():
            return None
        case ToCursor(cursor):
            return cursor
        case ToTime(at_ms):
            return _at(steps, at_ms, whose)
        case Shift(by_ms):
            if not steps:
                return _at(steps, 0, whose)
            return _at(steps, steps[-1].at_ms + by_ms, whose)


def _at(steps: Sequence[Step], at_ms: int, whose: str) -> CursorFields:
    found = cursor_at(steps, at_ms)
    if found is None:
        since = f"begins at {iso(steps[0].at_ms)}" if steps else "has nothing of it"
        raise PermanentError(
            f"{whose}: where the cursor stood at {iso(at_ms)} is not known; the history {since}. Name a later time, a cursor, or the start"
        )
    return found[0]


def checked(cursor: dict[str, Any], model: type[Cursor], whose: str) -> dict[str, Any]:
    """Give `cursor` as its stream's model writes it.

    Raises:
        ConfigError: It is none; every field that is wrong is listed.
    """
    try:
        return model.model_validate(cursor).model_dump(mode="json")
    except ValidationError as error:
        problems = [
            Problem(".".join(str(part) for part in each["loc"]) or "cursor", each["msg"])
            for each in error.errors(include_url=False)
        ]
        raise ConfigError(f"cursor of {whose}", problems) from None


def deduplicates(cursor: CursorFields, model: type[Cursor] | None) -> bool:
    """Tell whether records that come again after `cursor` are told from those that stand in the topic, and left out."""
    if cursor is None or model is None:
        return False
    try:
        return model.model_validate(cursor).replay_from_ms() is not None
    except ValidationError:
        return False


def parse_time(text: str) -> int:
    """Give the epoch ms of an ISO 8601 time; without a zone it is UTC.

    Raises:
        ValueError: It is none.
    """
    moment = datetime.fromisoformat(text.strip())
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def parse_span(text: str) -> int:
    """Give the ms of a span such as `-2h`, `30m`, `1.5d`.

    Raises:
        ValueError: It is none.
    """
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise ValueError("a span is a number with ms, s, m, h, d or w, such as -2h")
    size = float(found["number"]) * _UNIT_MS[found["unit"]]
    return int(-size if found["sign"] == "-" else size)


def iso(at_ms: int) -> str:
    """Give an epoch time as people write it, UTC, to the millisecond."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
