"""Takes the entries of the `attacks` section, gives each validated, its stores by name; never reads a rule or connects to anything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wellhead.config.attacks import AttacksSettings
from wellhead.config.entries import EntryReader, shown
from wellhead.config.store import StoreSettings
from wellhead.errors import Problem

_STORE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class AttacksReader(EntryReader[AttacksSettings]):
    """Reads groupings of attacks."""

    section = "attacks"
    model = AttacksSettings
    otherwise = "see docs/reference/attacks-options.md"
    apart = frozenset({"stores"})

    def _take_apart(self, gathered: dict[str, Any], path: str) -> None:
        gathered.setdefault("redis", {})
        gathered["stores"] = self._stores(gathered.get("stores", {}), path)

    def _stores(self, given: Mapping[str, Any], path: str) -> dict[str, dict[str, Any]]:
        """Take apart the words of each store; those nobody knows are told."""
        apart: dict[str, dict[str, Any]] = {}
        for text, value in given.items():
            name, dot, word = text.partition(".")
            if not _STORE.fullmatch(name):
                message = "must be a name of 1 to 64 lower-case letters, digits, _ and -, beginning with a letter or digit"
                self._problems.append(Problem(f"{path}.stores.{shown(name)}", message))
            elif not dot:
                self._problems.append(Problem(f"{path}.stores.{name}", "must be a mapping with at least url"))
            else:
                apart.setdefault(name, {})[word] = value
        return {name: self._gathered(words, StoreSettings, f"{path}.stores.{name}") for name, words in apart.items()}


def problems_between_attacks(attacks: Sequence[AttacksSettings]) -> Iterator[Problem]:
    """Yield a problem for each topic that two entries would write to, which would mix their documents or states."""
    taken: dict[str, str] = {}
    for settings in attacks:
        for word, topic in settings.topics().items():
            holder = f"{settings.name}.{word}"
            if word != "topic" and taken.setdefault(topic, holder) != holder:
                yield Problem(f"attacks.{holder}", f"is also attacks.{taken[topic]}; give each its own topic")
