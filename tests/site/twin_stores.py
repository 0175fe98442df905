"""Two search stores that hold the same hits and attacks, and hands to break one of them."""

import random

import orjson

from wellhead.clock import SystemClock
from wellhead.config.store import StoreSettings
from wellhead.consumers.attacks.store.templates import put_templates
from wellhead.search.store import Action, SearchStore

FIRST_MS = 1_770_681_600_000  # 2026-02-10
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
CLIENTS = (11, 12, 4242)
TYPES = ("sqli", "xss", "rce", "ptrav")


def open_store(url: str, prefix: str, name: str) -> SearchStore:
    settings = StoreSettings(url=(url,), index_prefix=prefix, replicas=0, refresh_interval_ms=50)
    return SearchStore(settings, name=name, clock=SystemClock())


def hits(days: int = 3, each: int = 40, seed: int = 7) -> dict[str, dict]:
    """Hits by id: `each` for a client and day."""
    rng = random.Random(seed)
    made = {}
    for client in CLIENTS:
        for day in range(days):
            for number in range(each):
                id_ = f"hits_production_{client}_202602_v_1:{rng.getrandbits(60):015x}"
                made[id_] = {
                    "id": id_,
                    "client_id": client,
                    "attack_id": f"202602:{client:08x}{day:08x}{number % 5:08x}",
                    "vendor_attack_id": None,
                    "rule": "basic",
                    "type": TYPES[number % 5 % 4],
                    "ip": f"192.0.2.{rng.randrange(1, 40)}",
                    "remote_country": "DE",
                    "time": FIRST_MS + day * DAY_MS + rng.randrange(DAY_MS),
                    "domain": f"shop{number % 3}.example",
                    "path": f"/cart/{number % 7}",
                    "point": ["get", "q"],
                    "parameter": "q",
                    "method": "GET",
                    "value": f"' or {number}=1 --",
                    "status_code": 403,
                    "block_status": "blocked",
                    "response_time": 0.25,
                    "pool_id": 7,
                    "extensions": {"node": f"n{number % 2}"},
                }
    return made


def attacks(of: dict[str, dict]) -> dict[str, dict]:
    """The attacks of these hits, by id."""
    made: dict[str, dict] = {}
    for hit in of.values():
        id_ = hit["attack_id"]
        attack = made.setdefault(
            id_,
            {
                "id": id_,
                "client_id": hit["client_id"],
                "rule": "basic",
                "rule_version": 1,
                "type": hit["type"],
                "domain": hit["domain"],
                "path": hit["path"],
                "parameter": "q",
                "method": "GET",
                "first_time": hit["time"],
                "last_time": hit["time"],
                "hits": 0,
                "ip_count": 0,
                "ip_top": [{"ip": "192.0.2.1", "count": 2, "country": "DE"}, {"ip": "192.0.2.2", "count": 2, "country": "DE"}],
                "country_top": [{"country": "DE", "count": 4}],
                "status_codes": [{"code": 403, "count": 4}],
                "block_statuses": [{"status": "blocked", "count": 4}],
                "state": "closed",
                "merged_into": None,
                "merged": [],
                "version": 0,
            },
        )
        attack["first_time"] = min(attack["first_time"], hit["time"])
        attack["last_time"] = max(attack["last_time"], hit["time"])
        attack["hits"] += 1
        attack["version"] += 1
    return made


class Twin:
    """One of two stores with the same documents."""

    def __init__(self, url: str, prefix: str, name: str) -> None:
        self.store = open_store(url, prefix, name)
        self.prefix = prefix
        put_templates(self.store)

    def index(self, kind: str, month: str = "2026.02") -> str:
        return f"{self.prefix}-{kind}-{month}"

    def put(self, kind: str, documents, *, month: str = "2026.02", version=None, shape=orjson.dumps) -> None:
        """Write documents as the store writer does, with external versions."""
        actions = [
            Action(self.index(kind, month), each["id"], shape(each), version or each.get("version", 5)) for each in documents
        ]
        for at in range(0, len(actions), 2000):
            answer = self.store.bulk(actions[at : at + 2000])
            assert not answer.refused, answer.refused[0]
            assert not answer.busy
        self.store.refresh(f"{self.prefix}-*")

    def clear(self) -> None:
        for index in self.store.indices(f"{self.prefix}-*"):
            self.store.delete_index(index)
        self.store.close()
