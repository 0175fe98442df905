"""Takes hits from their topic as they arrive, gives each its attack, and commits all that follows from it with the offset; asks no vendor."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack, closing
from itertools import chain

import pyarrow as pa
from confluent_kafka import Message as Received

from wellhead.avro import schema as schemas
from wellhead.avro.decode import Decoder
from wellhead.avro.registry import Registry
from wellhead.clock import Clock
from wellhead.config.attacks import AttacksSettings
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.attacks.came import Came
from wellhead.consumers.attacks.changelog import ensure_topics
from wellhead.consumers.attacks.connect import check, connect
from wellhead.consumers.attacks.hits import NONE, HitReader, Hits
from wellhead.consumers.attacks.ledger import Ledger
from wellhead.consumers.attacks.outcome import Outcome, outcome_of
from wellhead.consumers.attacks.partitions import Partitions
from wellhead.consumers.attacks.restore import Standing
from wellhead.consumers.attacks.rules import load_rules
from wellhead.consumers.attacks.script import Step
from wellhead.consumers.member import Member
from wellhead.consumers.readable import readable
from wellhead.kafka.messages import Headers, Message
from wellhead.telemetry.attacks import GrouperTally
from wellhead.telemetry.onward import CONSUME

TICK_SECS = 15.0
"""So often open attacks are counted, and closed in partitions where no hits come."""


class Grouper(Member):
    """Groups the hits of the partitions that fall to this process, until told to stop.

    Several processes of one `group.id` share the partitions; every client's hits are in one of them, in order.

    Args:
        settings: The grouping's.
        worker: Where Kafka and the registry are.
        clock: The time.
        stop: Ends it within a second.
        tally: Hears what is done.

    Raises:
        ConfigError: A rule cannot be used.
    """

    section = "attacks"
    stage = "group"
    _ledger: Ledger

    def __init__(
        self, settings: AttacksSettings, worker: WorkerSettings, clock: Clock, stop: threading.Event, tally: GrouperTally
    ) -> None:
        super().__init__(settings, worker, settings.topic, worker.group_id, clock=clock, stop=stop, tally=tally)
        self._settings = settings
        self._tally = tally
        self._rules = load_rules(settings.rules)
        self._reader = HitReader(self._rules)
        self._ticked_secs = 0.0

    def _open(self, opened: ExitStack) -> None:
        registry = opened.enter_context(closing(Registry(self._worker.schema_registry)))
        self._decoder = Decoder(registry.schema_text, schemas.load(self._rules.base.record))
        self._ledger = opened.enter_context(closing(Ledger(self._settings, self._worker, self._rules, registry, self._clock)))
        client = opened.enter_context(closing(connect(self._settings.redis)))
        check(client, self._settings.redis)
        self._partitions = Partitions(self._settings, self._worker, self._rules, client, self._clock, on_rebuilt=self._rebuilt)
        opened.callback(self._partitions.close)

    def _make_topics(self) -> None:
        ensure_topics(self._worker, self._settings, self._rules.retain_ms(self._settings.late_secs))

    def _turn(self) -> None:
        """Group what has arrived, and now and then look for attacks that have ended."""
        found = self._take()
        began_secs = self._clock.monotonic_secs()
        if found:
            redis_secs, commit_secs = self._group(found)
            self._tally.batch(self._clock.monotonic_secs() - began_secs, redis_secs, commit_secs)
        if began_secs - self._ticked_secs >= TICK_SECS:
            self._ticked_secs = began_secs
            self._tick()
            self._tally.open_attacks(self._partitions.open_attacks())

    def _group(self, found: Mapping[int, Sequence[Received]]) -> tuple[float, float]:
        """Group what was read; give the seconds Redis and the commit took."""
        batches: dict[int, pa.RecordBatch] = {}
        hits: dict[int, Hits] = {}
        letters: list[Message] = []
        came: dict[int, Came] = {}
        for partition, messages in found.items():
            batch, whole, bad = readable(self._decoder, messages)
            times = [message.timestamp()[1] for message in whole]
            read = self._reader.read(batch, [message.offset() or 0 for message in whole], times)
            batches[partition], hits[partition] = batch, read
            came[partition] = Came(times, self._tally.onward.parents(whole))
            letters += [self._letter(message, reason) for message, reason in bad]
            letters += [self._letter(whole[row], reason) for row, reason in read.bad.items()]
        ends = {partition: (messages[-1].offset() or 0) + 1 for partition, messages in found.items()}
        parents = chain.from_iterable(each.parents for each in came.values())
        with self._tally.onward.stage(CONSUME, parents, messages=sum(map(len, found.values()))) as going:
            headers = {partition: each.onward(going) for partition, each in came.items()}
            took = self._commit(hits, batches, headers, ends, letters)
        self._tally.hits(sum(map(len, found.values())) - len(letters))
        if letters:
            self._tally.rejected(len(letters))
        return took

    def _tick(self) -> None:
        """Close attacks in partitions that are read to their end."""
        idle = self._intake.ended & self._intake.positions.keys()
        if idle:
            ends = {partition: self._intake.positions[partition] for partition in idle}
            self._commit(dict.fromkeys(idle, NONE), {}, {}, ends, [], tick_ms=self._clock.now_ms())

    def _commit(
        self,
        hits: Mapping[int, Hits],
        batches: Mapping[int, pa.RecordBatch],
        headers: Mapping[int, Sequence[Headers]],
        ends: Mapping[int, int],
        letters: Sequence[Message],
        *,
        tick_ms: int = 0,
    ) -> tuple[float, float]:
        """Take the steps and commit what they make; give the seconds Redis and the commit took."""
        steps = [Step(each, self._intake.positions[each], ends[each], hits[each].columns, tick_ms) for each in hits]
        asked_secs = self._clock.monotonic_secs()
        answers = self._partitions.run(steps)
        answered_secs = self._clock.monotonic_secs()
        outcomes: dict[int, tuple[Outcome, Standing]] = {}
        for step, answer in zip(steps, answers, strict=True):
            number = step.partition
            batch = batches.get(number, _NO_HITS)
            epoch = self._partitions.epoch(number)
            outcome = outcome_of(answer, hits[number], batch, headers.get(number, ()), self._rules, epoch=epoch)
            outcomes[number] = outcome, self._partitions.standing(number, step.end, answer.watermark_ms)
        if tick_ms and not any(outcome.state for outcome, _ in outcomes.values()):
            return answered_secs - asked_secs, 0.0
        writing_secs = self._clock.monotonic_secs()
        self._ledger.write(outcomes, letters, self._intake.places(ends), self._intake.membership)
        self._intake.moved(ends)
        for outcome, _ in outcomes.values():
            for kind, events in outcome.kinds.items():
                self._tally.events(kind, events)
        return answered_secs - asked_secs, self._clock.monotonic_secs() - writing_secs

    def _forget(self, partitions: Collection[int] | None = None) -> None:  # noqa: ARG002 - Redis is asked about all of them again
        self._partitions.forget()

    def _reach(self) -> None:
        self._partitions.ping()

    def _rebuilt(self, word: str, why: str) -> None:
        self._tally.rebuilt(word)
        self._log.warning("state_rebuilt", reason=why)


_NO_HITS = pa.RecordBatch.from_arrays([], names=[])
