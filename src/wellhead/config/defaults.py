"""Takes a source's own defaults and what the operator wrote, gives both as one; never lets a default win over an operator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wellhead.api import SourceConnector
from wellhead.config.connector import ConnectorSettings
from wellhead.config.words import gather

SCHEDULE = frozenset({"poll.cron", "poll.interval.secs", "poll.continuous"})


def unknown_defaults(source: SourceConnector) -> list[str]:
    """Give the words among a source's defaults that are no framework options."""
    return gather(source.defaults, ConnectorSettings)[1]


def with_defaults(source: SourceConnector, given: Mapping[str, Any]) -> dict[str, Any]:
    """Put a source's defaults under `given`, words as `gather` sorts them; any word of a schedule replaces the source's schedule."""
    defaults, _ = gather(source.defaults, ConnectorSettings)
    if SCHEDULE & given.keys():
        defaults = {word: value for word, value in defaults.items() if word not in SCHEDULE}
    return _under(defaults, given)


def _under(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(defaults)
    for word, value in given.items():
        below = merged.get(word)
        merged[word] = _under(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged
