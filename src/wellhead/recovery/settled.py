"""Takes a letter that has been dealt with, gives the marker that says so and back; never marks what is still open.

A marker is a message of the dead-letter topic itself, without a body. It is committed in the transaction that publishes the letter's
records, so that both are there or neither is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from confluent_kafka import Message as Received

from wellhead.kafka.deadletters import CONNECT_PREFIX
from wellhead.kafka.messages import Message
from wellhead.recovery.letter import Place, headers_of

REDRIVEN = "wellhead.redriven"
"""Header of a record that was redriven: the id of its letter."""
REDRIVEN_MS = "wellhead.redriven.ms"
"""When its letter was written, epoch ms: since then it has been the vendor's news."""
_OF = "wellhead.redrive.of"
_OUTCOME = "wellhead.redrive.outcome"
_BY = "wellhead.redrive.by"


class Outcome(StrEnum):
    """What became of a letter in a redrive."""

    REDRIVEN = "redriven"
    THERE = "already there"
    SUPERSEDED = "superseded"
    FILTERED = "filtered"
    FAILED = "failed again"
    REFUSED = "refused"

    @property
    def settles(self) -> bool:
        """Whether the letter is done with."""
        return self not in (Outcome.FAILED, Outcome.REFUSED)

    @property
    def meaning(self) -> str:
        """What it says, for a person."""
        return _MEANINGS[self]


_MEANINGS = {
    Outcome.REDRIVEN: "published as records",
    Outcome.THERE: "the topic holds the record already",
    Outcome.SUPERSEDED: "the topic holds newer news of its key, or its end",
    Outcome.FILTERED: "left out by a transform, or by the source",
    Outcome.FAILED: "still not publishable; stays open",
    Outcome.REFUSED: "cannot be redriven; stays open",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """That a letter is settled: which one, how, when (epoch ms) and by whom."""

    place: Place
    outcome: str
    at_ms: int
    by: str


def marker(place: Place, outcome: Outcome, *, connector: str, by: str) -> Message:
    """Give the message that settles the letter at `place`."""
    assert outcome.settles
    of = f"{place.partition}/{place.offset}"
    headers = (
        (_OF, of.encode()),
        (_OUTCOME, outcome.value.encode()),
        (_BY, by.encode()),
        (f"{CONNECT_PREFIX}connector.name", connector.encode()),
    )
    return Message(place.topic, None, key=f"redrive/{of}".encode(), headers=headers)


def mark_in(message: Received) -> Mark | None:
    """Give the mark that a message of a dead-letter topic is, None where it is none."""
    if not message.headers():
        return None
    held = dict(headers_of(message))
    partition, _, offset = (held.get(_OF) or b"").decode(errors="replace").partition("/")
    topic = message.topic()
    if topic is None or not (partition.isdecimal() and offset.isdecimal()):
        return None
    outcome, by = ((held.get(name) or b"").decode(errors="replace") for name in (_OUTCOME, _BY))
    return Mark(Place(topic, int(partition), int(offset)), outcome, message.timestamp()[1], by)
