"""Takes an option's word, gives where a form shows it: group, width, importance and what it depends on; never what it means."""

from __future__ import annotations

from typing import Final

COMMON: Final = "Common"
# The first rule whose start fits counts; a word of its own has no dot at its end.
_RULES: Final = (
    ("topic.creation.", "Topic Creation"),
    ("transforms", "Transforms"),
    ("predicates", "Predicates"),
    ("poll.", "Schedule"),
    ("run.", "Schedule"),
    ("freshness.", "Schedule"),
    ("on.error", "Error Handling"),
    ("errors.", "Error Handling"),
    ("retry.", "Error Handling"),
    ("restart.", "Error Handling"),
    ("transaction.", "Exactly Once Support"),
    ("pipeline.", "Exactly Once Support"),
    ("record.", "Records"),
    ("producer.", "Records"),
    ("http.", "Vendor Calls"),
)
_HIGH: Final = frozenset({"name", "connector.class", "tasks.max", "tenant", "topic.prefix"})
_WIDTHS: Final = {"BOOLEAN": "SHORT", "INT": "SHORT", "LONG": "SHORT", "DOUBLE": "SHORT", "LIST": "LONG", "CLASS": "LONG"}

# Words that mean something only while another has a certain value.
SHOWN_WITH: Final = {
    "transaction.boundary.interval.ms": ("transaction.boundary", "interval"),
    "restart.backoff.initial.secs": ("restart.policy", "backoff"),
    "restart.backoff.max.secs": ("restart.policy", "backoff"),
    "errors.deadletterqueue.topic.name": ("on.error", "dead_letter"),
}


def group_of(word: str) -> str:
    """Give the group of one of the framework's words."""
    return next((group for start, group in _RULES if word.startswith(start)), COMMON)


def importance_of(word: str, *, required: bool) -> str:
    """Give HIGH for what nobody can pass over, MEDIUM for what most look at, LOW for the rest."""
    if required or word in _HIGH:
        return "HIGH"
    return "MEDIUM" if group_of(word) in {COMMON, "Schedule", "Error Handling"} else "LOW"


def width_of(word: str, kind: str) -> str:
    """Give how wide a form's field is for a word of a type."""
    return "LONG" if word == "connector.class" else _WIDTHS.get(kind, "MEDIUM")


def dependents_of(word: str) -> list[str]:
    """Give the words that mean something only while this one has a certain value."""
    return [dependent for dependent, (other, _) in SHOWN_WITH.items() if other == word]
