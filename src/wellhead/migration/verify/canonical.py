"""Takes a document and the rules, gives the one form that all documents of the same meaning share; never loses a type that matters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from wellhead.migration.verify.rules import Rules

# Above it a float no longer tells neighbouring whole numbers apart.
_WHOLE_MAX = 9.0e15


def canonical(content: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """Give the document without ignored and empty fields, numbers, times and unordered lists in one form."""
    found: dict[str, Any] = {}
    for name, value in content.items():
        if name in rules.ignored or value is None:
            continue
        form = _form(value)
        if name in rules.times and isinstance(form, str):
            form = _epoch_ms(form)
        if name in rules.unordered and isinstance(form, list):
            form = sorted(form, key=_text)
        found[name] = form
    return found


def encoded(form: Any) -> bytes:
    """Give a canonical form as bytes: equal bytes are equal meaning."""
    return orjson.dumps(form, option=orjson.OPT_SORT_KEYS)


def _text(value: Any) -> bytes:
    return encoded(value)


def _form(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if abs(value) < _WHOLE_MAX and value == int(value) else value
    if isinstance(value, Mapping):
        return {name: _form(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_form(inner) for inner in value]
    return value


def _epoch_ms(text: str) -> int | str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000
