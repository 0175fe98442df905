"""Gives what may differ between two stores that are still the same, as one frozen value; never compares anything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

INDEX, VERSION = "_index", "_version"

# Lists whose order says nothing: a store, or a writer, may give them in any.
UNORDERED = frozenset({"merged", "multiple", "ip_top", "country_top", "status_codes", "block_statuses"})
# What an attacker or a user typed stands in no report.
HIDDEN = frozenset({"value", "extensions"})


@dataclass(frozen=True, slots=True)
class Rules:
    """How documents are compared. A field that is null and one that is not there are the same to every query, so they are the same here.

    Attributes:
        ignored: Fields that are not compared; `_index` and `_version` may be among them.
        unordered: Fields that hold lists whose order says nothing.
        times: Fields whose ISO 8601 text is the same as its epoch milliseconds.
        hidden: Fields whose values are never shown.
    """

    ignored: frozenset[str] = frozenset()
    unordered: frozenset[str] = UNORDERED
    times: frozenset[str] = frozenset()
    hidden: frozenset[str] = HIDDEN


def rules_of(ignored: Iterable[str] = (), unordered: Iterable[str] = (), times: Iterable[str] = ()) -> Rules:
    """Give the rules an operator asks for; what is unordered anyway stays so."""
    return Rules(frozenset(ignored), UNORDERED | frozenset(unordered), frozenset(times))
