"""Takes a refused record, gives its dead-letter message with the task's names on it; never loses a byte unsaid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wellhead.api import Cursor
from wellhead.kafka.deadletters import DeadLetter, dead_letter
from wellhead.kafka.messages import Message
from wellhead.runtime.identity import TaskIdentity
from wellhead.runtime.prepare import Letter


@dataclass(frozen=True, slots=True)
class LetterBox:
    """Where a task's dead letters go.

    Attributes:
        topic: The dead-letter topic.
        record_topic: The topic the records were meant for.
        identity: Whose task this is.
        source_class: The task class that gave the record.
        redact: Takes secrets out of a reason.
    """

    topic: str
    record_topic: str
    identity: TaskIdentity
    source_class: str
    redact: Callable[[str], str]

    def message(self, letter: Letter, cursor: Cursor, max_bytes: int) -> Message:
        """Give the message that keeps `letter`; `cursor` is the one after its batch, `max_bytes` what the topic takes."""
        reason = letter.reason if letter.field is None else f"{letter.field}: {letter.reason}"
        kept = DeadLetter(
            raw=letter.raw,
            stage=letter.stage.value,
            reason=self.redact(reason),
            topic=self.record_topic,
            executing_class=self.source_class,
            cursor=cursor,
            context=letter.context,
            cut=letter.cut,
            transformed=letter.transformed,
            **self.identity.names,
        )
        return dead_letter(self.topic, kept, max_bytes=max_bytes)
