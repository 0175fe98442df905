"""Takes a row, gives it as JSON that a person can read and back, exactly; never lets a value come back as another kind.

What JSON has no word for stands as an object of one tagged name, such as `{"$datetime": "2026-01-01T00:00:00+00:00"}`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

_WRITTEN: tuple[tuple[type, str, Callable[[Any], str]], ...] = (
    (datetime, "$datetime", datetime.isoformat),  # before date: every datetime is one
    (date, "$date", date.isoformat),
    (time, "$time", time.isoformat),
    (Decimal, "$decimal", str),
    (bytes, "$bytes", lambda held: base64.b64encode(held).decode()),
)
_READ: dict[str, Callable[[str], Any]] = {
    "$datetime": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$time": time.fromisoformat,
    "$decimal": Decimal,
    "$bytes": lambda text: base64.b64decode(text, validate=True),
}


def row_bytes(row: Mapping[str, Any]) -> bytes:
    """Give a row as JSON in UTF-8; a value no schema could hold is told under `$other` and comes back as that."""
    text = json.dumps(row, default=_tagged, separators=(",", ":"), ensure_ascii=False)
    return text.encode(errors="backslashreplace")


def row_in(raw: bytes) -> dict[str, Any]:
    """Give the row that `row_bytes` wrote.

    Raises:
        ValueError: It is no JSON object.
    """
    row = json.loads(raw, object_hook=_untagged)
    if not isinstance(row, dict):
        raise ValueError("it is JSON, but no row")  # noqa: TRY004 - one error for bad bytes
    return row


def _tagged(value: Any) -> dict[str, str]:
    for kind, tag, write in _WRITTEN:
        if isinstance(value, kind):
            return {tag: write(value)}
    return {"$other": str(value)}


def _untagged(held: dict[str, Any]) -> Any:
    if len(held) == 1:
        ((tag, text),) = held.items()
        read = _READ.get(tag)
        if read is not None and isinstance(text, str):
            try:
                return read(text)
            except (ValueError, ArithmeticError):
                return held
    return held
