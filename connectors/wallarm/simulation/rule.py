"""Takes the settings of one client, gives the hits of any two hours by arithmetic alone, and which attack each belongs to; holds none of them.

The client's time is cut into blocks. In a block a campaign attacks for at most 50 minutes and then rests for longer than an hour, so what
one campaign sends to one place within a block is one attack by the basic rule, whoever looks. A *steady* campaign goes on without a pause
through two blocks of three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from connectors.wallarm.simulation.catalogue import DOMAINS, METHODS, PATHS, POINTS, SCANNED
from connectors.wallarm.simulation.settings import BLOCK_SECS, Settings
from wellhead.testing.dice import Ints, below, salt_of, throw

BLOCK_BITS = 24
PLAIN, DOUBLE, STEADY, SCANNER = range(4)
# One campaign in twelve scans, one in six sends two payloads a request, one in six is steady; the first one is plain.
_KINDS = (PLAIN, STEADY, DOUBLE, PLAIN, PLAIN, SCANNER, PLAIN, STEADY, PLAIN, DOUBLE, PLAIN, PLAIN)
_LONGEST_SECS = 3_000
STEADY_BLOCKS = 3
_STEADY_LEAST = 6  # hits a block: fewer would leave pauses that part attacks
_KEYS = {PLAIN: 1, DOUBLE: 2, STEADY: 1, SCANNER: len(SCANNED)}
SENDERS = 40


@dataclass(frozen=True, slots=True)
class Campaign:
    """Who attacks what: everything that the hits of one campaign have in common.

    Attributes:
        number: Its number; campaigns of one client never share a place.
        kind: PLAIN, DOUBLE (two types a request), STEADY or SCANNER (one sender, many paths).
        weight: Its share of the hits.
        keys: How many places it attacks.
    """

    number: int
    kind: int
    weight: float
    keys: int
    phase_secs: int
    length_secs: int
    senders: int
    first_sender: int
    domain: str
    path: str
    method: str
    point: int
    type: int
    blocked: bool


@dataclass(frozen=True, slots=True)
class Hits:
    """Hits of one client as columns, a row each.

    Attributes:
        numbers: What names each, for ever.
        times: Epoch seconds.
        campaigns: Whose hit it is.
        keys: Which of the campaign's places it went to.
        requests: Names the request; hits of one request share it.
        senders: The sender's number.
        attacks: The attack each belongs to.
        statuses: The response's status.
        seen_ms: Epoch ms from which on it can be read.
    """

    numbers: Ints
    times: Ints
    campaigns: Ints
    keys: Ints
    requests: Ints
    senders: Ints
    attacks: Ints
    statuses: Ints
    seen_ms: Ints

    def __len__(self) -> int:
        return len(self.numbers)

    @classmethod
    def joined(cls, parts: Sequence[Hits]) -> Hits:
        """Give the rows of all parts, which follow each other in time."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))

    def pick(self, chosen: Any) -> Hits:
        """Give some of the rows: a slice, a mask or places."""
        return Hits(*(getattr(self, name)[chosen] for name in self.__slots__))


class Rule:
    """The hits of one client.

    Attributes:
        campaigns: Its campaigns.
        first_secs: When the history begins.
        salt: What its chance is made of.
    """

    def __init__(self, settings: Settings, client: int, start_secs: int) -> None:
        self._settings = settings
        self._blocks = settings.history_blocks
        self.first_secs = start_secs - self._blocks * BLOCK_SECS
        self.salt = salt_of(settings.seed, client, self.first_secs)
        least = min(
            [settings.hits // self._blocks]
            + ([int(settings.hits_per_minute * BLOCK_SECS / 60)] if settings.hits_per_minute else [])
        )
        self.campaigns = _campaigns(settings.campaigns, salt_of(settings.seed, client, "campaigns"), least)
        self._weights = np.array([campaign.weight for campaign in self.campaigns])

    def block_of(self, at_secs: int) -> int:
        """Give the block a time lies in; it may be before the history."""
        return (at_secs - self.first_secs) // BLOCK_SECS

    def size(self, block: int) -> int:
        """Give how many hits a block has."""
        if block < 0:
            return 0
        if block < self._blocks:
            return (block + 1) * self._settings.hits // self._blocks - block * self._settings.hits // self._blocks
        later = block - self._blocks
        rate = self._settings.hits_per_minute * BLOCK_SECS / 60
        return int((later + 1) * rate) - int(later * rate)

    def hits(self, block: int) -> Hits:
        """Give the hits of a block by time, those of one second by number."""
        size = self.size(block)
        places = np.arange(size, dtype=np.int64)
        numbers = (block << BLOCK_BITS) + places
        ends = self._ends(block, size)
        campaigns = np.searchsorted(ends, places, side="right").astype(np.int64)
        begins = np.concatenate(([0], ends[:-1]))
        within = places - begins[campaigns]
        kinds, keys = self._of(campaigns, "kind"), self._of(campaigns, "keys")
        doubled = np.where(kinds == DOUBLE, 2, 1)
        requests = within // doubled
        many = -(-(ends - begins)[campaigns] // doubled)
        times = self._times(block, campaigns, requests, many)
        ids = (np.int64(block) << BLOCK_BITS) + begins[campaigns] + requests
        dice = throw(ids, self.salt + 1)
        senders = self._of(campaigns, "first_sender") + below(dice, 1 << 20) % self._of(campaigns, "senders")
        hit = Hits(
            numbers=numbers,
            times=times,
            campaigns=campaigns,
            keys=within % keys,
            requests=ids,
            senders=senders,
            attacks=self._attacks(block, campaigns, within % keys),
            statuses=np.where(self._of(campaigns, "blocked") == 1, 403, np.where(below(dice, 3, 21) == 0, 404, 200)),
            seen_ms=self._seen(numbers, times),
        )
        return hit.pick(np.lexsort((numbers, times)))

    def _ends(self, block: int, size: int) -> Ints:
        resting = [
            campaign.kind == STEADY and (block + campaign.number) % STEADY_BLOCKS == STEADY_BLOCKS - 1
            for campaign in self.campaigns
        ]
        weights = np.where(resting, 0.0, self._weights)
        if not weights.any():
            weights = np.where(np.arange(len(weights)) == 0, 1.0, 0.0)
        ends = np.floor(np.cumsum(weights) / weights.sum() * size + 1e-9).astype(np.int64)
        ends[-1] = size
        return np.asarray(ends, np.int64)

    def _of(self, campaigns: Ints, name: str) -> Ints:
        return np.array([int(getattr(campaign, name)) for campaign in self.campaigns], np.int64)[campaigns]

    def _times(self, block: int, campaigns: Ints, requests: Ints, many: Ints) -> Ints:
        """Spread the requests of each campaign over its part of the block, a cell each, anywhere in the cell."""
        begins = self.first_secs + block * BLOCK_SECS + self._of(campaigns, "phase_secs")
        lengths = self._of(campaigns, "length_secs")
        chance = below(throw((np.int64(block) << BLOCK_BITS) + campaigns * 65_537 + requests, self.salt + 2), 1_000) / 1_000
        spread = np.floor((requests + chance) * lengths / np.maximum(1, many)).astype(np.int64)
        spread = np.where((campaigns == 0) & (requests < self._settings.burst), 0, spread)
        ticks = self._settings.tick_secs
        return np.asarray(np.maximum(self.first_secs + block * BLOCK_SECS, (begins + spread) // ticks * ticks), np.int64)

    def _attacks(self, block: int, campaigns: Ints, keys: Ints) -> Ints:
        """Name the attack: a steady campaign's goes on until its block of rest."""
        steady = self._of(campaigns, "kind") == STEADY
        rounds = (block + campaigns) // STEADY_BLOCKS * STEADY_BLOCKS - campaigns
        first = np.where(steady, np.maximum(0, rounds), block)
        return np.asarray((first << BLOCK_BITS) + campaigns * 64 + keys, np.int64)

    def _seen(self, numbers: Ints, times: Ints) -> Ints:
        dice = throw(numbers, self.salt + 3)
        late_ms = self._settings.late_max_secs * 1_000
        late = np.where(below(dice, 65_536) < round(self._settings.late_ratio * 65_536), below(dice, late_ms, 17) + 1, 0)
        return np.asarray(times * 1_000 + round(self._settings.delay_secs * 1_000) + late, np.int64)


def _campaigns(many: int, salt: int, least: int) -> list[Campaign]:
    """Invent campaigns; one is steady only where each of its blocks has hits enough, `least` being those of all in a block."""
    weights = 1.0 / (1.0 + np.arange(many) * 0.35)
    shares = weights / weights.sum()
    made = []
    for number in range(many):
        dice = int(throw(np.array([number], np.int64), salt)[0])
        kind = _KINDS[number % len(_KINDS)]
        if kind == STEADY and shares[number] * least < _STEADY_LEAST:
            kind = PLAIN
        made.append(_campaign(number, kind, float(weights[number]), dice))
    return made


def _campaign(number: int, kind: int, weight: float, dice: int) -> Campaign:
    length = BLOCK_SECS if kind == STEADY else 120 + dice % (_LONGEST_SECS - 120)
    turn, place = divmod(number, len(DOMAINS) * len(PATHS))
    domain, path = DOMAINS[place % len(DOMAINS)], PATHS[place // len(DOMAINS)]
    return Campaign(
        number=number,
        kind=kind,
        weight=weight,
        keys=_KEYS[kind],
        phase_secs=0 if kind == STEADY else (dice >> 12) % (BLOCK_SECS - _LONGEST_SECS - 1_200),
        length_secs=length,
        senders=1 if kind == SCANNER else 1 + (dice >> 24) % SENDERS,
        first_sender=number * SENDERS,
        domain=f"host{number}.example.net" if kind == SCANNER else domain,
        path=path if not turn else f"{path}/v{turn + 1}",
        method="GET" if kind == SCANNER else METHODS[(dice >> 30) % len(METHODS)],
        point=(dice >> 34) % len(POINTS),
        type=dice >> 40,
        blocked=bool((dice >> 50) % 2),
    )
