"""Takes the records of one topic as they arrive, has their gateways watched, and commits findings, state and offsets as one; asks no gateway."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack, closing

from confluent_kafka import Message as Received

from wellhead.avro import schema as schemas
from wellhead.avro.decode import Decoder
from wellhead.avro.registry import Registry
from wellhead.avro.schema import Schema
from wellhead.clock import Clock
from wellhead.config.floods import FloodsSettings
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.floods.findings import Source
from wellhead.consumers.floods.ledger import Ledger
from wellhead.consumers.floods.parts import group_of
from wellhead.consumers.floods.state_topic import Kept, ensure_topics, read_kept
from wellhead.consumers.floods.watching import Detects, PartitionWatch
from wellhead.consumers.member import Member
from wellhead.consumers.readable import readable
from wellhead.errors import PermanentError, TemporaryError
from wellhead.kafka.messages import Message
from wellhead.telemetry.floods import FlowTally
from wellhead.telemetry.onward import CONSUME

TICK_SECS = 1.0
"""So often time goes on for gateways in partitions that are read to their end."""
QUIET_SECS = 1.0
"""What is known is written, too, when nothing came for so long."""


class Flow(Member):
    """Watches the partitions of a topic that fall to this process, until told to stop.

    Several processes of one `group.id` share the partitions; every gateway's records are in one of them, in order. Offsets are committed
    with the state they led to and the findings on the way there, never alone: whoever goes on has exactly what was known then.

    Args:
        settings: The watch's.
        worker: Where Kafka and the registry are.
        topic: The topic.
        source: What its records are.
        detector_of: Makes the detector of a gateway.
        clock: The time.
        stop: Ends it within a second.
        tally: Hears what is done.
    """

    section = "floods"
    stage = "watch"
    _ledger: Ledger

    def __init__(
        self,
        settings: FloodsSettings,
        worker: WorkerSettings,
        topic: str,
        *,
        source: Source,
        detector_of: Callable[[str], Detects],
        clock: Clock,
        stop: threading.Event,
        tally: FlowTally,
    ) -> None:
        super().__init__(settings, worker, topic, group_of(settings, worker, topic), clock=clock, stop=stop, tally=tally)
        self._settings = settings
        self._source: Source = source
        self._detector_of = detector_of
        self._tally = tally
        self._watches: dict[int, PartitionWatch] = {}
        self._letters: dict[int, list[Message]] = {}
        self._read_secs = self._ticked_secs = self._written_secs = clock.monotonic_secs()

    def _open(self, opened: ExitStack) -> None:
        registry = opened.enter_context(closing(Registry(self._worker.schema_registry)))
        self._decoder = Decoder(registry.schema_text, _schema_of(self._topic))
        self._ledger = opened.enter_context(closing(Ledger(self._settings, self._worker, self._topic, registry, self._clock)))

    def _make_topics(self) -> None:
        ensure_topics(self._worker, self._settings, self._topic)

    def _turn(self) -> None:
        """Take in what has arrived, let time go on where nothing has, and write what is to be written."""
        found = self._take()
        now_secs = self._clock.monotonic_secs()
        self._know(self._intake.positions.keys())
        for partition, messages in found.items():
            self._watch(partition, messages)
        if found:
            self._read_secs = now_secs
        if now_secs - self._ticked_secs >= TICK_SECS:
            self._ticked_secs = now_secs
            for partition in self._intake.ended & self._watches.keys():
                self._watches[partition].idle(now_secs, self._clock.now_ms())
        if self._is_due(now_secs):
            self._write()

    def _watch(self, partition: int, messages: Sequence[Received]) -> None:
        batch, whole, bad = readable(self._decoder, messages)
        if bad:
            self._letters.setdefault(partition, []).extend(self._letter(message, reason) for message, reason in bad)
        after = (messages[-1].offset() or 0) + 1
        times = [message.timestamp()[1] for message in whole]
        onward = self._tally.onward
        with onward.stage(CONSUME, onward.parents(whole), messages=len(whole)):
            self._watches[partition].take(batch, times, after, self._clock.monotonic_secs())
        self._tally.watched(len(whole))
        self._tally.rejected(len(bad))

    def _is_due(self, now_secs: float) -> bool:
        if self._letters or any(watch.is_news for watch in self._watches.values()):
            return True
        is_late = now_secs - self._written_secs >= self._settings.state_interval_secs
        is_quiet = now_secs - self._read_secs >= QUIET_SECS
        return (is_late or is_quiet) and any(watch.moved for watch in self._watches.values())

    def _write(self) -> None:
        """Commit findings, state and offsets of what is known and not written yet."""
        mine = {each: self._watches[each] for each in self._intake.positions if each in self._watches}
        news = {each: watch for each, watch in mine.items() if watch.moved or watch.is_news}
        self._watches = mine  # what others have now is theirs to write
        ends = {each: watch.next for each, watch in news.items()}
        state_bytes = 0
        if ends:
            letters = [letter for each in news for letter in self._letters.get(each, ())]
            state_bytes = self._ledger.write(news, letters, self._intake.places(ends), self._intake.membership)
            self._intake.moved(ends)
        self._letters.clear()
        self._written_secs = self._clock.monotonic_secs()
        told = [(each.detector, each.kind) for watch in news.values() for each in watch.pending]
        for watch in news.values():
            watch.written()
        self._tally.committed(told, state_bytes)
        self._tally.open_findings(
            {
                gateway: [each.detector for each in watched.open]
                for watch in mine.values()
                for gateway, watched in watch.gateways.items()
            }
        )

    def _know(self, partitions: Collection[int]) -> None:
        """Read what is kept of partitions nothing is known of yet; where it does not fit the offset, begin anew."""
        for partition in [each for each in partitions if each not in self._watches]:
            start = self._intake.positions[partition]
            kept = read_kept(self._worker, self._settings, self._topic, partition)
            self._watches[partition] = self._restored(partition, start, kept)

    def _restored(self, partition: int, start: int, kept: Kept) -> PartitionWatch:
        watch, why = PartitionWatch(self._source, self._detector_of, start), "moved"
        place = kept.position
        if place is None and not kept.gateways:
            return watch
        if place is not None and (place.next, place.group) == (start, self._group_id):
            try:
                kept.fill(watch, self._clock.monotonic_secs())
            except ValueError as error:
                watch, why = PartitionWatch(self._source, self._detector_of, start), "unreadable"
                watch.pending += kept.ended()
                self._log.warning("state_unreadable", partition=partition, reason=str(error), closed=len(watch.pending))
            else:
                self._tally.rebuilt("gained")
                return watch
        # Somebody moved the group, or the topic is another one: what was known is of other records.
        watch.gone.update({name: len(kept.detectors.get(name, ())) for name in kept.gateways})
        self._tally.rebuilt(why)
        self._log.warning("begins_anew", partition=partition, offset=start, state_stands_at=place.next if place else None)
        return watch

    def _forget(self, partitions: Collection[int] | None = None) -> None:
        if partitions is None:
            self._watches.clear()
            self._letters.clear()
        for partition in partitions or ():
            self._watches.pop(partition, None)
            self._letters.pop(partition, None)

    def _leave(self) -> None:
        """Write what is known before going, so that the next one need not read it again; without Kafka that is left to it."""
        try:
            if self._ledger.is_open and (self._letters or any(watch.moved for watch in self._watches.values())):
                self._write()
        except TemporaryError as error:
            self._log.warning("left_unwritten", reason=str(error))


def _schema_of(topic: str) -> Schema | None:
    """Give the schema of a topic that is named after its subject, so that records of any version have its columns; None where there is none."""
    try:
        return schemas.load(".".join(topic.split(".")[-2:]))
    except PermanentError:
        return None
