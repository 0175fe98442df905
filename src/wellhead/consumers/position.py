"""Takes what a consumer has read, gives the place after it as a value to store beside what came of it; never talks to Kafka."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from confluent_kafka import Message


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a topic reading goes on.

    Attributes:
        topic_id: Kafka's id of the topic; one deleted and made again under the same name has another.
        offsets: Per partition the next offset to read.
        whole_ms: Epoch milliseconds at which reading last stood at the topic's end, or began from its start. Tombstones published later
            than this are still to be read, so they must still be there.
        complete: Reading has been at the topic's end since it began from its start. Until then what was made of it is a part, from which no
            conclusions about missing keys can be drawn.
    """

    topic_id: str
    offsets: Mapping[int, int]
    whole_ms: int
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """How reading begins.

    Attributes:
        position: Where it begins.
        lost: Why what was made of the topic so far must be thrown away, in a sentence for a person; None where reading just goes on (or
            nothing was read before).
    """

    position: Position
    lost: str | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """What one round of reading gave.

    Attributes:
        messages: Committed messages, tombstones among them; those of a partition come in order. Empty where only the position moved.
        position: Stands after them: store it in one transaction with what they became.
        at_end: Everything that was in the topic when reading began (or, following, a moment ago) has been handed out.
    """

    messages: list[Message]
    position: Position
    at_end: bool
