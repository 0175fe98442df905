"""Takes documents that a store refuses and why, writes them to the dead-letter topic with Connect's headers; never lets one go unsaid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from confluent_kafka import Message as Source

from wellhead.consumers.attacks.store.documents import Document, headers_of
from wellhead.kafka.deadletters import DeadLetter, dead_letter
from wellhead.kafka.limits import RecordLimits
from wellhead.kafka.messages import Message
from wellhead.kafka.topics import TopicSpec, ensure
from wellhead.kafka.write import write_now

STORE: Final = "wellhead.store"
_STAGE: Final = "store"
_CLASS: Final = "wellhead.consumers.attacks.store.writer.StoreWriter"
_RETENTION_MS: Final = 30 * 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose dead letters they are.

    Attributes:
        attacks: Name of the entry in the `attacks` section.
        store: Name of the store.
        topic: The documents topic.
        dead_letter_topic: Where they go.
    """

    attacks: str
    store: str
    topic: str
    dead_letter_topic: str


class Letters:
    """The dead-letter topic of one writer; made when it is first needed.

    A letter that was written when the process died may be written again: its offset is not committed before.

    Args:
        sender: Whose they are.
        producer: What `settings.writer_config` gives.
        admin: What `settings.admin_config` gives.
    """

    def __init__(self, sender: Sender, producer: Mapping[str, Any], admin: Mapping[str, Any]) -> None:
        self._sender = sender
        self._producer = producer
        self._admin = admin
        self._is_there = False

    def bury(self, refused: Sequence[tuple[Document, str, str]]) -> None:
        """Write documents, each with the kind of its error and the reason.

        Raises:
            TemporaryError: Kafka is away; some may be written.
            PermanentError: It refuses.
        """
        if not refused:
            return
        if not self._is_there:
            config = {"cleanup.policy": "delete", "retention.ms": str(_RETENTION_MS)}
            ensure(self._admin, [TopicSpec(self._sender.dead_letter_topic, config=config)])
            self._is_there = True
        write_now(self._producer, [self.message(*each) for each in refused])

    def message(self, document: Document, kind: str, reason: str) -> Message:
        """Give the message that keeps `document`: the headers it came with, and those that say what became of it."""
        sender, source = self._sender, document.message
        key, value = source.key(), source.value()
        letter = DeadLetter(
            raw=value if isinstance(value, bytes) else b"",
            stage=_STAGE,
            connector=sender.attacks,
            task=0,
            stream=document.kind or "unknown",
            tenant="default",
            reason=reason,
            topic=sender.topic,
            partition=document.partition,
            offset=document.offset,
            executing_class=_CLASS,
            exception_class=kind,
            key=key if isinstance(key, bytes) else None,
            timestamp_ms=source.timestamp()[1],
        )
        made = dead_letter(sender.dead_letter_topic, letter, max_bytes=self._room(source))
        kept = [(name, content) for name, content in headers_of(source) if isinstance(content, bytes)]
        return replace(made, headers=(*kept, *made.headers, (STORE, sender.store.encode())))

    def _room(self, source: Source) -> int:
        own = (*headers_of(source), (STORE, self._sender.store.encode()))
        around = Message(
            "", None, headers=tuple((name, content) for name, content in own if isinstance(content, bytes))
        ).size_bytes()
        return RecordLimits().limit_bytes(self._sender.dead_letter_topic, self._producer) - around
