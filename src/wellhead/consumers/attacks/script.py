"""Takes the hits of partitions, asks Redis in one atomic step each which attacks they belong to, gives that and what changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from redis import RedisCluster
from redis.exceptions import NoScriptError, RedisError

from wellhead.consumers.attacks.connect import Client
from wellhead.consumers.attacks.rules import RuleSet

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Limits:
    """The rules' times, in milliseconds.

    Attributes:
        gap: Between two hits of an attack.
        retain: After an attack's last hit, by Kafka's time, until none can join it.
        burst: `over`, `within` and `gap` of the burst rule, or None.
    """

    gap: int
    retain: int
    burst: Mapping[str, int] | None

    @classmethod
    def of(cls, rules: RuleSet, late_secs: int) -> Limits:
        """Take them from the rules."""
        one = rules.burst
        burst = None if one is None else {"over": one.over or 0, "within": one.within_secs * 1000, "gap": one.gap_secs * 1000}
        return cls(rules.base.gap_secs * 1000, rules.retain_ms(late_secs), burst)

    @property
    def ttl(self) -> int:
        """For how long Redis keeps a key that nobody touches: well beyond what is needed, so that expiry never decides anything."""
        return 2 * self.retain + HOUR_MS


@dataclass(frozen=True, slots=True)
class Step:
    """The hits of one partition between two of its offsets.

    Attributes:
        partition: Its number.
        start: Offset at which it stood.
        end: Offset at which it stands afterwards.
        hits: They, by column, as `group.lua` wants them.
        tick_ms: The time, so that attacks end where no hits come; 0 leaves that to the hits.
        generation: The state it is meant for.
        sure: Whether what the last step of this partition made is known to be committed.
    """

    partition: int
    start: int
    end: int
    hits: Mapping[str, Any]
    tick_ms: int = 0
    generation: str = ""
    sure: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a step has done.

    Attributes:
        attacks: The attack of each hit.
        watermark_ms: The newest of Kafka's times in this partition.
        changed: Every part of the state that changed, as JSON, by its name.
        opened: Ids; so are `merged` and `closed`.
        rebuild: Why nothing was done: the state must be read from its topic first. None when it was done.
    """

    attacks: Sequence[str] = ()
    watermark_ms: int = 0
    changed: Mapping[str, bytes] = field(default_factory=dict)
    opened: Sequence[str] = ()
    merged: Sequence[str] = ()
    closed: Sequence[str] = ()
    rebuild: str | None = None


class Script:
    """The grouping step on one Redis.

    Args:
        client: What `connect` gives.
        prefix: Begins every key; one for each grouping.
        rules: What hits are grouped by.
        limits: The rules' times.
    """

    def __init__(self, client: Client, prefix: str, rules: RuleSet, limits: Limits) -> None:
        self._client = client
        self._prefix = prefix
        self._limits = limits
        self._told = {"rule": rules.base.label, "shown": rules.shown}

    def tag(self, partition: int) -> str:
        """Give what every key of a partition begins with; the braces keep them in one slot of a cluster."""
        return f"{{{self._prefix}:{partition}}}"

    def open_attacks(self, partition: int) -> int:
        """Give how many attacks of a partition are open."""
        generation: Any = self._client.hget(f"{self.tag(partition)}pos", "gen")
        return 0 if generation is None else int(self._client.zcard(f"{self.tag(partition)}{generation.decode()}:x"))

    def run(self, steps: Sequence[Step]) -> list[Answer]:
        """Do the steps, each of another partition, in one round trip where the server is not a cluster.

        Raises:
            RedisError: It is away or refuses; a step was done whole or not at all.
        """
        try:
            raw = self._ask(steps)
        except NoScriptError:
            self._client.script_load(_text())
            raw = self._ask(steps)
        return [_answer(each) for each in raw]

    def _ask(self, steps: Sequence[Step]) -> list[Any]:
        calls = [(_sha(), 1, self.tag(step.partition) + "pos", self._words(step), orjson.dumps(step.hits)) for step in steps]
        if isinstance(self._client, RedisCluster):
            return [self._client.evalsha(*call) for call in calls]
        pipeline = self._client.pipeline(transaction=False)
        for call in calls:
            pipeline.evalsha(*call)
        found = pipeline.execute(raise_on_error=False)
        for each in found:
            if isinstance(each, RedisError):
                raise each
        return found

    def _words(self, step: Step) -> bytes:
        limits = self._limits
        words = {"from": step.start, "next": step.end, "gap": limits.gap, "retain": limits.retain, "ttl": limits.ttl}
        return orjson.dumps(
            words
            | self._told
            | {"tick": step.tick_ms, "sure": step.sure, "gen": step.generation}
            | ({"burst": limits.burst} if limits.burst else {})
        )


def _answer(raw: Any) -> Answer:
    if raw[0] == b"REBUILD":
        return Answer(rebuild=raw[1].decode())
    found, events = orjson.loads(raw[1]), orjson.loads(raw[4])
    distinct = found["d"]
    changed = {name.decode(): value for name, value in zip(raw[3][::2], raw[3][1::2], strict=True)}
    attacks = [distinct[index] for index in found["i"]]
    return Answer(attacks, int(raw[2]), changed, list(events["opened"]), list(events["merged"]), list(events["closed"]))


@cache
def _text() -> str:
    return (files("wellhead.consumers.attacks") / "group.lua").read_text(encoding="utf-8")


@cache
def _sha() -> str:
    return hashlib.sha1(_text().encode()).hexdigest()  # noqa: S324 - the name Redis knows a script by
