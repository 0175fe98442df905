"""Takes encoded records and a cursor, gives one Kafka transaction that holds both or neither, never a part of it.

After any error the producer is closed, and the type of the error says what is known of the transaction (see `errors`). The way on is
always the same: `open()`, then read the cursor, then begin again. So a half-known producer is never built upon.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import islice, repeat
from operator import length_hint
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from wellhead.clock import Clock, SystemClock
from wellhead.errors import PermanentError, WellheadError
from wellhead.kafka.client_log import ClientLog, Hearing
from wellhead.kafka.errors import FENCED, CommitUnknown, Fenced, ProducerLost, kafka_error, recovery, refused, where
from wellhead.kafka.limits import RecordLimits
from wellhead.kafka.messages import Headers, Message
from wellhead.kafka.records import Records, plausible
from wellhead.kafka.settings import redact

_SLICE = 1000  # a map driven from C never gives up the GIL; this is below a millisecond
_WAIT_SECS = 0.5  # the longest wait in one call to librdkafka, so that interrupt() is heard
_FULL_SECS = 0.05  # between tries to add to a full queue
_PAUSE_SECS = 0.02  # between calls that are refused at once
_OPEN_SECS = 30.0
_ABORT_SECS = 10.0
_CLOSING_ABORT_SECS = 2.0  # what is not aborted by then is, when its transaction times out or its owner opens again
_GRACE_SECS = 5.0  # after transaction.timeout.ms undelivered records fail by themselves, and with their cause
_FAILED_BEFORE = (KafkaError._STATE, KafkaError._FATAL)  # noqa: SLF001
_TOO_LARGE = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE)


def _no_step(_name: str) -> None:
    """Do nothing: where a crash test would strike."""


class TransactionalProducer:
    """Writes transactions under one transactional id; one thread uses it, any thread may `interrupt` it.

    Args:
        config: What `settings.producer_config` gives.
        step: Called with the name of each point where a crash must do no harm.
        clock: Bounds waits and dates records without a usable time.
        limits: What is known of topics' record sizes; pass the same one again to a producer that replaces this one.
        open_secs: How long `open` waits for the broker.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        step: Callable[[str], None] = _no_step,
        clock: Clock | None = None,
        limits: RecordLimits | None = None,
        open_secs: float = _OPEN_SECS,
    ) -> None:
        self._config = config
        self._step = step
        self._clock: Clock = SystemClock() if clock is None else clock
        self._limits = limits if limits is not None else RecordLimits()
        self._open_secs = open_secs
        self._transaction_secs = int(config.get("transaction.timeout.ms", 60_000)) / 1000
        self._producer: Producer | None = None
        self._in_transaction = False
        self._began_secs = 0.0
        self._topics: set[str] = set()
        self._interrupted = threading.Event()
        self._hearing = Hearing()
        self._what = f"{where(config)}, transactional id {config.get('transactional.id')!r}"

    @property
    def is_open(self) -> bool:
        """True from `open` until `close` or the first error."""
        return self._producer is not None

    def open(self) -> None:
        """Take over the transactional id: fence its former owner and settle what that left open.

        Raises:
            TemporaryError: The broker or its transaction coordinator cannot be reached.
            PermanentError: It refuses the credentials, the rights or a setting.
        """
        self.close()
        self._interrupted.clear()
        self._hearing = Hearing()
        try:
            self._producer = self._new_client()
            self._wait(Producer.init_transactions, self._open_secs)
        except KafkaException as error:
            self._drop()
            raise self._recovery(self._hearing.refusal or self._hearing.cause(kafka_error(error)), "cannot open") from error

    def begin(self) -> None:
        """Begin a transaction; `produce`, `send`, then `commit` or `abort`."""
        try:
            self._client.begin_transaction()
        except KafkaException as error:
            raise self._failed(error, "cannot begin a transaction") from error
        self._in_transaction = True
        self._began_secs = self._clock.monotonic_secs()
        self._topics.clear()
        self._step("begin")

    def produce(
        self,
        topic: str,
        values: Sequence[bytes | None],
        *,
        keys: Sequence[bytes | None] | None = None,
        timestamps_ms: Sequence[int] | None = None,
        headers: Headers | None = None,
        own_headers: Sequence[Headers] | None = None,
        partition: int | None = None,
    ) -> list[int]:
        """Add records to the open transaction and give the indexes of those too large to ever pass; they are not in it.

        Args:
            topic: Where they go.
            values: Their bytes; None is a tombstone.
            keys: Their keys, aligned with `values`; a key decides the partition as in Java. Without one, partitions take turns by batch.
            timestamps_ms: Their times in epoch milliseconds, aligned; 0 means now, and so does a time no broker would take.
            headers: The same headers for all of them.
            own_headers: Headers of each, aligned, instead.
            partition: Where all of them go, whatever their keys; None leaves it to the keys.

        Raises:
            TemporaryError: Nothing of the transaction will be visible; open, read the cursor, begin again.
            Fenced: Another owner has taken over.
            PermanentError: A person must change something, such as rights on the topic.
        """
        times = None if timestamps_ms is None else plausible(timestamps_ms, self._clock.now_ms())
        records = Records(values, keys, times, headers, own_headers, partition)
        self._topics.add(topic)
        limit = self._limits.learned(topic)
        large = [] if limit is None else records.larger_than(limit)
        if not large:
            return self._hand_over(topic, records)
        left_out = set(large)
        kept = [index for index in range(len(values)) if index not in left_out]
        return sorted(large + [kept[index] for index in self._hand_over(topic, records.pick(kept))])

    def send(self, message: Message) -> None:
        """Add one message to the open transaction.

        Raises:
            PermanentError: It is too large for its topic; `limit_bytes` tells beforehand how large it may be.
            TemporaryError: As in `produce`.
        """
        times = None if message.timestamp_ms is None else plausible([message.timestamp_ms], self._clock.now_ms())
        records = Records([message.value], [message.key], times, list(message.headers))
        self._topics.add(message.topic)
        if message.size_bytes() > self.limit_bytes(message.topic) or self._hand_over(message.topic, records):
            self._abandon()
            raise PermanentError(
                f"{self._what}: a message of {message.size_bytes()} bytes is too large for topic {message.topic!r}, which takes "
                f"{self.limit_bytes(message.topic)}. Raise max.message.bytes of the topic and producer.override.message.max.bytes"
            )

    def limit_bytes(self, topic: str) -> int:
        """Give the most bytes a message to `topic` may have (`Message.size_bytes`), as far as is known."""
        return self._limits.limit_bytes(topic, self._config)

    def place(self, offsets: Sequence[TopicPartition], group: Any) -> None:
        """Add how far a consumer, whose `consumer_group_metadata()` is `group`, has come to the open transaction; a member that has lost its partitions is refused.

        Raises:
            TemporaryError: As in `produce`.
            Fenced: Another member has taken over.
        """
        try:
            self._client.send_offsets_to_transaction(list(offsets), group, self._transaction_secs)
        except KafkaException as error:
            raise self._failed(error, "cannot commit the offsets of what was read") from error

    def commit(self) -> None:
        """Make everything since `begin` visible at once.

        Raises:
            CommitUnknown: Asked for, not answered: open again, and the cursor tells.
            TemporaryError: Nothing of it is or will be visible; open, read the cursor, begin again.
            Fenced: Another owner has taken over; nothing of it will be visible.
            PermanentError: A person must change something.
        """
        self._step("before_commit")
        asked = False
        deadline = self._clock.monotonic_secs() + self._transaction_secs + _GRACE_SECS
        while True:
            try:
                self._client.commit_transaction(_WAIT_SECS)
                break
            except KafkaException as error:
                asked = asked or len(self._client) == 0  # while records wait for delivery, the end has not been asked for
                if not kafka_error(error).retriable() or self._gives_up(deadline):
                    raise self._failed(
                        error, f"cannot commit records for {', '.join(sorted(self._topics))}", unknown=asked
                    ) from error
        self._in_transaction = False
        self._step("after_commit")

    def abort(self) -> None:
        """Forget everything since `begin`; nothing of it will be visible, even where the broker cannot be told now.

        Raises:
            Fenced: Another owner has taken over.
        """
        if self._producer is None:
            return
        self._in_transaction = False
        try:
            self._wait(Producer.abort_transaction, _ABORT_SECS)
        except KafkaException as error:
            self._drop()
            if kafka_error(error).code() in FENCED:
                raise self._fenced(error) from error

    def interrupt(self) -> None:
        """Make a call that waits for the broker give up within half a second; callable from any thread, until the next `open`."""
        self._interrupted.set()

    def close(self) -> None:
        """Close the producer and abort an open transaction; `open` may follow."""
        self._abandon()

    def _hand_over(self, topic: str, records: Records) -> list[int]:
        """Queue records; give the indexes that are too large for the client."""
        count, columns = len(records.values), records.columns()
        feed = iter(records.values)
        large: list[int] = []
        while left := length_hint(feed):
            try:
                for _ in range(0, left, _SLICE):
                    deque(map(self._client.produce, repeat(topic), islice(feed, _SLICE), *columns), maxlen=0)
                    self._step("mid_produce")
            except (BufferError, KafkaException) as error:
                # All columns stand behind the record that failed: it alone must still be dealt with.
                at = count - length_hint(feed) - 1
                if not self._hand_over_one(topic, records.pick([at]), error):
                    large.append(at)
        self._serve(topic, 0)
        return large

    def _hand_over_one(self, topic: str, record: Records, error: BufferError | KafkaException) -> bool:
        """Queue one record that was refused with `error`; False when it is too large."""
        arguments = [next(column) for column in record.columns()]
        while isinstance(error, BufferError):
            if self._interrupted.is_set():
                raise self._lost("interrupted while the queue was full")
            self._serve(topic, _FULL_SECS)
            try:
                self._client.produce(topic, record.values[0], *arguments)
            except (BufferError, KafkaException) as again:
                error = again
            else:
                return True
        if kafka_error(error).code() == KafkaError.MSG_SIZE_TOO_LARGE:
            return False
        raise self._failed(self._cause(error), f"cannot produce to {topic}") from error

    def _serve(self, topic: str, secs: float) -> None:
        """Let librdkafka say what it has to; this is where it tells first that the producer was fenced meanwhile."""
        try:
            self._client.poll(secs)
        except KafkaException as error:
            raise self._failed(self._cause(error), f"cannot produce to {topic}") from error

    def _cause(self, error: KafkaException) -> KafkaException:
        """Give why the transaction failed before; `error` may only say that it did."""
        if kafka_error(error).code() not in _FAILED_BEFORE:
            return error
        try:
            self._client.begin_transaction()  # refused while one is open, with the reason why that one must be aborted
        except KafkaException as cause:
            return cause
        return error

    def _failed(self, error: KafkaException, doing: str, *, unknown: bool = False) -> WellheadError:
        """Close the producer and give the error whose type says what is known of the transaction."""
        reason = kafka_error(error)
        expired = self._in_transaction and self._clock.monotonic_secs() - self._began_secs > self._transaction_secs
        self._abandon(tell=not reason.fatal())
        if reason.code() in FENCED and not expired:
            return self._fenced(error)
        if reason.code() in _TOO_LARGE:
            return self._learn()
        text = f"{self._what}: {doing}: {reason.str()} ({reason.name()})"
        if expired:
            text += f"; the transaction was open for more than transaction.timeout.ms ({self._transaction_secs:g} s)"
        if unknown and not reason.txn_requires_abort():
            return CommitUnknown(f"{text}. The cursor will tell whether it was committed")
        if refused(reason) is not None:
            return self._recovery(reason, doing)
        return ProducerLost(f"{text}. Nothing of the transaction is visible, it will be tried again")

    def _lost(self, text: str) -> ProducerLost:
        self._abandon()
        return ProducerLost(f"{self._what}: {text}. Nothing of the transaction is visible, it will be tried again")

    def _learn(self) -> WellheadError:
        """Ask for the limits of the transaction's topics, so that the next try can leave out what cannot pass."""
        try:
            news = self._limits.learn(self._topics, self._config)
        except KafkaException as error:
            return self._recovery(kafka_error(error), "cannot read max.message.bytes")
        except PermanentError as error:
            return error
        if not news:
            return PermanentError(
                f"{self._what}: the broker refuses a batch as too large, though it is within max.message.bytes of {sorted(self._topics)}. "
                "Lower producer.override.batch.size"
            )
        return ProducerLost(
            f"{self._what}: a batch was larger than a topic's max.message.bytes. It will be tried again in smaller batches"
        )

    def _fenced(self, error: KafkaException) -> Fenced:
        return Fenced(
            f"{self._what}: another worker has taken over this task ({kafka_error(error).name()}). "
            "If no other worker should run it, look for a second process with the same group.id"
        )

    def _recovery(self, reason: KafkaError, doing: str) -> WellheadError:
        error = recovery(reason, f"{self._what}: {doing}")
        return type(error)(redact(str(error), self._config))

    def _new_client(self) -> Producer:
        settings = self._hearing.settings(self._config)
        if self._limits:
            settings["batch.size"] = str(self._limits.batch_bytes(self._config))
        return Producer(settings, logger=ClientLog())

    @property
    def _client(self) -> Producer:
        # Never kept in a local: an error that someone holds would hold the frame, the producer and its threads.
        if self._producer is None:
            raise ProducerLost(f"{self._what}: the producer is not open. Open it and read the cursor first")
        return self._producer

    def _wait(self, call: Callable[[Producer, float], None], secs: float) -> None:
        """Call again while librdkafka says that the same call may succeed; it resumes what it had begun."""
        deadline_secs = self._clock.monotonic_secs() + secs
        while True:
            try:
                return call(self._client, _WAIT_SECS)
            except KafkaException as error:
                if not kafka_error(error).retriable() or self._gives_up(deadline_secs):
                    raise

    def _gives_up(self, deadline_secs: float) -> bool:
        if self._producer is not None:
            with suppress(KafkaException):  # what is fatal, the call that is tried again says itself
                self._producer.poll(0)  # lets a refusal of the broker be heard
        if self._hearing.refusal is not None or self._clock.monotonic_secs() >= deadline_secs:
            return True
        return self._interrupted.wait(_PAUSE_SECS)

    def _abandon(self, *, tell: bool = True) -> None:
        """Close the producer; `tell` the broker first, so that readers need not wait for the transaction to expire."""
        if self._producer is not None and self._in_transaction and tell:
            with suppress(KafkaException):
                self._wait(Producer.abort_transaction, _CLOSING_ABORT_SECS)
        self._drop()

    def _drop(self) -> None:
        # Without a word: Producer.close() waits for, and warns about, what is not visible anyway.
        self._producer = None
        self._in_transaction = False
