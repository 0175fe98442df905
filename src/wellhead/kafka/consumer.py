"""Takes a topic, gives what is committed in it up to now, in batches, never joins a group and never misses behind an open transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

from wellhead.errors import TemporaryError
from wellhead.kafka.admin import REQUEST_SECS, Admin
from wellhead.kafka.client_log import ClientLog, Hearing
from wellhead.kafka.errors import kafka_error, recovery, where
from wellhead.kafka.topics import partition_counts

OnBatch = Callable[[list[Message]], None]
Spans = dict[TopicPartition, tuple[int, int]]
"""First offset and end (exclusive) by partition."""

_BATCH = 10_000
_WAIT_SECS = 0.05
STALLED_SECS = 90.0
# A leader that is named may not have heard of it yet: right after a topic was made, or a broker died.
_MOVING = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.UNKNOWN_TOPIC_OR_PART)


def read_to_end(
    config: Mapping[str, Any],
    topic: str,
    on_batch: OnBatch,
    *,
    from_ms: int | None = None,
    missing_ok: bool = True,
    stalled_secs: float = STALLED_SECS,
) -> int:
    """Read every committed message that `topic` holds now and give how many there were.

    The end is the high watermark at the time of the call. Where a transaction is open before it, reading waits for its end: what lies behind
    an open transaction of another task is committed already and must not be missed.

    Args:
        config: What `settings.consumer_config` gives.
        topic: The topic.
        on_batch: Called with up to 10,000 messages at a time; messages of a partition come in order.
        from_ms: Leave out, per partition, what stands before the first message of this epoch time or later. Older ones may come, too: the
            end of a transaction counts as a message of the time of its commit.
        missing_ok: A topic that does not exist is empty; else it is an error.
        stalled_secs: Give up when nothing was read for so long.

    Raises:
        TemporaryError: The broker cannot be reached, or an open transaction blocks the topic.
        PermanentError: The broker refuses the credentials or rights.
    """
    return _read(config, topic, on_batch, from_ms=from_ms, missing_ok=missing_ok, stalled_secs=stalled_secs)


def read_partition(config: Mapping[str, Any], topic: str, partition: int, on_batch: OnBatch, *, last: int | None = None) -> int:
    """Read every committed message that one partition holds now, as `read_to_end` does, and give how many there were.

    Args:
        config: What `settings.consumer_config` gives.
        topic: The topic.
        partition: Its number.
        on_batch: Called with messages, in order.
        last: Only from so many offsets before the end.
    """

    def within(spans: Spans) -> Spans:
        mine = {part: span for part, span in spans.items() if part.partition == partition}
        return mine if last is None else {part: (max(first, end - last), end) for part, (first, end) in mine.items()}

    return _read(config, topic, on_batch, within=within)


def read_places(
    config: Mapping[str, Any], topic: str, places: Mapping[int, Sequence[int]], on_message: Callable[[Message], None]
) -> None:
    """Read the committed messages that stand at `places`, offsets by partition; what is no longer there, or never was, is left out.

    Messages of a partition come in order.

    Raises:
        TemporaryError: The broker cannot be reached.
        PermanentError: The broker refuses the credentials or rights.
    """
    wanted = {partition: frozenset(offsets) for partition, offsets in places.items() if offsets}

    def pick(messages: list[Message]) -> None:
        for message in messages:
            if message.offset() in wanted[message.partition() or 0]:
                on_message(message)

    def within(spans: Spans) -> Spans:
        asked = {part: wanted[part.partition] for part in spans if part.partition in wanted}
        cut = {
            part: (max(spans[part][0], min(offsets)), min(spans[part][1], max(offsets) + 1)) for part, offsets in asked.items()
        }
        return {part: (first, end) for part, (first, end) in cut.items() if first < end}

    _read(config, topic, pick, within=within)


def _read(
    config: Mapping[str, Any],
    topic: str,
    on_batch: OnBatch,
    *,
    from_ms: int | None = None,
    missing_ok: bool = True,
    stalled_secs: float = STALLED_SECS,
    within: Callable[[Spans], Spans] = lambda spans: spans,
) -> int:
    what = f"{where(config)}, topic {topic!r}"
    admin = Admin(config)
    try:
        spans = within(_spans(admin, what, topic, from_ms, missing_ok=missing_ok))
        reader = _Reader(config, what, stalled_secs)
        try:
            return reader.read(spans, on_batch)
        finally:
            reader.close()
    except KafkaException as error:
        raise recovery(admin.cause(error), f"{what}: cannot read") from error
    finally:
        admin.close()


def _spans(admin: Admin, what: str, topic: str, from_ms: int | None, *, missing_ok: bool) -> Spans:
    """Give first offset and end (exclusive) of each partition that holds something to read."""
    count = partition_counts(admin, [topic]).get(topic)
    if count is None and missing_ok:
        return {}
    if not count:
        state = "does not exist" if count is None else "has a partition without a leader"
        raise TemporaryError(f"{what} {state}, so what it holds cannot be known")
    partitions = [TopicPartition(topic, number) for number in range(count)]
    start = OffsetSpec.earliest() if from_ms is None else OffsetSpec.for_timestamp(from_ms)  # type: ignore[no-untyped-call]
    first = _offsets(admin, partitions, start)
    end = _offsets(admin, partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]
    # A time after the last message has no offset (-1): nothing to read there.
    return {partition: (first[partition], end[partition]) for partition in partitions if 0 <= first[partition] < end[partition]}


def _offsets(admin: Admin, partitions: list[TopicPartition], spec: OffsetSpec) -> dict[TopicPartition, int]:
    deadline_secs = time.monotonic() + REQUEST_SECS
    while True:
        asked = admin.client.list_offsets(
            dict.fromkeys(partitions, spec), isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=REQUEST_SECS
        )
        try:
            return {partition: future.result().offset for partition, future in asked.items()}
        except KafkaException as error:
            if kafka_error(error).code() not in _MOVING or time.monotonic() > deadline_secs:
                raise
        time.sleep(_WAIT_SECS)


class _Reader:
    """One consumer, assigned by hand."""

    def __init__(self, config: Mapping[str, Any], what: str, stalled_secs: float) -> None:
        self._what = what
        self._stalled_secs = stalled_secs
        self._hearing = Hearing()
        self._consumer = Consumer(self._hearing.settings(config), logger=ClientLog())

    def read(self, spans: Spans, on_batch: OnBatch) -> int:
        ends = {partition.partition: end for partition, (_, end) in spans.items()}
        self._consumer.assign([TopicPartition(part.topic, part.partition, first) for part, (first, _) in spans.items()])
        count, moved_secs = 0, time.monotonic()
        while ends:
            messages = self._consumer.consume(_BATCH, _WAIT_SECS)
            records = [message for message in messages if message.error() is None]
            if records:
                on_batch(records)
                count += len(records)
            if messages:
                self._strike_out(ends, messages)
                moved_secs = time.monotonic()
            elif time.monotonic() - moved_secs > self._stalled_secs or self._hearing.refusal is not None:
                raise self._stalled(ends)
        return count

    def close(self) -> None:
        self._consumer.close()

    def _strike_out(self, ends: dict[int, int], messages: list[Message]) -> None:
        """Take partitions that are read to their end out of `ends`."""
        for message in messages:
            error, number, offset = message.error(), message.partition(), message.offset()
            if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
                raise KafkaException(error)
            assert number is not None
            assert offset is not None
            # The end of a partition is told as the offset of the next message, transaction markers included.
            reached = offset if error is not None else offset + 1
            if number in ends and reached >= ends[number]:
                del ends[number]

    def _stalled(self, ends: Mapping[int, int]) -> Exception:
        if self._hearing.refusal is not None:
            return KafkaException(self._hearing.refusal)
        return TemporaryError(
            f"{self._what}: nothing more to read for {self._stalled_secs:g} s, though partition {min(ends)} goes on to offset {ends[min(ends)]}. "
            "The broker is away, or a producer left a transaction open, which ends with its transaction.timeout.ms"
        )
