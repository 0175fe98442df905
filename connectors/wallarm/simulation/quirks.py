"""Takes armed content faults, gives which hits they shape and how, never anything that depends on a request."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from connectors.wallarm.simulation.rule import BLOCK_BITS, Rule
from wellhead.testing.dice import Ints
from wellhead.testing.faults import FaultSpec

BROKEN_FAULTS = {
    "no_id": "A hit without an id.",
    "no_time": "A hit whose time is null.",
}
CONTENT_FAULTS = {
    **BROKEN_FAULTS,
    "new_field": "A hit with fields nobody has heard of, one of them nested.",
    "new_type": "A hit of a type that is on no list.",
    "long_value": "A hit whose payload has 8,000 characters.",
    "nasty_value": "A hit whose payload has quotes, line ends, control characters and characters beyond the basic plane.",
    "sparse": "A hit with the fewest fields there can be.",
    "odd_types": "A hit with numbers where text is usual, and text where numbers are.",
}
LONG_VALUE_CHARS = 8_000
_NEEDED = ("id", "attackid", "type", "ip", "time", "domain", "path", "point")


class Quirks:
    """The content faults of one client: each falls on some hits of the history, never two on one."""

    def __init__(self, content: Mapping[str, FaultSpec], rule: Rule, blocks: int, seed: int) -> None:
        self._faults: dict[int, str] = {}
        self._every: list[tuple[str, int]] = []
        chance = random.Random(seed)  # noqa: S311 - data that must repeat
        held = [block for block in range(blocks) if rule.size(block)]
        for name, spec in sorted(content.items()):
            if spec.count is None:
                self._every.append((name, max(1, round(1 / max(spec.probability, 1e-9)))))
                continue
            wanted = min(spec.count, sum(map(rule.size, held)) - len(self._faults))
            while wanted > 0:
                block = chance.choice(held)
                number = (block << BLOCK_BITS) + chance.randrange(rule.size(block))
                wanted -= number not in self._faults
                self._faults.setdefault(number, name)

    def __bool__(self) -> bool:
        return bool(self._faults or self._every)

    @property
    def numbers(self) -> Ints:
        """The hits that a fault of a given count falls on."""
        return np.array(sorted(self._faults), np.int64)

    def fault_of(self, number: int) -> str:
        """Give the fault that falls on a hit, or nothing."""
        return self._faults.get(number) or next((name for name, every in self._every if number % every == 0), "")

    def struck(self, numbers: Ints) -> dict[int, str]:
        """Give, for places in `numbers` that a fault falls on, the fault."""
        if not self:
            return {}
        if self._every:
            found = {place: self.fault_of(number) for place, number in enumerate(numbers.tolist())}
            return {place: fault for place, fault in found.items() if fault}
        places = np.flatnonzero(np.isin(numbers, self.numbers))
        return {place: self._faults[int(numbers[place])] for place in places.tolist()}


def shaped(fault: str, told: dict[str, Any]) -> dict[str, Any]:
    """Give a hit as the fault has it."""
    return _SHAPES[fault](told)


def _no_id(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "id"}


def _no_time(told: dict[str, Any]) -> dict[str, Any]:
    return told | {"time": None}


def _new_field(told: dict[str, Any]) -> dict[str, Any]:
    return told | {"new_score": 7, "new_words": "as it is", "new_nest": {"a": [1, None, "x,y"]}, "new_nothing": None}


def _new_type(told: dict[str, Any]) -> dict[str, Any]:
    return told | {"type": "never_listed_type"}


def _long_value(told: dict[str, Any]) -> dict[str, Any]:
    return told | {"value": told["value"] + "x" * (LONG_VALUE_CHARS - len(told["value"]))}


def _nasty_value(told: dict[str, Any]) -> dict[str, Any]:
    return told | {"value": 'a"b\\c\r\n\t\x00\x1f,{}[]\u2028 \U0001f409 é'}


def _sparse(told: dict[str, Any]) -> dict[str, Any]:
    return {name: told[name] for name in _NEEDED}


def _odd_types(told: dict[str, Any]) -> dict[str, Any]:
    return told | {
        "statuscode": str(told["statuscode"]),
        "size": float(told["size"]),
        "poolid": "-1",
        "response_time": 37.5,
        "ip_blocked": "false",
        "request_id": 17,
        "stamps": ["7965"],
        "known_attack": ["generic_rce", "CVE-2017-9841"],
    }


_SHAPES: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "no_id": _no_id,
    "no_time": _no_time,
    "new_field": _new_field,
    "new_type": _new_type,
    "long_value": _long_value,
    "nasty_value": _nasty_value,
    "sparse": _sparse,
    "odd_types": _odd_types,
}
