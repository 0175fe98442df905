"""Takes hits as columns, gives each as the vendor writes it, in each of its forms; the same text for the same hit, always."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import orjson

from connectors.wallarm.simulation.catalogue import (
    COUNTRIES,
    PAYLOADS,
    POINTS,
    SCANNED,
    SCANNER_TYPES,
    TYPES,
    address,
    parameter_of,
)
from connectors.wallarm.simulation.holdings import Holdings
from connectors.wallarm.simulation.keys import month
from connectors.wallarm.simulation.quirks import Quirks, shaped
from connectors.wallarm.simulation.rule import BLOCK_BITS, SCANNER, Campaign, Hits
from connectors.wallarm.simulation.settings import BLOCK_SECS, Settings
from wellhead.testing.dice import below, share, throw

_TOR_EVERY = 17
_NODES = ("1d0a77e1-3c1e-4f7e-9c67-2b8f1d0a77e1", "84b0c2de-55aa-4c11-8f0e-9d1c6a3e7b42")


class Place:
    """What the hits of a campaign on one of its places share."""

    def __init__(self, campaign: Campaign, key: int) -> None:
        words = SCANNER_TYPES if campaign.kind == SCANNER else TYPES
        self.type = words[(campaign.type + key) % len(words)]
        self.point = ("uri",) if campaign.kind == SCANNER else POINTS[(campaign.point + key) % len(POINTS)]
        self.parameter = parameter_of(self.point)
        self.domain = campaign.domain
        self.path = SCANNED[key] if campaign.kind == SCANNER else campaign.path
        self.method = campaign.method
        self.payloads = PAYLOADS[self.type]
        self.blocked = campaign.blocked


class Renderer:
    """Writes one client's hits.

    Attributes:
        quirks: The content faults that shape some of them.
        places: Every place of every campaign, by campaign and key.
    """

    def __init__(self, settings: Settings, holdings: Holdings, quirks: Quirks) -> None:
        self.quirks = quirks
        self.holdings = holdings
        self.places = [[Place(campaign, key) for key in range(campaign.keys)] for campaign in holdings.rule.campaigns]
        self._ungrouped = settings.ungrouped
        self._salt = holdings.rule.salt + 5

    def texts(self, hits: Hits) -> list[bytes]:
        """Write hits as `/v1/objects/hit` gives them."""
        return [orjson.dumps(told) for told in self.told(hits)]

    def told(self, hits: Hits) -> Iterator[dict[str, Any]]:
        """Give hits as objects, content faults and all."""
        struck = self.quirks.struck(hits.numbers)
        for place, plain in enumerate(self.sound(hits)):
            fault = struck.get(place)
            yield shaped(fault, plain) if fault else plain

    def known(self, text: bytes, hits: Hits, at: int) -> dict[str, Any]:
        """Give a hit as it was written, and beside it what is known of it: the attack that made it, client, method and parameter."""
        place = self.places[int(hits.campaigns[at])][int(hits.keys[at])]
        told: dict[str, Any] = orjson.loads(text)
        attack = f"{self.holdings.client}/{int(hits.attacks[at])}"
        return told | {
            "_attack": attack,
            "_client": self.holdings.client,
            "_method": place.method,
            "_parameter": place.parameter,
        }

    def sound(self, hits: Hits) -> Iterator[dict[str, Any]]:
        """Give hits as objects, without content faults."""
        dice = throw(hits.numbers, self._salt)
        columns = zip(
            hits.numbers.tolist(),
            hits.times.tolist(),
            hits.campaigns.tolist(),
            hits.keys.tolist(),
            hits.requests.tolist(),
            hits.senders.tolist(),
            hits.statuses.tolist(),
            self.attack_ids(hits),
            share(dice, self._ungrouped).tolist(),
            below(dice, 1 << 30, 17).tolist(),
            strict=True,
        )
        for number, time, campaign, key, request, sender, status, attack, ungrouped, chance in columns:
            place = self.places[campaign][key]
            value = place.payloads[chance % len(place.payloads)]
            yield {
                "id": self.holdings.hit_keys.of(number, time),
                "attackid": None if ungrouped else attack,
                "type": place.type,
                "ip": address(sender),
                "remote_port": 1_024 + chance % 60_000,
                "remote_country": COUNTRIES[sender % len(COUNTRIES)],
                "datacenter": "unknown",
                "tor": "none" if sender % _TOR_EVERY else "tor",
                "proxy_type": None,
                "ip_blocked": False,
                "time": time,
                "domain": place.domain,
                "path": place.path,
                "point": list(place.point),
                "value": value,
                "size": len(value),
                "statuscode": status,
                "response_time": chance % 900,
                "block_status": "blocked" if place.blocked else "monitored",
                "poolid": -1,
                "stamps": [7_000 + (campaign * 13 + key) % 900],
                "stamps_hash": -1_063_991_965 + campaign,
                "regex": [],
                "request_id": request_id(self.holdings.client, request),
                "protocol": "rest",
                "auth_protocol": [],
                "known_attack": None,
                "known_false": None,
                "state": None,
                "endpoint_id": None,
                "node_uuid": [_NODES[chance % 2]],
                "compromised_logins": [],
                "ebpf": None,
                "aasm_event": False,
                "api_spec_violation": None,
                "api_spec_id": None,
            }

    def attack_ids(self, hits: Hits) -> Iterator[list[str]]:
        """Give the vendor's id of each hit's attack, in the index of the month it began."""
        known: dict[int, list[str]] = {}
        for attack in hits.attacks.tolist():
            if attack not in known:
                known[attack] = self.attack_id(attack)
            yield known[attack]

    def attack_id(self, attack: int) -> list[str]:
        """Give the vendor's id of an attack; the month is that of its first hit, seen or not, so it stays."""
        return self.holdings.attack_keys.of(attack, self._began_secs(attack))

    def _began_secs(self, attack: int) -> int:
        """Give an epoch second in the month that an attack began in."""
        block = attack >> BLOCK_BITS
        begins = self.holdings.rule.first_secs + block * BLOCK_SECS
        if month(begins) == month(begins + BLOCK_SECS):
            return begins
        hits = self.holdings.made(block)
        return int(hits.times[hits.attacks == attack].min(initial=begins + BLOCK_SECS))


def request_id(client: int, request: int) -> str:
    """Give the 32 hexadecimal digits that name a request."""
    return hashlib.blake2b(f"{client}/{request}".encode(), digest_size=16).hexdigest()
