"""Takes the state topic, gives what one of its partitions holds, in order, and makes the topics grouping writes; never changes a state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import Message

from wellhead.config.attacks import AttacksSettings
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.attacks.restore import POSITION, Record, Standing
from wellhead.consumers.topics import ensure_beside
from wellhead.consumers.transaction import RECORD_BYTES
from wellhead.kafka.consumer import read_partition
from wellhead.kafka.topics import TopicSpec

DAY_MS = 86_400_000
_LAST_RECORDS = 1000


def read_state(config: Mapping[str, Any], topic: str, partition: int, take: Callable[[Sequence[Record]], None]) -> None:
    """Hand everything a partition of the state topic holds to `take`, in order.

    Raises:
        TemporaryError: The broker cannot be reached, or a transaction is open.
        PermanentError: It refuses us.
    """

    def hand_over(messages: list[Message]) -> None:
        take([Record.read(message.key() or b"", message.value()) for message in messages])

    read_partition(config, topic, partition, hand_over)


def read_standing(config: Mapping[str, Any], topic: str, partition: int) -> Standing | None:
    """Give where the state of a partition stands, None where there is none; it is the last record of each transaction.

    Raises:
        TemporaryError: The broker cannot be reached, or a transaction is open.
        PermanentError: It refuses us.
    """
    found: list[bytes] = []

    def look(messages: list[Message]) -> None:
        found.extend(message.value() or b"" for message in messages if message.key() == POSITION.encode())

    for last in (_LAST_RECORDS, None):
        read_partition(config, topic, partition, look, last=last)
        if found:
            return Standing.read(found[-1])
    return None


def ensure_topics(worker: WorkerSettings, settings: AttacksSettings, retain_ms: int) -> int:
    """Make the topics that are missing, with a partition for each of the hits', and give how many that is.

    Raises:
        TemporaryError: The topic of the hits does not exist yet, or the broker cannot be reached.
        PermanentError: The broker refuses us, or the state topic is not compacted.
    """
    found = ensure_beside(
        worker,
        [settings.topic],
        lambda count: _specs(settings, count, retain_ms),
        grow=[settings.state_topic, settings.document_topic, settings.event_topic],
        what=f"the topics of {settings.name}",
    )
    return found[settings.topic]


def _specs(settings: AttacksSettings, count: int, retain_ms: int) -> list[TopicSpec]:
    # Compacted, and what nobody touched for long is of no use: the state cleans itself.
    large = {"max.message.bytes": str(RECORD_BYTES)}
    kept = {"cleanup.policy": "compact,delete", "retention.ms": str(max(7 * DAY_MS, 4 * retain_ms))}
    return [
        TopicSpec(settings.state_topic, count, config=kept | large, holds=POSITION),
        TopicSpec(settings.document_topic, count, config={"retention.ms": str(7 * DAY_MS)} | large),
        TopicSpec(settings.event_topic, count),
        TopicSpec(settings.dead_letter_topic, 1, config=large),
    ]
