"""Takes what a vendor, a topic and a store say of the same hits, gives where they differ; asks nobody itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from wellhead.consumers.attacks.rules import Rule
from wellhead.demo.lag import Lag

Records = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class AttackVerdict:
    """What became of the hits of one topic.

    Of `hits` in the topic all must be `hits_stored`. The store's `attacks` must be the `truth` ones of the vendor: none `missing` and none
    `extra`, each with exactly its hits; none `altered`, which is one whose counts or times are not those of its hits.
    """

    hits: int
    hits_stored: int
    truth: int
    attacks: int
    missing: int
    extra: int
    altered: int
    lag: Lag

    @property
    def ok(self) -> bool:
        exact = not (self.missing or self.extra or self.altered)
        return exact and self.hits == self.hits_stored > 0 and self.lag.found == self.lag.hits

    def as_json(self) -> dict[str, object]:
        return asdict(self) | {"ok": self.ok}


def judged(
    truth: Mapping[str, str], stored: Mapping[str, str], attacks: Records, records: Records, *, rule: Rule, lag: Lag
) -> AttackVerdict:
    """Compare attacks.

    Args:
        truth: The vendor's attack of each hit.
        stored: The attack of each hit in the store.
        attacks: The store's attacks, by id.
        records: The topic's hits, by id.
        rule: By which they were grouped.
        lag: How soon an attack was found.
    """
    true_groups, groups = _groups(truth), _groups(stored)
    wanted, made = set(true_groups.values()), set(groups.values())
    altered = sum(_told(attack) != _counted(groups.get(name, frozenset()), records, rule) for name, attack in attacks.items())
    return AttackVerdict(
        hits=len(records),
        hits_stored=len(stored),
        truth=len(true_groups),
        attacks=len(attacks),
        missing=len(wanted - made),
        extra=len(made - wanted),
        altered=altered + len(groups.keys() - attacks.keys()),
        lag=lag,
    )


def _groups(attack_of: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Give the hits of each attack."""
    hits: dict[str, set[str]] = defaultdict(set)
    for hit, attack in attack_of.items():
        hits[attack].add(hit)
    return {attack: frozenset(names) for attack, names in hits.items()}


def _told(attack: Mapping[str, Any]) -> tuple[int, ...]:
    """Give what an attack says of itself."""
    return attack["hits"], attack["first_time"], attack["last_time"], attack["ip_count"]


def _counted(hits: frozenset[str], records: Records, rule: Rule) -> tuple[int, ...]:
    """Give what it must say, by its hits as they stand in the topic."""
    own = [records[hit] for hit in hits if hit in records]
    times = [round(record[rule.fields.time].timestamp() * 1000) for record in own] or [0]
    return len(own), min(times), max(times), len({record[rule.fields.ip] for record in own} - {None})
