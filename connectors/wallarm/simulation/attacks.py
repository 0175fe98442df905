"""Takes a client's hits, gives its attacks as the vendor groups them: by the rule that made the hits, with what can be seen of each now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from connectors.wallarm.simulation.catalogue import COUNTRIES, address
from connectors.wallarm.simulation.render import Renderer
from connectors.wallarm.simulation.rule import BLOCK_BITS, STEADY_BLOCKS, Hits

_TOP = 10


@dataclass(frozen=True, slots=True)
class Attack:
    """An attack as it stands: its number, and its hits by time."""

    number: int
    hits: Hits

    @property
    def first_secs(self) -> int:
        return int(self.hits.times[0])

    @property
    def last_secs(self) -> int:
        return int(self.hits.times[-1])


def attack_of(renderer: Renderer, number: int, now_ms: int) -> Attack | None:
    """Give an attack by its number; None where nothing of it can be seen."""
    holdings = renderer.holdings
    first = number >> BLOCK_BITS
    latest = holdings.rule.block_of(now_ms // 1_000)
    if not 0 <= first <= latest:
        return None
    parts = []
    for block in range(first, min(first + STEADY_BLOCKS - 1, latest + 1)):
        hits = holdings.counted(block, now_ms)
        parts.append(hits.pick(hits.attacks == number))
    hits = Hits.joined(parts)
    return Attack(number, hits) if len(hits) else None


def attacks_of(renderer: Renderer, block: int, now_ms: int, *, by_last: bool) -> Iterator[Attack]:
    """Give the attacks whose last hit, or whose first, lies in a block."""
    for number in np.unique(renderer.holdings.counted(block, now_ms).attacks).tolist():
        attack = attack_of(renderer, number, now_ms)
        if attack is not None:
            at_secs = attack.last_secs if by_last else attack.first_secs
            if renderer.holdings.rule.block_of(at_secs) == block:
                yield attack


def told(renderer: Renderer, attack: Attack) -> dict[str, Any]:
    """Write an attack as `/v1/objects/attack` gives it."""
    hits = attack.hits
    place = renderer.places[int(hits.campaigns[0])][int(hits.keys[0])]
    senders = Counter(hits.senders.tolist())
    countries: Counter[str | None] = Counter()
    for sender, count in senders.items():
        countries[COUNTRIES[sender % len(COUNTRIES)]] += count
    identifier = renderer.attack_id(attack.number)
    return {
        "id": identifier,
        "attackid": ":".join(identifier),
        "clientid": renderer.holdings.client,
        "domain": place.domain,
        "poolid": -1,
        "method": place.method,
        "parameter": place.parameter,
        "path": place.path,
        "type": place.type,
        "first_time": attack.first_secs,
        "last_time": attack.last_secs,
        "hits": len(hits),
        "ip_count": len(senders),
        "ip_top": [
            {"ip": address(sender), "count": count, "country": COUNTRIES[sender % len(COUNTRIES)]}
            for sender, count in _top(senders)
        ],
        "country_top": [{"country": country, "count": count} for country, count in _top(countries)],
        "statuscodes": sorted(set(hits.statuses.tolist())),
        "vulnid": None,
        "threat": 80 if place.blocked else 60,
        "target": "server",
        "experimental": None,
        "recheck_status": "unrecheckable",
        "vectors_count": min(len(hits), len(place.payloads)),
        "block_status": "blocked" if place.blocked else "monitored",
        "state": None,
    }


def _top(counts: Counter[Any]) -> list[tuple[Any, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))[:_TOP]
