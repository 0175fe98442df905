"""Takes what is known of a partition, gives the records of the state topic, and the other way round; never decides what is known."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal, NamedTuple

import orjson
from confluent_kafka import Message

from wellhead.config.floods import FloodsSettings
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.floods.findings import Finding
from wellhead.consumers.floods.watching import PartitionWatch, Watched
from wellhead.consumers.topics import ensure_beside
from wellhead.consumers.transaction import RECORD_BYTES
from wellhead.kafka.consumer import read_partition
from wellhead.kafka.settings import consumer_config
from wellhead.kafka.topics import TopicSpec

DAY_MS = 86_400_000
PART_BYTES = 900_000
"""A record of the state is no larger, so that any broker takes it, also into a topic that was made by hand."""
_FAST = 1  # a state of megabytes is written every few seconds
_COMPACTED = {
    "cleanup.policy": "compact",
    "max.message.bytes": str(RECORD_BYTES),
    # Large records that are replaced all the time: cleaned early, and in small pieces.
    "segment.bytes": str(64 << 20),
    "min.cleanable.dirty.ratio": "0.2",
    "max.compaction.lag.ms": str(DAY_MS // 24),
}


_KINDS = ("position", "gateway", "detector")


class Key(NamedTuple):
    """What a record of the state topic tells of.

    Attributes:
        what: `position` of a partition; of a gateway in it what all may know (`gateway`), or the `detector`'s own.
        topic: The watched topic.
        partition: Its partition.
        gateway: The gateway; empty for a position.
        part: Which part of it, where it is too large for one record.
    """

    what: Literal["position", "gateway", "detector"]
    topic: str
    partition: int
    gateway: str = ""
    part: int = 0

    @classmethod
    def read(cls, key: bytes | None) -> Key | None:
        """Read a record's key; None where it is none of ours, and so tells nothing."""
        try:
            made = cls(*orjson.loads(key or b"null"))
        except (ValueError, TypeError):
            return None
        return made if made.what in _KINDS and isinstance(made.part, int) else None

    def text(self) -> bytes:
        """Give it as a record's key."""
        return orjson.dumps(list(self if self.part else self[:-1]))


@dataclass(frozen=True, slots=True)
class Position:
    """Where a partition's state stands.

    Attributes:
        next: Offset of the next record of the watched topic.
        watermark_ms: The newest of Kafka's times before it.
        group: The consumer group it is of.
    """

    next: int
    watermark_ms: int
    group: str


def records_of(watch: PartitionWatch, topic: str, partition: int, group: str) -> Iterator[tuple[bytes, bytes | None]]:
    """Give what is to be written of a partition: the gateways that changed, and at last where it stands."""
    for name, watched in watch.gateways.items():
        if watched.changed:
            told = {
                "last_ms": watched.last_ms,
                "totals": dict(watched.detector.totals[watch.source]),
                "findings": [asdict(each) for each in watched.findings.values()],
            }
            yield Key("gateway", topic, partition, name).text(), orjson.dumps(told)
            held = orjson.dumps(watched.detector.snapshot(), option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)
            yield from _parts(gzip.compress(held, _FAST, mtime=0), watched, Key("detector", topic, partition, name))
    for name, parts in watch.gone.items():
        yield Key("gateway", topic, partition, name).text(), None
        yield from ((Key("detector", topic, partition, name, part).text(), None) for part in range(max(1, parts)))
    yield Key("position", topic, partition).text(), orjson.dumps(asdict(Position(watch.next, watch.watermark_ms, group)))


def _parts(held: bytes, watched: Watched, key: Key) -> Iterator[tuple[bytes, bytes | None]]:
    """Give the parts of what a detector knows, and take out those it no longer fills."""
    count = -(-len(held) // PART_BYTES)
    for part in range(max(count, watched.parts)):
        yield key._replace(part=part).text(), held[part * PART_BYTES : (part + 1) * PART_BYTES] or None
    watched.parts = count


@dataclass(slots=True)
class Kept:
    """What the state topic holds of one partition of a watched topic.

    Attributes:
        position: Where it stands; None where nothing is known of that.
        gateways: Of each gateway what all may know, as it was written.
        detectors: Of each gateway what its detector knows, in parts, as they were written.
    """

    position: Position | None
    gateways: Mapping[str, bytes]
    detectors: Mapping[str, Sequence[bytes]]

    def fill(self, watch: PartitionWatch, now_secs: float) -> None:
        """Have `watch` know it; after a ValueError, which tells that it cannot be read, `watch` is of no use."""
        assert self.position is not None
        watch.watermark_ms = self.position.watermark_ms
        for name, told in self.gateways.items():
            parts = self.detectors.get(name, ())
            try:
                watch.restore(name, orjson.loads(told), orjson.loads(gzip.decompress(b"".join(parts))), now_secs)
            except Exception as error:  # what a damaged state runs into cannot be listed
                raise ValueError(f"gateway {name!r}: {type(error).__name__}: {error}") from error
            watch.gateways[name].parts = len(parts)

    def ended(self) -> list[Finding]:
        """Give the findings that are open as far as can be read, closed because nothing is known of them any more."""
        found = [each for told in self.gateways.values() for each in _findings(told) if each.kind != "closed"]
        return [replace(each, kind="closed", reason="silent", version=each.version + 1) for each in found]


def _findings(told: bytes) -> list[Finding]:
    try:
        return [Finding.read(each) for each in orjson.loads(told)["findings"]]
    except (ValueError, TypeError, LookupError):
        return []


def _position(told: bytes | None) -> Position | None:
    """Read where a partition's state stands; what cannot be read is as good as none."""
    try:
        return None if told is None else Position(**orjson.loads(told))
    except (ValueError, TypeError):
        return None


def read_kept(worker: WorkerSettings, settings: FloodsSettings, topic: str, partition: int) -> Kept:
    """Give what is kept of one partition of a watched topic.

    Raises:
        TemporaryError: The broker cannot be reached, or a transaction is open.
        PermanentError: It refuses us.
    """
    newest: dict[Key, bytes] = {}

    def look(messages: list[Message]) -> None:
        for message in messages:
            key, value = Key.read(message.key()), message.value()
            if key is None:
                continue
            if key.topic == topic and value is not None:
                newest[key] = value
            else:
                newest.pop(key, None)

    config = consumer_config(worker, client_id=f"{worker.group_id}-state")
    read_partition(config, settings.state_topic, partition, look)
    place = newest.get(Key("position", topic, partition))
    detectors: dict[str, list[bytes]] = {}
    for key in sorted(each for each in newest if each.what == "detector"):
        detectors.setdefault(key.gateway, []).append(newest[key])
    return Kept(
        _position(place),
        {key.gateway: value for key, value in newest.items() if key.what == "gateway"},
        detectors,
    )


def ensure_topics(worker: WorkerSettings, settings: FloodsSettings, topic: str) -> None:
    """Make the topics that are missing, with a partition for each of the watched topic's.

    Raises:
        TemporaryError: The watched topic does not exist yet, or the broker cannot be reached.
        PermanentError: The broker refuses us, or the state topic is not compacted.
    """
    ensure_beside(
        worker,
        [topic],
        lambda count: [
            TopicSpec(settings.state_topic, count, config=_COMPACTED, strict_cleanup=True, holds="what is known of gateways"),
            TopicSpec(settings.finding_topic, count),
            TopicSpec(settings.dead_letter_topic, 1, config={"max.message.bytes": str(RECORD_BYTES)}),
        ],
        grow=[settings.state_topic],
        what=f"the topics of {settings.name}",
    )
