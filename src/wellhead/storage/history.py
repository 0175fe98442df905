"""Takes the moves of cursors, gives their records for the history topic and back, and where a cursor stood; never a cursor by itself.

A move is written in the transaction of the cursor it tells of, so history and cursor cannot disagree, unless someone wrote a cursor past us.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from confluent_kafka import Message as Received

from wellhead.errors import PermanentError
from wellhead.kafka.consumer import read_to_end
from wellhead.kafka.messages import Message
from wellhead.kafka.offsets import Scalar, offset_key, parse_key
from wellhead.storage.formats import content_of, encode, tell_unreadable

Why = Literal["commit", "reset", "alter", "undo", "import", "backfill", "replay"]
Cursor = Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Move:
    """One move of a cursor.

    Attributes:
        connector: Whose.
        partition: Which of its streams.
        before: Where it stood; None is the beginning.
        after: Where it stands since; None is the beginning.
        at_ms: When, epoch milliseconds.
        by: The worker or person that moved it.
        why: What for: commit, reset, alter, undo, import, backfill or replay.
        run_id: The run whose records it stands behind.
        records: How many records its transaction holds.
        rejects: How many dead letters.
        plan_id: The plan that moved it.
        history_id: Names this move: partition and offset of its record.
    """

    connector: str
    partition: Mapping[str, Scalar]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    at_ms: int
    by: str
    why: str
    run_id: str | None = None
    records: int | None = None
    rejects: int | None = None
    plan_id: str | None = None
    history_id: str = ""


def history_message(
    topic: str,
    *,
    connector: str,
    partition: Mapping[str, Scalar],
    before: Cursor,
    after: Cursor,
    at_ms: int,
    by: str,
    why: str,
    run_id: str | None = None,
    records: int | None = None,
    rejects: int | None = None,
    plan_id: str | None = None,
) -> Message:
    """Give the record of a move, to be sent in the transaction that moves the cursor; see `Move`."""
    told = {
        "connector": connector,
        "partition": dict(sorted(partition.items())),
        "from": before,
        "to": after,
        "at_ms": at_ms,
        "by": by,
        "why": why,
        "run_id": run_id,
        "records": records,
        "rejects": rejects,
        "plan_id": plan_id,
    }
    return Message(topic, encode(told), key=offset_key(connector, partition), timestamp_ms=at_ms)


def read_history(
    consumer_config: Mapping[str, Any],
    topic: str,
    *,
    connector: str,
    partition: Mapping[str, Scalar] | None = None,
    since_ms: int | None = None,
    until_ms: int | None = None,
) -> list[Move]:
    """Give the moves of a connector's cursors, oldest first, those of one cursor in the order they were made; blocking.

    Args:
        consumer_config: What `settings.consumer_config` gives.
        topic: The history topic; one that does not exist holds nothing.
        connector: Whose cursors.
        partition: Only the cursor of this stream.
        since_ms: Only moves at this epoch time or later.
        until_ms: Only moves at this epoch time or earlier.

    Raises:
        TemporaryError: The broker cannot be reached.
        PermanentError: It refuses the rights.
    """
    wanted = _Wanted(connector, None if partition is None else dict(partition), since_ms, until_ms)
    found: list[tuple[int, int, int, Move]] = []
    latest: dict[int, int] = {}

    def take(messages: list[Received]) -> None:
        for message in messages:
            move = wanted.move_of(message)
            if move is not None:
                number = message.partition() or 0
                # A clock may run backwards; the order within a Kafka partition is the truth.
                latest[number] = max(latest.get(number, 0), move.at_ms)
                found.append((latest[number], number, message.offset() or 0, move))

    read_to_end(consumer_config, topic, take, from_ms=since_ms)
    return [move for *_, move in sorted(found, key=lambda each: each[:3])]


def cursors_after(moves: Iterable[Move]) -> dict[bytes, dict[str, Any] | None]:
    """Give where the moves, oldest first, leave each cursor, by its offsets key."""
    return {offset_key(move.connector, move.partition): move.after for move in moves}


def cursor_at(moves: Sequence[Move], at_ms: int) -> dict[str, Any] | None:
    """Give where a cursor stood at an epoch time, from all its moves that are known, oldest first; None is the beginning.

    Raises:
        PermanentError: No move is known, so it cannot be told.
    """
    if not moves:
        raise PermanentError(
            "the history holds no move of this cursor, so where it stood cannot be told. Moves are kept for offset.history.retention.ms; "
            "name a cursor instead"
        )
    before = [move for move in moves if move.at_ms <= at_ms]
    return before[-1].after if before else moves[0].before


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Picks the moves that are asked for, before it parses more than it must."""

    connector: str
    partition: dict[str, Scalar] | None
    since_ms: int | None
    until_ms: int | None

    def move_of(self, message: Received) -> Move | None:
        key = message.key()
        if not isinstance(key, bytes) or not self._means_us(key):
            return None
        try:
            move = _parse(message)
        except (KeyError, TypeError, ValueError):
            tell_unreadable(message)
            return None
        late_enough = self.since_ms is None or move.at_ms >= self.since_ms
        early_enough = self.until_ms is None or move.at_ms <= self.until_ms
        return move if late_enough and early_enough else None

    def _means_us(self, key: bytes) -> bool:
        try:
            connector, partition = parse_key(key)
        except ValueError:
            return False
        return connector == self.connector and self.partition in (None, partition)


def _parse(message: Received) -> Move:
    told = content_of(message)
    if told is None:
        raise ValueError("a move is never removed")
    connector, partition = parse_key(message.key() or b"")
    return Move(
        connector,
        partition,
        _cursor(told["from"]),
        _cursor(told["to"]),
        int(told["at_ms"]),
        str(told["by"]),
        str(told["why"]),
        told.get("run_id"),
        _count(told["records"]),
        _count(told["rejects"]),
        told.get("plan_id"),
        f"{message.partition()}-{message.offset()}",
    )


def _count(told: Any) -> int | None:
    return None if told is None else int(told)


def _cursor(told: object) -> dict[str, Any] | None:
    if told is not None and not isinstance(told, dict):
        raise ValueError("a cursor is an object or null")
    return told
