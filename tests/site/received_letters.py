"""A message as a consumer gives it, without a broker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wellhead.kafka.deadletters import DeadLetter, dead_letter
from wellhead.kafka.messages import Message

TOPIC = "wss.access_log.dlq"


@dataclass
class Received:
    message: Message
    at_partition: int
    at_offset: int
    at_ms: int = 1000

    def topic(self) -> str:
        return self.message.topic

    def partition(self) -> int:
        return self.at_partition

    def offset(self) -> int:
        return self.at_offset

    def key(self) -> bytes | None:
        return self.message.key

    def value(self) -> bytes | None:
        return self.message.value

    def timestamp(self) -> tuple[int, int]:
        return 1, self.at_ms

    def headers(self) -> list[tuple[str, bytes]] | None:
        return list(self.message.headers) or None


def letter(offset: int, partition: int = 0, at_ms: int = 1000, **more: Any) -> Received:
    """Give a dead letter at an offset."""
    fields = {"raw": b"raw", "stage": "poll", "connector": "wss-acme", "task": 0, "stream": "access_log", "tenant": "acme"}
    kept = DeadLetter(**{**fields, "reason": f"the line has {offset} values", "topic": "wss.access_log", **more})
    return Received(dead_letter(TOPIC, kept), partition, offset, at_ms)
