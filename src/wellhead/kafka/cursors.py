"""Takes one stream's place in the offsets topic, gives its cursor and the message that moves it, never writes by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confluent_kafka import Message as Received
from pydantic import BaseModel

from wellhead.errors import PermanentError
from wellhead.kafka.consumer import STALLED_SECS, read_to_end
from wellhead.kafka.messages import Message
from wellhead.kafka.offsets import Scalar, offset_key, offset_value, parse_key, parse_value

_TOPIC_ID = "wellhead.topic.id"
_RUN_OPEN = "wellhead.run.open"


class CursorStore:
    """The cursor of one stream of one connector, in Kafka Connect's offsets format.

    `load` only after the task's producer is open: opening fences the former owner and settles its last commit (I4).

    Beside Connect's bytes a message may carry, as headers, the id of the record topic its cursor stands behind, and that the run it
    belongs to goes on behind it.

    Args:
        consumer_config: What `settings.consumer_config` gives.
        topic: The offsets topic.
        connector: The connector's name.
        partition: What names the stream, such as `{"stream": "ip", "tenant": "acme"}`.
    """

    def __init__(self, consumer_config: Mapping[str, Any], topic: str, connector: str, partition: Mapping[str, Scalar]) -> None:
        self._config = consumer_config
        self._topic = topic
        self._connector = connector
        self._partition = dict(partition)
        self._key = offset_key(connector, partition)
        self._foreign: set[bytes] = set()
        self.topic_id: str | None = None
        """Kafka's id of the record topic that the cursor last loaded stands behind, None where it does not say."""
        self.run_open = False
        """Whether the cursor last loaded was written in the middle of a run."""

    def load(self, *, stalled_secs: float = STALLED_SECS) -> dict[str, Any] | None:
        """Give the newest committed cursor; None where there is none or it was reset.

        A key of other bytes (Connect keeps the order a person typed) means the same stream. As it may lie in another partition of the
        topic, the newest is told by time across partitions, by order within one.

        Args:
            stalled_secs: How long to wait for the end of a transaction that is open in the topic.

        Raises:
            TemporaryError: The broker cannot be reached, or a transaction stays open for so long.
            PermanentError: The newest cursor is no JSON object.
        """
        search = _Search(self._connector, self._partition)
        read_to_end(self._config, self._topic, search.look_through, missing_ok=False, stalled_secs=stalled_secs)
        self._foreign = search.keys - {self._key}
        newest = search.newest()
        self.topic_id = None if newest is None else topic_id_of(newest)
        self.run_open = newest is not None and is_run_open(newest)
        if newest is None:
            return None
        try:
            return parse_value(newest.value())
        except ValueError as error:
            raise self.unreadable(f"partition {newest.partition()}, offset {newest.offset()}") from error

    def unreadable(self, place: str) -> PermanentError:
        """Give the error that says that the newest cursor, which stands at `place`, cannot be read."""
        return unreadable_cursor(self._topic, self._key, place)

    def message(
        self, cursor: BaseModel | Mapping[str, Any] | None, topic_id: str | None = None, *, run_open: bool = False
    ) -> Message:
        """Give the message that moves the cursor, to be sent in the transaction of the records before it (I1); None resets it."""
        headers = [] if topic_id is None else [(_TOPIC_ID, topic_id.encode())]
        headers += [(_RUN_OPEN, b"true")] if run_open else []
        return Message(self._topic, offset_value(cursor), key=self._key, headers=tuple(headers))

    def messages(
        self, cursor: BaseModel | Mapping[str, Any] | None, topic_id: str | None = None, *, run_open: bool = False
    ) -> list[Message]:
        """Give `message` and a null for every other spelling of the key that `load` met, so that none comes back after compaction."""
        return [
            *(Message(self._topic, None, key=key) for key in sorted(self._foreign)),
            self.message(cursor, topic_id, run_open=run_open),
        ]


def unreadable_cursor(topic: str, key: bytes, place: str) -> PermanentError:
    """Give the error that says that the newest cursor under `key`, which stands at `place` of `topic`, cannot be read."""
    return PermanentError(
        f"{topic}: the cursor of {key.decode(errors='replace')} at {place} is not a JSON object. Write a sound one under that key, "
        "or a null to start anew"
    )


def is_run_open(message: Received) -> bool:
    """Tell whether a cursor was written in the middle of a run."""
    return _RUN_OPEN in dict(message.headers() or ())


def topic_id_of(message: Received) -> str | None:
    """Give Kafka's id of the record topic that a stored cursor stands behind, None where it does not say."""
    held = dict(message.headers() or ()).get(_TOPIC_ID)
    return held.decode(errors="replace") if isinstance(held, bytes) else None


class _Search:
    """Finds the newest message of one stream among those of all."""

    def __init__(self, connector: str, partition: Mapping[str, Scalar]) -> None:
        self._connector = connector
        self._partition = partition
        self._means_us: dict[bytes | None, bool] = {None: False}
        self._found: dict[int, Received] = {}
        self.keys: set[bytes] = set()

    def look_through(self, messages: list[Received]) -> None:
        for message in messages:
            key = message.key()
            if key not in self._means_us:
                self._means_us[key] = self._is_ours(key)
            if key is not None and self._means_us[key]:
                number = message.partition()
                assert number is not None
                self._found[number] = message
                self.keys.add(key)

    def newest(self) -> Received | None:
        # A commit's nulls for other spellings and its cursor may carry the same millisecond: the cursor counts.
        return max(
            self._found.values(), key=lambda message: (message.timestamp()[1], message.value() is not None), default=None
        )

    def _is_ours(self, key: bytes | None) -> bool:
        try:
            return parse_key(key or b"") == (self._connector, self._partition)
        except ValueError:
            return False  # something else's key: not ours to judge
