"""Takes a partition's state as its topic has it, gives Redis a new generation of it; the former one is no longer looked at and expires."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from redis import RedisCluster

from wellhead.consumers.attacks.connect import Client
from wellhead.errors import TemporaryError

POSITION = "position"
"""Name of the record that tells where a partition's state stands."""
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Record:
    """One part of a state: the epoch it is of, its name, and its JSON (None: gone)."""

    epoch: int
    name: str
    value: bytes | None

    @classmethod
    def read(cls, key: bytes, value: bytes | None) -> Record:
        """Read a record of the state topic."""
        epoch, _, name = key.decode().partition("/")
        return cls(int(epoch), name, value) if name else cls(0, epoch, value)


def key_of(epoch: int, name: str) -> bytes:
    """Give the key of a part of a state in its topic: a state that is begun anew shares none with the former."""
    return (name if name == POSITION else f"{epoch}/{name}").encode()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a partition's state stands.

    Attributes:
        next: Offset of the next hit.
        watermark_ms: The newest of Kafka's times before it.
        epoch: Grows whenever a state is begun anew, so that what it makes is newer than what was made before.
        rules: Digests of the rules the state was made by.
        group: The consumer group it is of; empty where nobody said so.
    """

    next: int
    watermark_ms: int
    epoch: int
    rules: dict[str, str]
    group: str = ""

    def record(self) -> bytes:
        """Give it as it stands in the topic."""
        return orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS)

    @classmethod
    def read(cls, value: bytes) -> Standing:
        """Read what `record` gave."""
        return cls(**orjson.loads(value))


class Restoring:
    """A new generation of one partition's state, made bit by bit and then looked at.

    Args:
        client: Redis.
        tag: What every key of the partition begins with.
        ttl_ms: For how long a key that nobody touches is kept.
        epoch: Records of this one are taken.
        since_ms: Leave out what no hit has touched since then, by Kafka's time.
    """

    def __init__(self, client: Client, tag: str, *, ttl_ms: int, epoch: int, since_ms: int) -> None:
        self._client = client
        self._tag = tag
        self._ttl_ms = ttl_ms
        self._epoch = epoch
        self._since_ms = since_ms
        self._server = self._which()
        self.generation = uuid.uuid4().hex[:12]
        self.records = 0

    def take(self, records: Iterable[Record]) -> None:
        """Take records, in the order of the topic; later ones of the same name win.

        Raises:
            RedisError: It is away; nobody looks at what was written so far.
        """
        pipeline = self._client.pipeline(transaction=False)
        for record in records:
            if record.epoch == self._epoch and record.name != POSITION:
                self._take(pipeline, record)
            if len(pipeline) >= _AT_ONCE:
                pipeline.execute()
        pipeline.execute()

    def look(self, standing: Standing) -> None:
        """Have this generation looked at from now on, standing there.

        Raises:
            TemporaryError: Another server answers than the one that took the records; it may not have them all.
            RedisError: It is away.
        """
        if self._which() != self._server:
            raise TemporaryError("Redis has failed over while a state was filled. It is filled again")
        place = f"{self._tag}pos"
        held = {"gen": self.generation, "next": standing.next, "before": -1, "wm": standing.watermark_ms}
        held |= {"epoch": standing.epoch, "rules": orjson.dumps(standing.rules).decode()}
        pipeline = self._client.pipeline(transaction=True)
        pipeline.delete(place)
        pipeline.hset(place, mapping={name: str(value) for name, value in held.items()})
        pipeline.pexpire(place, self._ttl_ms)
        pipeline.execute()

    def _which(self) -> Any:
        """Tell one server from another."""
        if isinstance(self._client, RedisCluster):
            node = self._client.get_node_from_key(f"{self._tag}pos")  # type: ignore[no-untyped-call]
            return self._client.info("server", target_nodes=node)["run_id"]
        return self._client.info("server")["run_id"]

    def _take(self, pipeline: Any, record: Record) -> None:
        begin = f"{self._tag}{self.generation}:"
        if record.name.startswith("i:"):
            attack, _, sender = record.name.partition("/")
            count = int(record.value or b"0")
            if count:
                pipeline.hset(begin + attack, sender, str(count))
                pipeline.pexpire(begin + attack, self._ttl_ms)
            else:
                pipeline.hdel(begin + attack, sender)
        elif record.value is None or _touched_ms(record) < self._since_ms:
            pipeline.delete(begin + record.name)
            return
        else:
            pipeline.set(begin + record.name, record.value, px=self._ttl_ms)
            self._list(pipeline, begin, record)
        self.records += 1

    def _list(self, pipeline: Any, begin: str, record: Record) -> None:
        """Keep the list of open attacks."""
        if not record.name.startswith("a:"):
            return
        held = orjson.loads(record.value or b"{}")
        if held["st"] == "open":
            pipeline.zadd(f"{begin}x", {record.name[2:]: held["u"]})
        else:
            pipeline.zrem(f"{begin}x", record.name[2:])
        pipeline.pexpire(f"{begin}x", self._ttl_ms)


def _touched_ms(record: Record) -> float:
    """Give Kafka's time of the last hit that touched it; an open attack counts until somebody was told that it is closed."""
    held = orjson.loads(record.value or b"{}")
    if record.name.startswith("k:"):
        return max(float(session[2]) for session in held)
    return float("inf") if held.get("st") == "open" else float(held.get("u", "inf"))
