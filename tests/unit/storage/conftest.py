"""Gives storage tests what Kafka would hand on, without Kafka."""

import pytest
from confluent_kafka import Message as Received

from wellhead.kafka.messages import Message


class Topic:
    """A topic of one partition: what is written to it comes out with offsets and times."""

    def __init__(self) -> None:
        self.messages: list[Received] = []

    def write(self, *messages: Message, partition: int = 0, at_ms: int | None = None) -> list[Received]:
        written = []
        for message in messages:
            offset = len(self.messages)
            written.append(
                Received(
                    topic=message.topic,
                    partition=partition,
                    offset=offset,
                    key=message.key,
                    value=message.value,
                    headers=list(message.headers),
                    timestamp=(1, 1000 + offset if at_ms is None else at_ms),
                )
            )
            self.messages += written[-1:]
        return written

    def compacted(self) -> list[Received]:
        """What compaction may leave: of each key the last record, tombstones included."""
        newest = {message.key(): message for message in self.messages}
        return sorted(newest.values(), key=lambda message: message.offset())


@pytest.fixture
def topic() -> Topic:
    return Topic()
