"""Takes the settings of a group, gives one consumer that is its member and proves it, used by one thread; never reads a record."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from wellhead.clock import Clock
from wellhead.cluster.joining import GroupPlace, generation_of
from wellhead.cluster.lease import PROOF_SECS, Proofs
from wellhead.kafka.client_log import ClientLog, Hearing
from wellhead.kafka.errors import kafka_error, recovery, where
from wellhead.telemetry.logs import get_logger

POLL_SECS: Final = 0.05
_LIST_SECS = 1.0
_RESCAN_SECS = 0.25
_RESCANS = 40
_GAP_SECS = 1.0
_CLOSE_SECS = 3.0
_ASK_SECS = 2.0
_SILENT_SESSIONS = 1.5

# What the coordinator answers while the group changes; a later proof passes, or the partitions are lost.
_PASSING = (KafkaError.REBALANCE_IN_PROGRESS, KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID)
_LOCAL = range(-200, -99)  # codes of librdkafka's own; every other is an answer of the broker

OnPartitions = Callable[[AbstractSet[int]], None]


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Who is told of partitions that come and go."""

    on_assigned: OnPartitions
    on_revoked: OnPartitions
    on_lost: OnPartitions


class MemberFailed(Exception):  # noqa: N818 - says what happened
    """This consumer can do no more; another must take its place.

    Attributes:
        error: What it died of.
        fenced: Another process joined with the same group.instance.id.
    """

    def __init__(self, error: KafkaError) -> None:
        super().__init__(error.str())
        self.error = error
        self.fenced = error.code() == KafkaError.FENCED_INSTANCE_ID or "fenced" in error.str().lower()


class Member:
    """One consumer in the group.

    Attributes:
        owned: The partitions it owns; those that are being given away are no longer among them.
        generation: Of the group, as of the last change; -1 before the first.
        member_id: As the group knows it; empty before it joined.
        joined: Whether the group knows it, as far as it has heard.
        problem: What is wrong and what to do, or None.
        topic_is_gone: Whether the topic whose partitions are assigned was missed, and none was assigned since; that proofs of membership
            go on says nothing of it.
    """

    def __init__(self, place: GroupPlace, callbacks: Callbacks, proofs: Proofs, clock: Clock) -> None:
        self.owned: frozenset[int] = frozenset()
        self.generation = -1
        self.member_id = ""
        self.joined = False
        self.problem: str | None = None
        self.topic_is_gone = False
        self._place = place
        self._callbacks = callbacks
        self._proofs = proofs
        self._clock = clock
        self._log = get_logger("cluster")
        self._hearing = Hearing()
        self._proof_error: KafkaError | None = None
        self._ran_out = False
        self._leaving = False
        self._heard_secs = clock.monotonic_secs()
        self._rescans: tuple[int, int, float] | None = None
        try:
            self._consumer = Consumer(
                self._hearing.settings(place.settings()) | {"on_commit": self._answered}, logger=ClientLog()
            )
            self._consumer.subscribe([place.topic], on_assign=self._assign, on_revoke=self._revoke, on_lost=self._lose)
        except KafkaException as error:
            raise recovery(kafka_error(error), f"{where(place.consumer)}: cannot join group {place.group_id!r}") from error

    def turn(self) -> None:
        """Serve the group once, then prove membership when it is time; takes about `POLL_SECS`.

        Raises:
            MemberFailed: This consumer is beyond repair.
        """
        self._turn(prove=bool(self.owned))
        self._watch_lease()
        self._watch_silence()
        self._look_again()

    def _turn(self, *, prove: bool) -> None:
        began_secs = self._clock.monotonic_secs()
        message = self._consumer.poll(POLL_SECS)
        if message is not None and (error := message.error()) is not None:
            self._hear(error)
        if self._hearing.refusal is not None:
            self._trouble(self._hearing.refusal)
            self._hearing.forget()
        if self._clock.monotonic_secs() - began_secs > _GAP_SECS:
            self._heard_secs = self._clock.monotonic_secs()
            return  # frozen, or busy with a change: first hear what the group says, then prove
        if prove and self._proofs.due():
            self._prove()

    def rescan(self, at_least: int) -> None:
        """Look for new partitions now and, until there are `at_least`, again and again for some seconds."""
        self._rescans = (at_least, _RESCANS, 0.0)

    def leave(self) -> bool:
        """Give everything back and leave the group (a static member stays one for its session); False when the broker did not hear of it."""
        self._leaving = True
        owned, self.owned = self.owned, frozenset()
        if owned:
            drain = self._start_drain(owned)
            while drain.is_alive():
                self._serve_drain(drain)
        heard: list[bool] = []
        ended = _in_time(lambda: self._part(heard))
        self._proofs.lost()
        return ended and heard == [True]

    def _part(self, heard: list[bool]) -> None:
        # close() returns at once where it knows of no coordinator, having told nobody: whether there is one is asked just before.
        try:
            self._ask()
        except KafkaException:
            heard.append(False)
        else:
            heard.append(True)
        self._consumer.close()

    def _ask(self) -> None:
        self._consumer.committed([TopicPartition(self._place.lease_topic, 0)], timeout=_ASK_SECS)

    def abandon(self) -> None:
        """Tell that everything is lost and drop the consumer; the group notices when the session has passed."""
        owned, self.owned = self.owned, frozenset()
        self._proofs.lost()
        if owned:
            self._tell_lost(owned)
        # Without close(): that would let another start while our tasks are still on their way out.
        last = [self._consumer]
        del self._consumer
        _in_time(last.clear)

    # --- what the group says, inside poll()

    def _assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._know(consumer)
        places = [TopicPartition(each.topic, each.partition, 0) for each in partitions]
        consumer.incremental_assign(places)
        if not places or self._leaving:
            return
        consumer.pause(places)  # nobody writes there, and nobody needs to wait for what nobody writes
        fresh = frozenset(each.partition for each in places)
        if not self.owned:
            self._proofs.soon()
        self.owned |= fresh
        self.topic_is_gone = False
        self._log.info("partitions_assigned", **self._names, partitions=sorted(fresh), owned=len(self.owned))
        self._tell(self._callbacks.on_assigned, fresh)

    def _revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._know(consumer)
        leaving = frozenset(each.partition for each in partitions) & self.owned
        self.owned -= leaving
        if leaving:
            # librdkafka leaves the group where this takes too long; the lease must have run out before that.
            stop_secs = self._clock.monotonic_secs() + (self._place.max_poll_ms - self._place.session_ms) / 1000
            drain = self._start_drain(leaving)
            drain.join(PROOF_SECS)
            while drain.is_alive():
                if self._clock.monotonic_secs() < stop_secs:
                    self._prove_and_wait()
                drain.join(PROOF_SECS)
        consumer.incremental_unassign(partitions)

    def _start_drain(self, leaving: frozenset[int]) -> threading.Thread:
        """Tell that partitions go, in a thread, so that the lease of what stays, and of what is being finished, goes on being proved."""
        self._log.info("partitions_revoked", **self._names, partitions=sorted(leaving), owned=len(self.owned))
        drain = threading.Thread(
            target=self._tell, args=(self._callbacks.on_revoked, leaving), name="membership-drain", daemon=True
        )
        drain.start()
        return drain

    def _serve_drain(self, drain: threading.Thread) -> None:
        try:
            self._turn(prove=True)
        except MemberFailed:
            drain.join()

    def _lose(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        lost = frozenset(each.partition for each in partitions) & self.owned
        self.owned -= lost
        self.joined = False
        self._proofs.lost()
        self._ran_out = False
        if lost:
            self._tell_lost(lost)
        consumer.incremental_unassign(partitions)

    def _tell_lost(self, lost: frozenset[int]) -> None:
        reason = self._hearing.outage or self._proof_error
        text = reason.str() if reason else "the group went on without this worker: it was frozen, cut off or too slow"
        self._log.warning("partitions_lost", **self._names, partitions=sorted(lost), reason=text)
        self._tell(self._callbacks.on_lost, lost)

    def _tell(self, callback: OnPartitions, partitions: frozenset[int]) -> None:
        try:
            callback(partitions)
        except Exception as error:  # noqa: BLE001 - told here, where it ends: the thread must live, or nobody would hear of any change
            self._proofs.lost()  # what runs of these partitions is not known any more, so nothing may ask under this lease
            reason = f"{type(error).__name__}: {error}"
            self._log.exception("partitions_not_handled", **self._names, partitions=sorted(partitions), reason=reason)

    def _know(self, consumer: Consumer) -> None:
        self._heard_secs = self._clock.monotonic_secs()
        before, self.member_id = self.member_id, consumer.memberid() or ""
        generation = generation_of(consumer.consumer_group_metadata())
        if generation >= 0:  # a member that is leaving has none any more; what it still says is of the last one
            self.generation = generation
            self.joined = True
        self.problem = None
        if self.member_id != before:
            self._log.info("joined", **self._names, member=self.member_id, generation=self.generation)

    # --- proofs

    def _prove(self) -> None:
        try:
            self._consumer.commit(offsets=[self._proof()], asynchronous=True)
        except KafkaException as error:
            self._proof_error = kafka_error(error)

    def _prove_and_wait(self) -> None:
        """Prove inside poll(), where no answer would be heard otherwise."""
        try:
            self._ask()  # first, for without a coordinator commit() would wait for ever, and this thread with it
            answer = self._consumer.commit(offsets=[self._proof()], asynchronous=False)
        except KafkaException as error:
            self._refused(kafka_error(error))
        else:
            self._answered(None, answer)

    def _proof(self) -> TopicPartition:
        self._proof_error = None
        return TopicPartition(self._place.lease_topic, 0, self._proofs.begin())

    def _answered(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        for each in partitions:
            if (reason := error or each.error) is not None:
                self._refused(reason)
                continue
            self._proof_error = None
            self._heard_secs = self._clock.monotonic_secs()
            self._proofs.accepted(each.offset)
            self._hearing.forget()
            self.problem = None

    def _refused(self, reason: KafkaError) -> None:
        self._proof_error = reason
        if reason.code() not in _LOCAL:
            self._heard_secs = self._clock.monotonic_secs()

    def _watch_lease(self) -> None:
        """Say once that the lease ran out and why, and once that it is back."""
        lease = self._proofs.lease
        if not self.owned or lease.valid():
            if self._ran_out and self.owned:
                self._log.info("lease_renewed", **self._names)
            self._ran_out = False
            return
        if self._proof_error is not None and self._proof_error.code() not in _PASSING:
            self._trouble(self._proof_error, f"cannot prove membership on topic {self._place.lease_topic!r}")
        if math.isfinite(lease.until_secs) and not self._ran_out:
            self._ran_out = True
            reason = self._proof_error or self._hearing.outage
            self._log.warning("lease_ran_out", **self._names, reason=reason.str() if reason else "the broker does not answer")

    def _watch_silence(self) -> None:
        """Give up what is owned when the broker has said nothing for longer than the group waits.

        librdkafka tells by itself that it lost its partitions only while the group does not change: one that is cut off in the middle of
        a change would try to join for ever, and own what another has long been given.
        """
        silent_secs = self._clock.monotonic_secs() - self._heard_secs
        if self.owned and silent_secs > _SILENT_SESSIONS * self._place.session_ms / 1000:
            silence = f"no answer for {silent_secs:.0f} s: check that the brokers run and can be reached from here"
            raise MemberFailed(self._hearing.outage or self._proof_error or KafkaError(KafkaError._TIMED_OUT, silence))  # noqa: SLF001

    # --- trouble and new partitions

    def _hear(self, error: KafkaError) -> None:
        if error.fatal() or error.code() == KafkaError._FATAL:  # noqa: SLF001
            raise MemberFailed(error)
        self.topic_is_gone = self.topic_is_gone or error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART
        self._trouble(error)

    def _trouble(self, error: KafkaError, what: str = "cannot take part") -> None:
        text = str(recovery(error, f"{where(self._place.consumer)}: group {self._place.group_id!r}: {what}"))
        if text != self.problem:
            self.problem = text
            self._log.warning("membership_troubled", **self._names, reason=text)

    def _look_again(self) -> None:
        if self._rescans is None or self._clock.monotonic_secs() < self._rescans[2]:
            return
        at_least, left, _ = self._rescans
        try:
            # Of all topics, because only the whole list makes librdkafka compare it with what the group was given.
            found = self._consumer.list_topics(timeout=_LIST_SECS).topics.get(self._place.topic)
            count = len(found.partitions) if found is not None else 0
        except KafkaException:
            count = 0
        done = count >= max(at_least, 1) or left <= 1
        self._rescans = None if done else (at_least, left - 1, self._clock.monotonic_secs() + _RESCAN_SECS)

    @property
    def _names(self) -> dict[str, str]:
        return {"group": self._place.group_id}


def _in_time(ending: Callable[[], object]) -> bool:
    """Tell whether `ending` came to its end soon: without a broker it may wait for ever, and nothing is left to wait for."""
    thread = threading.Thread(target=ending, name="membership-end", daemon=True)
    thread.start()
    thread.join(_CLOSE_SECS)
    return not thread.is_alive()
