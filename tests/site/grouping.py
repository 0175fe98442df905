"""Hits, the grouping step on a real Redis, and the truth to hold it against."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pyarrow as pa
from redis import Redis

from wellhead.consumers.attacks.hits import HitReader
from wellhead.consumers.attacks.restore import POSITION, Record, Restoring, Standing
from wellhead.consumers.attacks.rules import RuleSet
from wellhead.consumers.attacks.script import Limits, Script, Step
from wellhead.testing.attacktruth import TrueAttack, TrueHit, Truth

COLUMNS = pa.schema(
    [
        ("id", pa.string()),
        ("client_id", pa.int64()),
        ("time", pa.timestamp("ms", "UTC")),
        *(
            (name, pa.string())
            for name in ("type", "parameter", "domain", "path", "method", "ip", "remote_country", "block_status")
        ),
        ("status_code", pa.int32()),
    ]
)


def key_text(label: str, client: Any, values: tuple[Any, ...]) -> str:
    """What ids are made of, said once more: JSON without spaces, BLAKE2b of 12 bytes."""
    return hashlib.blake2b(orjson.dumps([label, client, *values]), digest_size=12).hexdigest()


def batch_of(hits: Sequence[TrueHit]) -> pa.RecordBatch:
    rows = [{**hit.record, "id": hit.id, "time": hit.time_ms} for hit in hits]
    arrays = [pa.array([row.get(column.name) for row in rows], column.type) for column in COLUMNS]
    return pa.RecordBatch.from_arrays(arrays, schema=COLUMNS)


def words(rule: Any) -> dict[str, Any]:
    """Give a rule's words for the truth."""
    return {
        **rule.model_dump(by_alias=True),
        "by": list(rule.by),
        "except": {name: list(out) for name, out in rule.exceptions.items()},
    }


def truth_of(rules: RuleSet, late_secs: int) -> Truth:
    burst = None if rules.burst is None else words(rules.burst)
    return Truth(words(rules.base), burst, late_secs=late_secs, key_text=key_text)


@dataclass
class Grouping:
    """One partition grouped on a Redis; what is committed is folded as the state topic would hold it."""

    client: Redis
    name: str
    rules: RuleSet
    late_secs: int
    committed: int = 0
    state: dict[str, bytes] = field(default_factory=dict)
    attack_of: dict[str, str] = field(default_factory=dict)
    events: list[tuple[str, str]] = field(default_factory=list)
    rebuilt: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.limits = Limits.of(self.rules, self.late_secs)
        self.script = Script(self.client, self.name, self.rules, self.limits)
        self.reader = HitReader(self.rules)
        self._sure, self._generation = False, ""

    def step(self, hits: Sequence[TrueHit], *, commit: bool = True, tick_ms: int = 0) -> None:
        """Group the hits that follow what is committed; without `commit`, as a process that dies before its transaction."""
        offsets = range(self.committed, self.committed + len(hits))
        read = self.reader.read(batch_of(hits), offsets, [hit.kafka_ms for hit in hits])
        step = Step(0, self.committed, offsets.stop, read.columns, tick_ms, self._generation, sure=self._sure)
        self._sure = commit
        (answer,) = self.script.run([step])
        if answer.rebuild is not None:
            self.rebuilt.append(answer.rebuild)
            self.rebuild()
            (answer,) = self.script.run([replace(step, generation=self._generation)])
        assert answer.rebuild is None, answer.rebuild
        if not commit:
            return
        self.attack_of |= {hit.id: attack for hit, attack in zip(hits, answer.attacks, strict=True)}
        self.events += [(kind, name) for kind in ("opened", "merged", "closed") for name in getattr(answer, kind)]
        self.committed = offsets.stop
        self.state |= answer.changed
        self.state[POSITION] = Standing(self.committed, answer.watermark_ms, 0, {}).record()

    def rebuild(self) -> None:
        standing = Standing.read(self.state[POSITION]) if POSITION in self.state else Standing(0, 0, 0, {})
        since_ms = standing.watermark_ms - 2 * self.limits.retain
        restoring = Restoring(self.client, self.script.tag(0), ttl_ms=self.limits.ttl, epoch=0, since_ms=since_ms)
        restoring.take(Record(0, name, value) for name, value in self.state.items())
        assert standing.next == self.committed
        restoring.look(standing)
        self._generation = restoring.generation

    def attacks(self) -> dict[str, dict[str, Any]]:
        return {name[2:]: orjson.loads(value) for name, value in self.state.items() if name.startswith("a:")}

    def senders(self, name: str) -> dict[str, int]:
        held = self.attacks()[name]
        if "top" not in held:
            return {ip: entry[0] for ip, entry in held["ips"].items()}
        begin = f"i:{name}/"
        found = {at.removeprefix(begin): int(value) for at, value in self.state.items() if at.startswith(begin)}
        return {ip: count for ip, count in found.items() if count}


def same(grouping: Grouping, truth: Truth) -> None:
    """Compare every attack and every hit's attack with the truth."""
    assert grouping.attack_of == truth.attack_of
    held = grouping.attacks()
    assert held.keys() == truth.attacks.keys()
    for name, attack in truth.attacks.items():
        # By which steps attacks of one sender became one is not laid down, only which of them it is in the end.
        assert _end(held, name) == _end({each.id: {"into": each.into} for each in truth.attacks.values()}, name)
        if attack.into is None:
            assert _told(grouping, name, held[name]) == _true(attack, grouping.rules.shown), name


def _end(held: Mapping[str, Mapping[str, Any]], name: str) -> str:
    while into := held[name].get("into"):
        name = into
    return name


def _told(grouping: Grouping, name: str, held: Mapping[str, Any]) -> dict[str, Any]:
    senders = grouping.senders(name)
    assert held["ic"] == len(senders)
    if "top" in held:
        ranked = sorted(senders.items(), key=lambda entry: (-entry[1], entry[0]))[:10]
        assert [(ip, count) for ip, count, _ in held["top"]] == ranked
    counted = ((part, dict(held[part])) for part in ("c", "s", "b"))
    told = {
        "f": held["f"],
        "l": held["l"],
        "n": held["n"],
        "cl": int(held["cl"]),
        "v": held["v"],
        "ips": senders,
        **dict(counted),
    }
    return told | {"m": sorted(held.get("m", []))}


def _true(attack: TrueAttack, shown: Iterable[str]) -> dict[str, Any]:
    values = {column: next(iter(held)) if len(held := attack.values[column]) == 1 else False for column in shown}
    counted = {"ips": attack.ips, "c": attack.countries, "s": attack.statuses, "b": attack.blocks}
    told = {"f": attack.first_ms, "l": attack.last_ms, "n": attack.hits, "cl": attack.client, "v": values}
    return told | {name: dict(counter) for name, counter in counted.items()} | {"m": sorted(attack.members)}
