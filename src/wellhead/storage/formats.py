"""Takes JSON objects and the words of Connect's internal topics, gives their bytes and back, never judges what they mean.

Keys are plain text, values JSON objects without schemas, as Connect's JsonConverter writes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson
from confluent_kafka import Message as Received

from wellhead.kafka.messages import Message
from wellhead.telemetry.logs import get_logger


def encode(content: object) -> bytes:
    """Give the bytes of a JSON value; what is no text (half a surrogate pair) becomes a question mark, as in Java."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode(errors="replace")


def record(topic: str, key: str, content: Mapping[str, Any] | None, *, timestamp_ms: int | None = None) -> Message:
    """Give the message that sets `key`; None removes it."""
    value = None if content is None else encode(content)
    return Message(topic, value, key=key.encode(errors="replace"), timestamp_ms=timestamp_ms)


def key_of(message: Received) -> str:
    """Give the key as text; empty where there is none."""
    key = message.key()
    return key.decode(errors="replace") if isinstance(key, bytes) else ""


def content_of(message: Received) -> dict[str, Any] | None:
    """Give the JSON object; None for a tombstone.

    Raises:
        ValueError: The value is none.
    """
    value = message.value()
    if value is None:
        return None
    content = orjson.loads(value)
    if content is not None and not isinstance(content, dict):
        raise ValueError("not a JSON object")
    return content


def tell_unreadable(message: Received) -> None:
    """Say that a message of someone else's making is passed over."""
    place = f"{message.topic()}, partition {message.partition()}, offset {message.offset()}"
    get_logger("storage").warning(
        "unreadable_record",
        message=f"{place}: the record of key {key_of(message)!r} cannot be understood and is passed over. See who else writes to the topic",
    )


def at_ms(message: Received) -> int:
    """Give the message's time in epoch milliseconds, 0 where it has none."""
    return max(0, message.timestamp()[1])


def numbered(rest: str) -> tuple[str, int] | None:
    """Give name and number of `<name>-<number>`; None where it is none."""
    name, dash, number = rest.rpartition("-")
    return (name, int(number)) if dash and name and number.isdecimal() and number.isascii() else None
