"""Takes a record of a topic that cannot be used and why, gives its dead letter, with its bytes as they stand there; writes nothing."""

from __future__ import annotations

from confluent_kafka import Message as Received

from wellhead.kafka.deadletters import DeadLetter, dead_letter
from wellhead.kafka.messages import Message


def letter_of(
    message: Received, reason: str, *, reader: type, stage: str, section: str, name: str, to: str, max_bytes: int
) -> Message:
    """Give the dead letter of a record.

    Args:
        message: The record.
        reason: Why it cannot be used.
        reader: What could not use it.
        stage: What was being done.
        section: The section of the file, such as `attacks`.
        name: The entry in it.
        to: The dead-letter topic.
        max_bytes: The most bytes a record of that may have.
    """
    letter = DeadLetter(
        raw=message.value() or b"",
        stage=stage,
        connector=name,
        task=message.partition() or 0,
        stream=section,
        tenant="",
        reason=f"{reason} (offset {message.offset()})",
        topic=message.topic() or "",
        executing_class=f"{reader.__module__.rpartition('.')[0]}.{reader.__name__}",
        key=message.key(),
        timestamp_ms=message.timestamp()[1],
        partition=message.partition() or 0,
        offset=message.offset() or 0,
    )
    return dead_letter(to, letter, max_bytes=max_bytes)
