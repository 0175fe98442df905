"""Takes the open letters of one dead-letter topic and a way to remake them, publishes what is sound now, once each; never half a letter.

Exactly once rests on three things. The producer is opened before the topic is read, so that a redrive that began earlier is fenced
and has either been heard or never will be. A letter's records and its marker are in one transaction. And whatever ends without an
answer is settled by reading the markers again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias

from wellhead.errors import PermanentError, TemporaryError
from wellhead.kafka.errors import Fenced
from wellhead.kafka.messages import Message
from wellhead.kafka.producer import TransactionalProducer
from wellhead.recovery.dlq import Survey, letters_at, survey
from wellhead.recovery.letter import Place, Selection, StoredLetter, gist
from wellhead.recovery.settled import Outcome, marker

ROUND_LETTERS = 20_000
"""Letters held at once; duplicates among them and in the record topic are looked for once a round."""
ROUND_BYTES = 64 << 20
CHUNK_LETTERS = 1_000
"""Letters of one transaction."""
CHUNK_BYTES = 8 << 20
TRIES = 5


@dataclass(frozen=True, slots=True)
class Remade:
    """What a letter is by now.

    Attributes:
        outcome: What becomes of it.
        reason: What is wrong with it still, where it stays open.
        records: What to publish for it.
    """

    outcome: Outcome
    reason: str = ""
    records: tuple[Message, ...] = ()


Remake: TypeAlias = Callable[[Sequence[StoredLetter]], list[Remade]]
"""Gives what each letter is by now, in order; remembers what it gave, so that of two letters of one record the second one is known."""


@dataclass(frozen=True, slots=True)
class StillOpen:
    """A letter that was not redriven: where it stands, why it is one, and why it stays one."""

    place: Place
    outcome: Outcome
    before: str
    reason: str


@dataclass(slots=True)
class Report:
    """What became of the letters.

    Attributes:
        topic: Their dead-letter topic.
        dry_run: Whether this is only what would become of them.
        letters: How many, by outcome.
        records: How many records were published, tombstones included.
        still_open: How many letters stay open, by outcome and gist of the reason, each with the first one.
    """

    topic: str
    dry_run: bool
    letters: dict[Outcome, int] = field(default_factory=dict)
    records: int = 0
    still_open: dict[tuple[Outcome, str], tuple[int, StillOpen]] = field(default_factory=dict)

    def count(self, outcome: Outcome, records: int = 0) -> None:
        """Count a letter."""
        self.letters[outcome] = self.letters.get(outcome, 0) + 1
        self.records += records

    def keep_open(self, letter: StillOpen) -> None:
        """Count a letter that stays open."""
        self.count(letter.outcome)
        key = (letter.outcome, gist(letter.reason))
        number, first = self.still_open.get(key, (0, letter))
        self.still_open[key] = (number + 1, first)

    @property
    def settled(self) -> int:
        """How many letters are done with."""
        return sum(number for outcome, number in self.letters.items() if outcome.settles)

    def as_json(self) -> dict[str, Any]:
        return {
            "topic": self.topic,
            "dry_run": self.dry_run,
            "letters": {outcome.value: self.letters.get(outcome, 0) for outcome in Outcome},
            "records": self.records,
            "still_open": [
                {
                    "outcome": first.outcome.value,
                    "letters": number,
                    "reason": first.reason,
                    "before": first.before,
                    "example": str(first.place),
                }
                for number, first in self.still_open.values()
            ],
        }


class Redrive:
    """One redrive of the letters of one connector in one dead-letter topic. Blocking.

    Args:
        consumer_config: What `settings.consumer_config` gives.
        topic: The dead-letter topic.
        selection: Which letters; names the connector.
        remake: Makes what reads letters again; asked anew for each try.
        by: Who does it, for the markers.
        audit: Gives the audit record of a transaction that settled so many letters, by outcome.
    """

    def __init__(
        self,
        consumer_config: Mapping[str, Any],
        topic: str,
        selection: Selection,
        remake: Callable[[], Remake],
        *,
        by: str,
        audit: Callable[[Mapping[str, int]], Message],
    ) -> None:
        assert selection.connector is not None
        self._config = consumer_config
        self._topic = topic
        self._selection = selection
        self._connector = selection.connector
        self._new_remake = remake
        self._by = by
        self._audit = audit
        self._report = Report(topic, dry_run=True)
        self._in_doubt: list[tuple[Place, Remade]] = []

    def preview(self) -> Report:
        """Give what a redrive would do now; writes nothing.

        Raises:
            TemporaryError: The broker or the registry cannot be reached.
            PermanentError: One of them refuses us, or the schema is not compatible.
        """
        self._report = Report(self._topic, dry_run=True)
        self._pass(survey(self._config, self._topic, self._selection), self._count)
        return self._report

    def run(self, producer: TransactionalProducer) -> Report:
        """Publish what is sound by now.

        Args:
            producer: Not open yet; closed afterwards. Its transactional id is the same for every redrive of this connector and topic.

        Raises:
            TemporaryError: The broker or the registry cannot be reached; a redrive later goes on from there.
            PermanentError: One of them refuses us, or another redrive has begun.
        """
        self._report = Report(self._topic, dry_run=False)
        with closing(producer):
            for left in reversed(range(TRIES)):
                try:
                    self._once(producer)
                    break
                except Fenced as error:
                    raise self._overtaken() from error
                except TemporaryError:
                    if not left:
                        raise
        return self._report

    def _once(self, producer: TransactionalProducer) -> None:
        producer.open()  # fences a redrive that began before, and settles what it left open, before the markers are read
        looked = survey(self._config, self._topic, self._selection)
        self._settle_doubt(looked)
        # What stays open is counted anew by each try.
        for outcome in (Outcome.FAILED, Outcome.REFUSED):
            self._report.letters.pop(outcome, None)
        self._report.still_open.clear()
        self._pass(looked, lambda pairs: self._publish(producer, pairs))

    def _overtaken(self) -> PermanentError:
        return PermanentError(
            f"{self._topic}: another redrive of connector {self._connector} has begun, so this one ended; {self._report.settled} letters "
            "were settled before. Nothing is done twice. See what is left with 'wellhead dlq list'"
        )

    def _settle_doubt(self, looked: Survey) -> None:
        """Count the letters of a transaction that ended without an answer, where their markers say that it was committed."""
        for place, remade in self._in_doubt:
            if looked.mark(place) is not None:
                self._report.count(remade.outcome, len(remade.records))
        self._in_doubt = []

    def _pass(self, looked: Survey, deal: Callable[[Sequence[tuple[StoredLetter, Remade]]], None]) -> None:
        """Remake the open letters, oldest first, and have them dealt with a chunk at a time."""
        remake = self._new_remake()
        places = (place for _, place in sorted(looked.places()))
        while wanted := list(islice(places, ROUND_LETTERS)):
            held: list[StoredLetter] = []
            nbytes = 0

            def hold(letter: StoredLetter, held: list[StoredLetter] = held) -> None:
                nonlocal nbytes
                held.append(letter)
                nbytes += len(letter.raw) + len(letter.context)
                if nbytes >= ROUND_BYTES:
                    self._deal_with(remake, held, deal)
                    held.clear()
                    nbytes = 0

            letters_at(self._config, wanted, hold)
            self._deal_with(remake, held, deal)

    def _deal_with(
        self, remake: Remake, held: list[StoredLetter], deal: Callable[[Sequence[tuple[StoredLetter, Remade]]], None]
    ) -> None:
        held.sort(key=lambda letter: (letter.at_ms, letter.place))
        settled: list[tuple[StoredLetter, Remade]] = []
        nbytes = 0
        for letter, remade in zip(held, remake(held), strict=True):
            if not remade.outcome.settles:
                self._report.keep_open(StillOpen(letter.place, remade.outcome, letter.reason, remade.reason))
                continue
            settled.append((letter, remade))
            nbytes += sum(message.size_bytes() for message in remade.records)
            if len(settled) >= CHUNK_LETTERS or nbytes >= CHUNK_BYTES:
                deal(settled)
                settled, nbytes = [], 0
        if settled:
            deal(settled)

    def _count(self, pairs: Sequence[tuple[StoredLetter, Remade]]) -> None:
        for _, remade in pairs:
            self._report.count(remade.outcome, len(remade.records))

    def _publish(self, producer: TransactionalProducer, pairs: Sequence[tuple[StoredLetter, Remade]]) -> None:
        producer.begin()
        for letter, remade in pairs:
            for message in remade.records:
                producer.send(message)
            producer.send(marker(letter.place, remade.outcome, connector=self._connector, by=self._by))
        producer.send(self._audit(Counter(remade.outcome.value for _, remade in pairs)))
        self._in_doubt = [(letter.place, remade) for letter, remade in pairs]
        producer.commit()
        self._in_doubt = []
        self._count(pairs)
