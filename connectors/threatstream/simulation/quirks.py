"""Takes armed content faults, gives which indicators they shape and how, never anything that depends on a request."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from wellhead.testing.dice import Ints
from wellhead.testing.faults import FaultSpec

BROKEN_FAULTS = {
    "no_value": "An indicator whose value is null.",
    "no_id": "An indicator without an id.",
}
CONTENT_FAULTS = {
    **BROKEN_FAULTS,
    "new_field": "An indicator with fields nobody has heard of, one of them nested.",
    "new_itype": "An indicator of an itype that is on no list.",
    "many_tags": "An indicator with 200 tags, their names with commas, quotes and line ends.",
    "long_value": "An indicator whose value has 8,000 characters.",
    "sparse": "An indicator with the fewest fields there can be.",
    "odd_types": "An indicator with numbers where text is usual, and text where numbers are.",
}
LONG_VALUE_CHARS = 8_000
_CANDIDATES = 100_000
_NEEDED = ("id", "update_id", "type", "subtype", "itype", "value", "status", "modified_ts", "expiration_ts", "sort")


class Quirks:
    """The content faults of one group: each falls on some numbers of the history, never two on one."""

    def __init__(self, content: Mapping[str, FaultSpec], candidates: Ints, seed: int) -> None:
        self._faults: dict[int, str] = {}
        self._every: list[tuple[str, int]] = []
        chance = random.Random(seed)  # noqa: S311 - data that must repeat
        free = candidates[:_CANDIDATES].tolist()
        chance.shuffle(free)
        for name, spec in sorted(content.items()):
            if spec.count is None:
                self._every.append((name, max(1, round(1 / max(spec.probability, 1e-9)))))
                continue
            taken, free = free[: spec.count], free[spec.count :]
            self._faults |= dict.fromkeys(taken, name)

    def __bool__(self) -> bool:
        return bool(self._faults or self._every)

    def fault_of(self, number: int) -> str:
        """Give the fault that falls on a number, or nothing."""
        return self._faults.get(number) or next((name for name, every in self._every if number % every == 0), "")

    def struck(self, numbers: Ints) -> dict[int, str]:
        """Give, for places in `numbers` that a fault falls on, the fault."""
        if not self:
            return {}
        if self._every:
            found = {place: self.fault_of(number) for place, number in enumerate(numbers.tolist())}
            return {place: fault for place, fault in found.items() if fault}
        places = np.flatnonzero(np.isin(numbers, list(self._faults)))
        return {place: self._faults[int(numbers[place])] for place in places.tolist()}


def shaped(fault: str, told: dict[str, Any]) -> dict[str, Any]:
    """Give an indicator as the fault has it."""
    return SHAPES[fault](told)


def _no_value(told: dict[str, Any]) -> dict[str, Any]:
    return told | {"value": None}


def _no_id(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "id"}


def _new_field(told: dict[str, Any]) -> dict[str, Any]:
    return told | {"new_score": 7, "new_words": "as it is", "new_nest": {"a": [1, None, "x,y"]}, "new_nothing": None}


def _new_itype(told: dict[str, Any]) -> dict[str, Any]:
    return told | {"itype": "never_listed_itype", "threat_type": "never_listed"}


def _many_tags(told: dict[str, Any]) -> dict[str, Any]:
    return told | {"tags": [{"id": f"t{number}", "name": f'tag, "{number}"\nnext'} for number in range(200)]}


def _long_value(told: dict[str, Any]) -> dict[str, Any]:
    return told | {"value": told["value"] + "x" * (LONG_VALUE_CHARS - len(told["value"]))}


def _sparse(told: dict[str, Any]) -> dict[str, Any]:
    return {name: told[name] for name in _NEEDED}


def _odd_types(told: dict[str, Any]) -> dict[str, Any]:
    return told | {
        "asn": 64_500,
        "feed_id": "368",
        "threatscore": 55.5,
        "is_public": "true",
        "tags": ["plain", "words"],
        "tlp": 3,
    }


SHAPES: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "no_value": _no_value,
    "no_id": _no_id,
    "new_field": _new_field,
    "new_itype": _new_itype,
    "many_tags": _many_tags,
    "long_value": _long_value,
    "sparse": _sparse,
    "odd_types": _odd_types,
}
