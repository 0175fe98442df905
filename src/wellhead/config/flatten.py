"""Takes nested mappings, gives flat dotted words, and back; never looks at what the words mean."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from wellhead.errors import Problem


def flatten(nested: Mapping[str, Any], *, keep: Collection[str] = (), path: str = "") -> tuple[dict[str, Any], list[Problem]]:
    """Join nested keys with dots.

    Args:
        nested: What stands in the file.
        keep: Top-level keys whose value is taken as it is, being data and not words.
        path: Where it stands, for the problems.

    Returns:
        Flat words in the order written, and a problem for each word that is given twice (`a.b` and `a: {b}`).
    """
    flat: dict[str, Any] = {}
    problems: list[Problem] = []

    def walk(inner: Mapping[str, Any], prefix: str) -> None:
        for key, value in inner.items():
            word = f"{prefix}{key}"
            if isinstance(value, Mapping) and word not in keep:
                walk(value, f"{word}.")
            elif word in flat:
                problems.append(Problem(f"{path}.{word}" if path else word, "given twice"))
            else:
                flat[word] = value

    walk(nested, "")
    return flat, problems


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Take dotted words apart into nested mappings; a value that stands in the way of a longer word gives way to it."""
    nested: dict[str, Any] = {}
    for word, value in flat.items():
        *parents, last = word.split(".")
        level = nested
        for parent in parents:
            if not isinstance(level.get(parent), dict):
                level[parent] = {}
            level = level[parent]
        level[last] = _merged(level.get(last), value)
    return nested


def _merged(old: Any, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    merged = dict(old) if isinstance(old, Mapping) else {}
    for key, inner in value.items():
        merged[key] = _merged(merged.get(key), inner)
    return merged
