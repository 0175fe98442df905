"""Attack and hit documents as the grouper writes them, seeded by number, and a store that is filled with them."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson

from wellhead.consumers.attacks.store.templates import index_of, put_templates
from wellhead.search.store import Action, SearchStore

START_MS = int(datetime(2026, 1, 31, 22, tzinfo=UTC).timestamp() * 1000)


def attack_id(number: int, time_ms: int) -> str:
    return f"{month(time_ms).replace('.', '')}:{hashlib.sha256(str(number).encode()).hexdigest()[:24]}"


def month(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y.%m")


@dataclass
class Documents:
    """Attacks of three hits each, spread over clients, types, domains, paths, rules, states and two months."""

    attacks: dict[str, dict] = field(default_factory=dict)
    hits: dict[str, dict] = field(default_factory=dict)

    def add(self, number: int, **changed) -> dict:
        first_ms = START_MS + number * 60_000
        attack = {
            "id": attack_id(number, first_ms),
            "client_id": 4000 + number % 5,
            "rule": ("basic", "by_source_ip")[number % 2],
            "rule_version": 1,
            "type": ("sqli", "xss", "rce")[number % 3],
            "domain": ("shop.example.com", "www.example.org")[number % 2],
            "path": ("/login", "/api/v1/cart", "/api/v2/cart", "/")[number % 4],
            "parameter": "GET_q",
            "method": "GET",
            "multiple": [],
            "first_time": first_ms,
            # Ties, so that the order within equal times matters.
            "last_time": first_ms - first_ms % 300_000 + 600_000,
            "hits": 3,
            "ip_count": 2,
            "ip_top": [{"ip": f"203.0.113.{number % 7}", "count": 2, "country": "NL"}],
            "country_top": [{"country": "NL", "count": 3}],
            "status_codes": [{"code": 403, "count": 3}],
            "block_statuses": [{"status": "blocked", "count": 3}],
            "state": ("open", "closed")[number % 2],
            "merged_into": None,
            "merged": [],
            "version": 3,
            **changed,
        }
        self.attacks[attack["id"]] = attack
        for turn in range(3):
            hit = self._hit(attack, number, turn)
            self.hits[hit["id"]] = hit
        return attack

    def _hit(self, attack: Mapping, number: int, turn: int) -> dict:
        shared = ("client_id", "rule", "type", "domain", "path", "parameter", "method")
        time_ms = attack["first_time"] + turn * 300_000
        return {
            "id": f"hits_production_{attack['client_id']}_{month(time_ms).replace('.', '')}_v_1:{number:06d}-{turn}",
            "attack_id": attack["id"],
            **{name: attack[name] for name in shared},
            "time": time_ms,
            "ip": f"203.0.113.{number % 7}" if turn < 2 else f"2001:db8::{number % 3 + 1}",
            "remote_country": ("NL", "DE")[turn % 2],
            "status_code": (403, 200, 403)[turn],
            "block_status": "blocked",
            "value": f"' or {number}=1 --",
        }

    def merge(self, absorbed: str, survivor: str) -> None:
        """Let one attack live on in another, as the grouper does: its hits keep their attack's id."""
        gone, stays = self.attacks[absorbed], self.attacks[survivor]
        gone |= {"state": "merged", "merged_into": survivor, "version": gone["version"] + 1}
        stays |= {
            "merged": [*stays["merged"], absorbed, *gone["merged"]],
            "hits": stays["hits"] + gone["hits"],
            "first_time": min(stays["first_time"], gone["first_time"]),
            "last_time": max(stays["last_time"], gone["last_time"]),
            "version": stays["version"] + 1,
        }


def write(store: SearchStore, *groups: Iterable[Mapping]) -> None:
    """Write documents as they are now, and make them searchable."""
    prefix = store.settings.index_prefix
    for group in map(list, groups):
        answer = store.bulk([action_of(prefix, document) for document in group])
        assert answer.done == len(group), answer
    store.refresh(f"{prefix}-*")


def fill(store: SearchStore, documents: Documents) -> None:
    """Give a store its templates and these documents."""
    put_templates(store)
    write(store, documents.attacks.values(), documents.hits.values())


def action_of(prefix: str, document: Mapping, **changed) -> Action:
    """Give the write of a document as it is now, or with some values changed."""
    kind = "hit" if "attack_id" in document else "attack"
    index = index_of(prefix, kind, month(document["time"]) if kind == "hit" else f"{document['id'][:4]}.{document['id'][4:6]}")
    return Action(index, document["id"], orjson.dumps({**document, **changed}), version=document.get("version"))
