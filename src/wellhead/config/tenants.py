"""Takes one connector as written, gives one for each of its tenants; never looks at what the options mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from wellhead.errors import Problem

WORD = "tenants"
_PLACE = "${tenant}"
MOST_TENANTS = 1000
_NAME = re.compile(r"[a-zA-Z0-9._-]{1,100}")


def fan_out(entry: Mapping[str, Any], path: str) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Give the connector once for each tenant it lists, `${tenant}` standing for that one's name in every text; itself where it lists none.

    Args:
        entry: The connector as written.
        path: Where it stands, for what is told of it.

    Returns:
        The connectors, each with `tenant` in place of `tenants`; and what is wrong with the list.
    """
    listed = entry.get(WORD)
    if listed is None or listed == "":
        return [dict(entry)], []
    names = [text.strip() for text in listed.split(",")] if isinstance(listed, str) else listed
    problems = [Problem(f"{path}.{WORD}", message) for message in _problems(names, entry)]
    if problems:
        return [], problems
    rest = {word: value for word, value in entry.items() if word != WORD}
    return [{**_replaced(rest, str(name)), "tenant": str(name)} for name in names], []


def _problems(names: Any, entry: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(names, list) or not names:
        yield "must list tenants, with commas between them"
        return
    if len(names) > MOST_TENANTS:
        yield f"must list at most {MOST_TENANTS} tenants; make another connector for the rest"
        return
    texts = [str(name) for name in names]
    bad = [text for text in texts if not _NAME.fullmatch(text)]
    if bad:
        yield f"{bad[0]!r}: a tenant in a list has 1 to 100 letters, digits, dots, _ and -"
    if len(set(texts)) < len(texts):
        yield "must list each tenant once"
    if entry.get("tenant") is not None:
        yield "cannot stand together with tenant"


def _replaced(value: Any, tenant: str) -> Any:
    if isinstance(value, str):
        return value.replace(_PLACE, tenant)
    if isinstance(value, Mapping):
        return {key: _replaced(inner, tenant) for key, inner in value.items()}
    return [_replaced(item, tenant) for item in value] if isinstance(value, list) else value
