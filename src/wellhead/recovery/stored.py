"""Takes an offsets topic, ours or a Kafka Connect's, gives every cursor in it with the bytes of its key; never writes one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Message

from wellhead.kafka.consumer import read_to_end
from wellhead.kafka.cursors import unreadable_cursor
from wellhead.kafka.offsets import offset_key, parse_key, parse_value
from wellhead.recovery.way import CursorFields


@dataclass(frozen=True, slots=True)
class Stored:
    """A cursor as it stands in an offsets topic.

    Attributes:
        connector: Whose.
        partition: What names the stream, in the order it is spelled there.
        cursor: Its fields, None where it was reset.
        key: The bytes it stands under.
        at_ms: When it was written, epoch ms.
        kafka_partition: Where in the topic.
        kafka_offset: Likewise.
    """

    connector: str
    partition: dict[str, Any]
    cursor: CursorFields
    key: bytes
    at_ms: int
    kafka_partition: int
    kafka_offset: int

    @property
    def identity(self) -> bytes:
        """The key as Wellhead spells it: the same for every spelling of it."""
        return offset_key(self.connector, self.partition)


class StoredCursors:
    """Folds the messages of an offsets topic; what is no cursor is passed over."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._newest: dict[tuple[bytes, int], Message] = {}

    def add(self, messages: Iterable[Message]) -> None:
        """Take messages, those of a partition in order."""
        for message in messages:
            key, number = message.key(), message.partition()
            assert number is not None
            if key is not None:
                self._newest[key, number] = message

    def all(self, connector: str | None = None) -> list[Stored]:
        """Give the newest cursor of each stream, reset ones among them, sorted by connector and stream.

        Raises:
            PermanentError: One of them is no JSON object.
        """
        found: dict[bytes, tuple[Any, Stored]] = {}
        for (key, _), message in self._newest.items():
            stored = self._read(key, message, connector)
            if stored is None:
                continue
            # As when a task loads its cursor: by time across partitions, a value before a null of the same millisecond.
            rank = (stored.at_ms, stored.cursor is not None, stored.kafka_offset)
            if stored.identity not in found or found[stored.identity][0] < rank:
                found[stored.identity] = (rank, stored)
        return [stored for _, (_, stored) in sorted(found.items())]

    def _read(self, key: bytes, message: Message, connector: str | None) -> Stored | None:
        try:
            name, partition = parse_key(key)
        except ValueError:
            return None  # something else's key
        if connector is not None and name != connector:
            return None
        number, offset = message.partition(), message.offset()
        assert number is not None
        assert offset is not None
        try:
            cursor = parse_value(message.value())
        except ValueError as error:
            raise unreadable_cursor(self._topic, key, f"partition {number}, offset {offset}") from error
        return Stored(name, partition, cursor, key, message.timestamp()[1], number, offset)


def read_stored(consumer_config: Mapping[str, Any], topic: str, connector: str | None = None) -> list[Stored]:
    """Read the newest cursors of `topic`, all or one connector's; blocking. A topic that does not exist holds none.

    Args:
        consumer_config: What `settings.consumer_config` gives.
        topic: The offsets topic.
        connector: The only connector to look at.

    Raises:
        TemporaryError: The broker cannot be reached, or a transaction stays open in the topic.
        PermanentError: A cursor is no JSON object, or the rights are refused.
    """
    cursors = StoredCursors(topic)
    read_to_end(consumer_config, topic, cursors.add)
    return cursors.all(connector)
