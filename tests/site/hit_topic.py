"""A topic of hits, a grouping on it in a process of its own, and all that it makes, read back and held against the truth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import httpx
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import NewPartitions
from grouping import truth_of
from readback import messages, records
from served_topic import ServedTopic

from wellhead.avro import schema as schemas
from wellhead.avro.encode import Encoder
from wellhead.avro.registry import Registry
from wellhead.avro.rows import to_batch
from wellhead.consumers.attacks.rules import load_rules
from wellhead.kafka.messages import Headers
from wellhead.stack import Stack
from wellhead.testing.attacktruth import TrueAttack, TrueHit, Truth

RULES = ("wallarm/basic", "wallarm/by_source_ip")
LATE_SECS = 3600
PATIENCE_SECS = 150.0


def some_hits(count: int, seed: int, now_ms: int) -> list[TrueHit]:
    """Make hits of some clients over some hours: probes of many things by few senders, and steady ones of single things by many."""
    random, hits = Random(seed), []
    for number in range(count):
        time_ms = now_ms - 6 * 3_600_000 + int(6 * 3_600_000 * number / count) - random.choice([0, 0, 0, 60_000, 1_200_000])
        noisy = random.random() < 0.3
        record = {
            "client_id": random.choice([11, 12, 13]),
            "type": random.choice(["sqli", "xss", "rce", "brute"]),
            "domain": f"{random.choice('abc')}.example",
            "path": f"/{random.randrange(30)}" if noisy else f"/{random.randrange(3)}",
            "parameter": random.choice(["GET_q", "POST_user"]),
            "method": random.choice(["GET", "POST"]),
            "ip": f"192.0.2.{random.randrange(2)}" if noisy else f"198.51.100.{random.randrange(200)}",
            "remote_country": random.choice(["NL", "US", None]),
            "status_code": random.choice([200, 403]),
            "block_status": random.choice(["blocked", "monitored"]),
            "point": ["get", "q"],
        }
        hits.append(TrueHit(0, time_ms, f"hits_{record['client_id']}:{number:08d}", record))
    return hits


class HitTopic(ServedTopic):
    """One topic of hits with the grouping that reads it.

    Args:
        stack: Kafka and the registry.
        unique: Begins every name.
        folder: Where the configuration and logs lie.
        redis_url: The Redis of the grouping.
        partitions: Of the topic.
        stores: Words of its stores by name; none: hits are only grouped.
    """

    def __init__(
        self,
        stack: Stack,
        unique: str,
        folder: Path,
        redis_url: str,
        *,
        partitions: int = 2,
        stores: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        super().__init__("attacks", stack.bootstrap_servers, folder, PATIENCE_SECS)
        self.registry_url = stack.registry_url
        self.topic, self.base = f"{unique}hit", unique.rstrip(".")
        self.group = f"{unique}attacks"
        self.rules = load_rules(RULES)
        self.truths: dict[int, Truth] = {}
        attacks = {
            "topic": self.topic,
            "rules": list(RULES),
            "late.secs": LATE_SECS,
            "redis.url": redis_url,
            "batch.max.records": 200,
        }
        attacks |= {"stores": stores} if stores else {"roles": ["group"]}
        worker = {
            "group.id": self.group,
            "kafka": {"bootstrap.servers": self.bootstrap},
            "schema.registry.url": self.registry_url,
            "listeners": "",
        }
        self.file = folder / "attacks.yaml"
        self.file.write_text(json.dumps({"worker": worker, "attacks": {"wallarm": attacks}}))
        self.make_topic(partitions)

    def produce(
        self, hits: Sequence[TrueHit], *, raw: Sequence[bytes] = (), counted: bool = True, headers: Headers | None = None
    ) -> None:
        """Write hits as the source does, keyed by client, and remember what they must become, unless they are not to be `counted`."""
        schema = schemas.load("wallarm.hit")
        with Registry({"schema.registry.url": self.registry_url}) as registry:
            schema_id = registry.register(f"{self.topic}-value", schema)
        rows = [{**hit.record, "id": hit.id, "time": hit.time_ms} for hit in hits]
        encoded = Encoder(schema, schema_id).encode(to_batch(rows, schema)[0])
        assert not encoded.rejects
        arrived: list[Message] = []
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 5})
        for value, hit in zip(encoded.values, hits, strict=True):
            producer.produce(
                self.topic,
                value,
                str(hit.record["client_id"]).encode(),
                headers=headers,
                on_delivery=lambda _error, message: arrived.append(message),
            )
            producer.poll(0)
        for value in raw:
            producer.produce(self.topic, value, b"11")
        producer.flush(30)
        assert len(arrived) == len(hits)
        if not counted:
            return
        by_id = dict(zip(encoded.values, hits, strict=True))
        for message in sorted(arrived, key=lambda each: (each.partition(), each.offset())):
            hit = by_id[message.value()]
            truth = self.truths.setdefault(message.partition(), truth_of(self.rules, LATE_SECS))
            truth.take([TrueHit(message.timestamp()[1], hit.time_ms, hit.id, hit.record)])

    def use_rules(self, *rules: str) -> None:
        self.set_words(rules=list(rules))

    def set_words(self, **words: Any) -> None:
        """Change words of the grouping in its file."""
        told = json.loads(self.file.read_text())
        told["attacks"]["wallarm"] |= words
        self.file.write_text(json.dumps(told))

    def add_partitions(self, count: int) -> None:
        self.partitions = count
        for future in self._admin.create_partitions([NewPartitions(self.topic, count)]).values():
            future.result(30)

    def set_back(self) -> bool:
        """Set the group back to the beginning; False while it still has a member."""
        places = [TopicPartition(self.topic, number, 0) for number in range(2)]
        asked = self._admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(self.group, places)])
        try:
            asked[self.group].result(20)
        except KafkaException:
            return False
        return True

    def log(self) -> str:
        """Give everything the processes have logged."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("attacks-*.log")))

    def documents(self) -> dict[str, tuple[int, dict[str, Any]]]:
        """Give the newest document of each id, as a store would keep it."""
        newest: dict[str, tuple[int, dict[str, Any]]] = {}
        for message in messages(self.bootstrap, f"{self.base}.attack_document"):
            version = int(dict(message.headers())["version"])
            key = message.key().decode()
            if key not in newest or version > newest[key][0]:
                newest[key] = version, json.loads(message.value())
        return newest

    def events(self) -> list[dict[str, Any]]:
        return records(self.bootstrap, f"{self.base}.attack_event", schemas.load("wallarm.attack_event").text)

    def stored(self, url: str, prefix: str) -> dict[str, tuple[int, dict[str, Any]]]:
        """Give every document of a store."""
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
            client.post(f"/{prefix}-*/_refresh")
            found: list[Any] = []
            while True:
                after = {"search_after": found[-1]["sort"]} if found else {}
                body = {"size": 1000, "version": True, "sort": [{"id": "asc"}], **after}
                page = client.post(f"/{prefix}-*/_search", json=body).json()["hits"]["hits"]
                if not page:
                    return {hit["_id"]: (hit["_version"], hit["_source"]) for hit in found}
                found += page

    def exact(self, newest: dict[str, tuple[int, dict[str, Any]]]) -> int:
        """Compare documents with the truth, every attack, every count, every hit's attack, and give how many hits there are."""
        hits = {key: document for key, (_, document) in newest.items() if "attack_id" in document}
        attacks = {key: document for key, (_, document) in newest.items() if "attack_id" not in document}
        assert {key: hit["attack_id"] for key, hit in hits.items()} == {
            name: attack for truth in self.truths.values() for name, attack in truth.attack_of.items()
        }
        true = {attack.id: attack for truth in self.truths.values() for attack in truth.attacks.values()}
        assert attacks.keys() == true.keys()
        for name, attack in true.items():
            if attack.into is None:
                assert _told(attacks[name]) == _true(attack), name
            else:
                assert (attacks[name]["state"], attacks[name]["hits"]) == ("merged", 0)
        return len(hits)


def _told(document: dict[str, Any]) -> dict[str, Any]:
    names = ("client_id", "first_time", "last_time", "hits", "ip_count", "merged", "type", "path", "method", "multiple")
    told = {name: document[name] for name in names}
    told["ip_top"] = [(each["ip"], each["count"]) for each in document["ip_top"]]
    told["countries"] = {each["country"]: each["count"] for each in document["country_top"]}
    told["codes"] = {str(each["code"]): each["count"] for each in document["status_codes"]}
    return told | {"blocks": {each["status"]: each["count"] for each in document["block_statuses"]}}


def _true(attack: TrueAttack) -> dict[str, Any]:
    single = {name: next(iter(values)) if len(values) == 1 else None for name, values in attack.values.items()}
    told = {"client_id": attack.client, "first_time": attack.first_ms, "last_time": attack.last_ms, "hits": attack.hits}
    told |= {"ip_count": len(attack.ips), "merged": sorted(attack.members)}
    told |= {name: single[name] for name in ("type", "path", "method")}
    told["multiple"] = sorted(name for name, values in attack.values.items() if len(values) > 1 and name != "ip")
    told["ip_top"] = sorted(attack.ips.items(), key=lambda entry: (-entry[1], entry[0]))[:10]
    return told | {"countries": dict(attack.countries), "codes": dict(attack.statuses), "blocks": dict(attack.blocks)}
