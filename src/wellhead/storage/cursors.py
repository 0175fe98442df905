"""Takes the offsets topic's messages, gives where every connector's cursors stand, however their keys are spelled; never moves one."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Message as Received

from wellhead.kafka.cursors import is_run_open, topic_id_of
from wellhead.kafka.offsets import Scalar, offset_key, parse_key, parse_value
from wellhead.storage.formats import at_ms, tell_unreadable


@dataclass(frozen=True, slots=True)
class StoredCursor:
    """Where a cursor stands, and where that is written.

    Attributes:
        partition: Which stream of the connector.
        cursor: Its fields.
        at_ms: When it was written, epoch milliseconds.
        kafka_partition: In which partition of the offsets topic.
        kafka_offset: At which offset.
        topic_id: Kafka's id of the record topic it stands behind; None where it does not say.
        run_open: Whether it was written in the middle of a run.
    """

    partition: dict[str, Any]
    cursor: dict[str, Any]
    at_ms: int
    kafka_partition: int
    kafka_offset: int
    topic_id: str | None
    run_open: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What the topic holds of one stream.

    Attributes:
        stored: Its newest cursor; None where there is none, or it was reset.
        keys: Every spelling of its key that was met.
        problem: Where the newest message stands, if it cannot be read; else empty.
    """

    stored: StoredCursor | None
    keys: frozenset[bytes]
    problem: str = ""


class OffsetsTopic:
    """Folds the offsets topic; `fold` belongs to one thread, everything else may be called from any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._meanings: dict[bytes, tuple[str, bytes, dict[str, Any]] | None] = {}
        self._found: dict[str, dict[bytes, dict[int, _Written]]] = {}

    def of(self, connector: str) -> list[StoredCursor]:
        """Give the cursors of a connector, in the order of their keys; those that were reset are none."""
        with self._lock:
            newest = {key: _newest(written.values()) for key, written in self._found.get(connector, {}).items()}
        return [written.stored for _, written in sorted(newest.items()) if written.stored is not None]

    def find(self, connector: str, partition: Mapping[str, Scalar]) -> Found:
        """Give what there is of one stream, in whatever spelling of its key."""
        wanted = offset_key(connector, partition)
        with self._lock:
            written = self._found.get(connector, {}).get(wanted, {})
            newest = _newest(written.values()) if written else _Written(0, None)
            keys = frozenset(key for key, meaning in self._meanings.items() if meaning is not None and meaning[1] == wanted)
        return Found(newest.stored, keys, newest.problem)

    def connectors(self) -> list[str]:
        """Give the names of all connectors that have a cursor."""
        with self._lock:
            names = list(self._found)
        return sorted(name for name in names if self.of(name))

    def fold(self, messages: Sequence[Received]) -> None:
        """Take in messages, those of a partition in order.

        A key of other bytes may lie in another partition: the newest is told by time across partitions, by order within one.
        """
        with self._lock:
            for message in messages:
                meaning = self._meaning(message.key())
                if meaning is None:
                    continue  # something else's key: not ours to judge
                connector, key, partition = meaning
                try:
                    written = _written(message, partition)
                except ValueError:
                    tell_unreadable(message)
                    place = f"partition {message.partition()}, offset {message.offset()}"
                    former = self._found.get(connector, {}).get(key, {}).get(message.partition() or 0)
                    written = _Written(at_ms(message), former.stored if former is not None else None, place)
                self._found.setdefault(connector, {}).setdefault(key, {})[message.partition() or 0] = written

    def _meaning(self, key: object) -> tuple[str, bytes, dict[str, Any]] | None:
        """Give what a key means: connector, one spelling for all, and the stream; parsed once."""
        if not isinstance(key, bytes):
            return None
        if key not in self._meanings:
            try:
                connector, partition = parse_key(key)
                self._meanings[key] = (connector, offset_key(connector, partition), partition)
            except ValueError:
                self._meanings[key] = None
        return self._meanings[key]


@dataclass(frozen=True, slots=True)
class _Written:
    at_ms: int
    stored: StoredCursor | None
    problem: str = ""


def _written(message: Received, partition: dict[str, Scalar]) -> _Written:
    cursor = parse_value(message.value())
    if cursor is None:
        return _Written(at_ms(message), None)
    number, offset = message.partition() or 0, message.offset() or 0
    stored = StoredCursor(partition, cursor, at_ms(message), number, offset, topic_id_of(message), is_run_open(message))
    return _Written(at_ms(message), stored)


def _newest(written: Iterable[_Written]) -> _Written:
    # A commit's nulls for other spellings and its cursor may carry the same millisecond: the cursor counts.
    return max(written, key=lambda each: (each.at_ms, each.stored is not None))
