"""Takes letters of records read again after a cursor expired, gives those the dead-letter topic does not hold yet, one for one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import Message

from wellhead.kafka.consumer import read_to_end
from wellhead.recovery.letter import Selection, StoredLetter
from wellhead.recovery.settled import mark_in
from wellhead.runtime.identity import TaskIdentity
from wellhead.runtime.prepare import Letter


class SeenLetters:
    """The letters of one stream that stand in its dead-letter topic, open or settled, told by stage and bytes.

    Each stands for one: of two equal lines of which one was kept, the second one is kept, too.
    """

    def __init__(self) -> None:
        self._held: Counter[int] = Counter()

    def add(self, stage: str, raw: bytes) -> None:
        """Remember one."""
        self._held[hash((stage, raw))] += 1

    def unseen(self, letters: Sequence[Letter]) -> list[Letter]:
        """Give the letters that are new; each of the others is forgotten here."""
        return [letter for letter in letters if not self._take(letter)]

    def _take(self, letter: Letter) -> bool:
        key = hash((letter.stage.value, letter.raw))
        if not self._held[key]:
            return False
        self._held[key] -= 1
        return True


def load_seen_letters(consumer_config: Mapping[str, Any], topic: str, from_ms: int, whose: TaskIdentity) -> SeenLetters:
    """Read back the letters that a stream was given since epoch ms `from_ms`; blocking. What was cut cannot be told and is left out.

    Raises:
        TemporaryError: The broker cannot be reached.
    """
    seen = SeenLetters()
    ours = Selection(connector=whose.connector, stream=whose.stream.name, tenant=whose.tenant)

    def keep(messages: list[Message]) -> None:
        for message in messages:
            if mark_in(message) is None:
                letter = StoredLetter.of(message)
                if ours.takes(letter) and not letter.cut:
                    seen.add(letter.stage, letter.raw)

    read_to_end(consumer_config, topic, keep, from_ms=from_ms)
    return seen
