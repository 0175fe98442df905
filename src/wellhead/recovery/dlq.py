"""Takes dead-letter topics and a selection, gives the letters that are open, counted or one by one; never writes, never holds all their bytes."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Any

from confluent_kafka import Message

from wellhead.kafka.consumer import read_places, read_to_end
from wellhead.recovery.letter import Place, Selection, StoredLetter
from wellhead.recovery.settled import Mark, mark_in

_OFFSET_BITS = 48
_CLOCK_SKEW_MS = 3_600_000
EVERYTHING = Selection()


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """What letters of one cause have in common."""

    topic: str
    connector: str
    stream: str
    tenant: str
    stage: str
    reason: str


@dataclass(frozen=True, slots=True)
class Count:
    """Letters of one kind: how many, when the first and the last was written (epoch ms), and one of them."""

    kind: Kind
    letters: int
    first_ms: int
    last_ms: int
    example: Place

    def as_json(self) -> dict[str, Any]:
        kind = self.kind
        return {
            "connector": kind.connector,
            "stream": kind.stream,
            "tenant": kind.tenant,
            "stage": kind.stage,
            "reason": kind.reason,
            "topic": kind.topic,
            "letters": self.letters,
            "first_ms": self.first_ms,
            "last_ms": self.last_ms,
            "example": str(self.example),
        }


@dataclass(slots=True)
class _Found:
    """Letters of one kind, 16 bytes each."""

    places: array[int] = field(default_factory=lambda: array("Q"))
    times: array[int] = field(default_factory=lambda: array("q"))


class Survey:
    """What one dead-letter topic holds: its letters by kind, and which of them are settled.

    Args:
        topic: The topic.
        selection: Which letters count.
    """

    def __init__(self, topic: str, selection: Selection = EVERYTHING) -> None:
        self.topic = topic
        self._selection = selection
        self._kinds: dict[Kind, _Found] = {}
        self._marks: dict[int, Mark] = {}

    def add(self, messages: Sequence[Message]) -> None:
        """Count messages of the topic."""
        for message in messages:
            mark = mark_in(message)
            if mark is not None:
                self._marks[_packed(mark.place)] = mark
                continue
            letter = StoredLetter.of(message)
            if self._selection.takes(letter):
                kind = Kind(self.topic, letter.connector, letter.stream, letter.tenant, letter.stage, letter.gist)
                found = self._kinds.setdefault(kind, _Found())
                found.places.append(_packed(letter.place))
                found.times.append(letter.at_ms)

    def mark(self, place: Place) -> Mark | None:
        """Give how a letter was settled, None where it is open."""
        return self._marks.get(_packed(place))

    def counts(self, *, settled: bool = False) -> list[Count]:
        """Give the open letters by kind, the most first; with `settled`, those that are settled too."""
        counts = []
        for kind, found in self._kinds.items():
            held = list(self._of(found, settled=settled))
            if held:
                times = [at_ms for _, at_ms in held]
                counts.append(Count(kind, len(held), min(times), max(times), _unpacked(self.topic, held[0][0])))
        return sorted(counts, key=lambda count: (-count.letters, count.kind))

    def places(self, *, settled: bool = False) -> Iterator[tuple[int, Place]]:
        """Give the open letters with their times (epoch ms), in no order; with `settled`, those that are settled too."""
        for found in self._kinds.values():
            for packed, at_ms in self._of(found, settled=settled):
                yield at_ms, _unpacked(self.topic, packed)

    def _of(self, found: _Found, *, settled: bool) -> Iterator[tuple[int, int]]:
        pairs = zip(found.places, found.times, strict=True)
        return pairs if settled else (pair for pair in pairs if pair[0] not in self._marks)


def survey(consumer_config: Mapping[str, Any], topic: str, selection: Selection = EVERYTHING) -> Survey:
    """Look through a dead-letter topic as it is now; one that does not exist holds nothing. Blocking.

    Raises:
        TemporaryError: The broker cannot be reached.
        PermanentError: It refuses us.
    """
    looked = Survey(topic, selection)
    # A marker is written after its letter, so what comes later than the first letter asked for is enough, by whoever's clock.
    from_ms = None if selection.since_ms is None else max(0, selection.since_ms - _CLOCK_SKEW_MS)
    read_to_end(consumer_config, topic, looked.add, from_ms=from_ms)
    return looked


def letters_at(consumer_config: Mapping[str, Any], places: Iterable[Place], on_letter: Callable[[StoredLetter], None]) -> None:
    """Read letters where they stand, those of a partition in order; what is no longer there is left out. Blocking.

    Raises:
        TemporaryError: The broker cannot be reached.
        PermanentError: It refuses us.
    """
    by_topic: dict[str, dict[int, list[int]]] = {}
    for place in places:
        by_topic.setdefault(place.topic, {}).setdefault(place.partition, []).append(place.offset)

    def hand_on(message: Message) -> None:
        if mark_in(message) is None:
            on_letter(StoredLetter.of(message))

    for topic, wanted in sorted(by_topic.items()):
        read_places(consumer_config, topic, wanted, hand_on)


def newest(
    consumer_config: Mapping[str, Any], surveys: Sequence[Survey], limit: int, *, settled: bool = False
) -> list[StoredLetter]:
    """Give the newest letters of some surveys, the last one first, at most `limit`."""
    every = (pair for looked in surveys for pair in looked.places(settled=settled))
    found: list[StoredLetter] = []
    letters_at(consumer_config, [place for _, place in nlargest(limit, every)], found.append)
    return sorted(found, key=lambda letter: (letter.at_ms, letter.place), reverse=True)


def open_letters(
    consumer_config: Mapping[str, Any], topics: Sequence[str], limit: int, selection: Selection = EVERYTHING
) -> list[dict[str, Any]]:
    """Give the newest open letters of some dead-letter topics, the last one first, ready for JSON; not their bytes. Blocking.

    Args:
        consumer_config: What `settings.consumer_config` gives.
        topics: The topics; one that does not exist holds nothing.
        limit: How many at most.
        selection: Which ones, such as those of one connector.

    Raises:
        TemporaryError: The broker cannot be reached.
        PermanentError: It refuses us.
    """
    surveys = [survey(consumer_config, topic, selection) for topic in dict.fromkeys(topics)]
    return [letter.summary() for letter in newest(consumer_config, surveys, limit)]


def _packed(place: Place) -> int:
    return place.partition << _OFFSET_BITS | place.offset


def _unpacked(topic: str, packed: int) -> Place:
    return Place(topic, packed >> _OFFSET_BITS, packed & ((1 << _OFFSET_BITS) - 1))
