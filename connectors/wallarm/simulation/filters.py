"""Takes the `filter` of a legacy call, gives whose data it asks for, of when, and which of the hits; never passes over a word it does not know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from connectors.wallarm.simulation.catalogue import address
from connectors.wallarm.simulation.holdings import Span
from connectors.wallarm.simulation.render import Renderer, request_id
from connectors.wallarm.simulation.rule import Hits
from wellhead.testing.dice import Mask

_FOREVER_SECS = 1 << 40
_PAIR = 2
# Nothing the simulated cloud holds has any of these set.
_UNSET = frozenset(
    ("state", "vulnid", "experimental", "aasm_event", "wallarm_scanner", "security_issue_id", "known_false", "known_attack")
)
_PLACED = ("type", "domain", "path", "method", "parameter")


class RefusedError(Exception):
    """The call is answered 400 with this text."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What a call asks for.

    Attributes:
        clients: Whose data.
        spans: Of when, in epoch seconds, both ends counted.
        words: The rest, by name: what a value must be among, or, with a `!` before the name, must not.
    """

    clients: tuple[int, ...]
    spans: tuple[Span, ...]
    words: Mapping[str, tuple[Any, ...]]

    @classmethod
    def read(cls, told: object, clients: tuple[int, ...]) -> Filter:
        """Read it; a call that names no client means all that the token may read."""
        if not isinstance(told, dict):
            raise RefusedError("filter must be an object")
        words = dict(told)
        asked = _listed(words.pop("clientid", list(clients)))
        if not all(isinstance(client, int) for client in asked):
            raise RefusedError("clientid must be a number or a list of numbers")
        spans = _spans(words.pop("time", [[0, None]]))
        for name in words:
            if name.removeprefix("!") not in _UNSET | set(_PLACED) | set(_OWN):
                raise RefusedError(f"unknown filter {name}")
        return cls(asked, spans, {name: _wanted(name, value) for name, value in words.items()})

    def mask(self, hits: Hits, renderer: Renderer) -> Mask | None:
        """Tell which hits are asked for; None for all."""
        mask: Mask | None = None
        for name, wanted in self.words.items():
            bare = name.removeprefix("!")
            if bare in _UNSET:
                found = np.full(len(hits), None in wanted or False in wanted, np.bool_)
            elif bare in _PLACED:
                found = _by_place(hits, renderer, bare, wanted)
            else:
                found = _OWN[bare](hits, renderer, wanted)
            found = ~found if name != bare else found
            mask = found if mask is None else mask & found
        return mask


def _listed(value: object) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list) else (value,)


def _wanted(name: str, value: object) -> tuple[Any, ...]:
    bare = name.removeprefix("!")
    if (
        bare in ("attackid", "id")
        and isinstance(value, list)
        and len(value) == _PAIR
        and all(isinstance(part, str) for part in value)
    ):
        return (value,) if ":" not in value[0] else tuple(value)
    return _listed(value)


def _spans(value: object) -> tuple[Span, ...]:
    spans = []
    for span in value if isinstance(value, list) else [value]:
        if not (isinstance(span, list) and len(span) == _PAIR and isinstance(span[0], int) and isinstance(span[1], int | None)):
            raise RefusedError("time must be a list of [from, to], epoch seconds, to may be null")
        spans.append((span[0], _FOREVER_SECS if span[1] is None else span[1]))
    return tuple(spans)


def _by_place(hits: Hits, renderer: Renderer, name: str, wanted: tuple[Any, ...]) -> Mask:
    most = max(len(places) for places in renderer.places)
    table = np.zeros((len(renderer.places), most), np.bool_)
    for campaign, places in enumerate(renderer.places):
        for key, place in enumerate(places):
            table[campaign, key] = getattr(place, name) in wanted
    return np.asarray(table[hits.campaigns, hits.keys], np.bool_)


def _by_ip(hits: Hits, _renderer: Renderer, wanted: tuple[Any, ...]) -> Mask:
    senders = [number for number in np.unique(hits.senders).tolist() if address(number) in wanted]
    return np.isin(hits.senders, senders)


def _by_status(hits: Hits, _renderer: Renderer, wanted: tuple[Any, ...]) -> Mask:
    return np.isin(hits.statuses, [status for status in wanted if isinstance(status, int)])


def _by_pool(hits: Hits, _renderer: Renderer, wanted: tuple[Any, ...]) -> Mask:
    return np.full(len(hits), -1 in wanted, np.bool_)


def _by_block_status(hits: Hits, renderer: Renderer, wanted: tuple[Any, ...]) -> Mask:
    words = [("blocked" if places[0].blocked else "monitored") in wanted for places in renderer.places]
    return np.asarray(np.array(words, np.bool_)[hits.campaigns], np.bool_)


def _by_attack(hits: Hits, renderer: Renderer, wanted: tuple[Any, ...]) -> Mask:
    return np.isin(hits.attacks, _numbers(renderer.holdings.attack_keys.number, wanted))


def _by_id(hits: Hits, renderer: Renderer, wanted: tuple[Any, ...]) -> Mask:
    return np.isin(hits.numbers, _numbers(renderer.holdings.hit_keys.number, wanted))


def _by_request(hits: Hits, renderer: Renderer, wanted: tuple[Any, ...]) -> Mask:
    client = renderer.holdings.client
    return np.array([request_id(client, request) in wanted for request in hits.requests.tolist()], np.bool_)


def _numbers(read: Callable[[object], int | None], wanted: tuple[Any, ...]) -> list[int]:
    numbers = (read(list(value) if isinstance(value, tuple) else value) for value in wanted)
    return [number for number in numbers if number is not None and number < 1 << 62]


_OWN: Mapping[str, Callable[[Hits, Renderer, tuple[Any, ...]], Mask]] = {
    "ip": _by_ip,
    "statuscode": _by_status,
    "poolid": _by_pool,
    "block_status": _by_block_status,
    "attackid": _by_attack,
    "id": _by_id,
    "request_id": _by_request,
}
