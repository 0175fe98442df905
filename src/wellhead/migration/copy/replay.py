"""Takes a range of the documents topic, gives its slices and their documents in order; asks neither a vendor nor a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

from wellhead.errors import PermanentError, TemporaryError
from wellhead.kafka.admin import Admin, offsets_at
from wellhead.kafka.client_log import ClientLog, Hearing
from wellhead.kafka.errors import kafka_error, recovery, where
from wellhead.kafka.topics import partition_counts
from wellhead.migration.copy.cap import SourceCap
from wellhead.migration.copy.job import Job
from wellhead.migration.copy.planner import Plan
from wellhead.migration.copy.slices import Slice
from wellhead.migration.copy.slicing import cut_offsets, slice_docs_for
from wellhead.migration.copy.source import SourcePage
from wellhead.migration.copy.translate import Found

DOCUMENTS = "documents"
KINDS = {b"hit": "hits", b"attack": "attacks"}
_STALLED_SECS = 60.0
_WAIT_SECS = 0.5

Spans = dict[int, tuple[int, int]]
"""First offset and end (exclusive) by partition."""


class TopicPlanner:
    """Plans what is replayed of a topic: offsets by the job's times, or those it names."""

    def __init__(self, job: Job, config: Mapping[str, Any]) -> None:
        self._job = job
        self._topic = job.source_topic or ""
        self._config = config
        self._what = f"{where(config)}, topic {self._topic!r}"

    def plan(self) -> Plan:
        """Look up where the range begins and ends, and cut it.

        Raises:
            TemporaryError: The broker cannot be reached.
            PermanentError: It refuses, or there is no such topic or partition.
        """
        spans = self._spans()
        most = self._job.slice_docs or slice_docs_for(sum(end - first for first, end in spans.values()))
        ranges = [
            (partition, each) for partition, (first, end) in sorted(spans.items()) for each in cut_offsets(first, end, most)
        ]
        slices = (
            Slice(number, DOCUMENTS, self._topic, each.docs, None, partition, each.first, each.end)
            for number, (partition, each) in enumerate(ranges)
        )
        return Plan(tuple(slices))

    def _spans(self) -> Spans:
        admin = Admin(self._config)
        try:
            count = partition_counts(admin, [self._topic]).get(self._topic)
            if not count:
                raise PermanentError(
                    f"{self._what} does not exist. Name the topic of documents, as attacks.<name>.document.topic has it"
                )
            whole = range(count)
            first = self._offsets(admin, whole, self._job.from_ms, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
            end = self._offsets(admin, whole, self._job.to_ms, OffsetSpec.latest())  # type: ignore[no-untyped-call]
            last = self._offsets(admin, whole, None, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        except KafkaException as error:
            raise recovery(admin.cause(error), f"{self._what}: cannot be planned") from error
        finally:
            admin.close()
        # A time after the last message has no offset (-1).
        spans = {each: tuple(last[each] if at < 0 else at for at in (first[each], end[each])) for each in whole}
        return {each: (low, high) for each, (low, high) in self._named(spans).items() if low < high}

    def _named(self, spans: Mapping[int, tuple[int, ...]]) -> Spans:
        asked = self._job.offsets
        if asked is None:
            return {each: (low, high) for each, (low, high) in spans.items()}
        if unknown := asked.keys() - spans.keys():
            raise PermanentError(f"{self._what} has no partition {min(unknown)}; it has {len(spans)}. Correct --offsets")
        return {each: (max(low, spans[each][0]), min(high, spans[each][1])) for each, (low, high) in asked.items()}

    def _offsets(self, admin: Admin, partitions: range, at_ms: int | None, otherwise: OffsetSpec) -> dict[int, int]:
        spec = otherwise if at_ms is None else OffsetSpec.for_timestamp(at_ms)
        found = offsets_at(admin, [(self._topic, number) for number in partitions], spec)
        return {number: offset for (_, number), offset in found.items()}


class TopicSource:
    """Reads documents from a topic, each slice with a consumer of its own that joins no group."""

    def __init__(self, job: Job, config: Mapping[str, Any]) -> None:
        self._chosen = job.chosen
        self._config = config
        self._what = f"{where(config)}, topic {job.source_topic!r}"

    def pages(self, wanted: Slice, after: list[Any] | None, size: int, cap: SourceCap) -> Iterator[SourcePage]:
        """Yield the documents of a slice from `after` on.

        Raises:
            TemporaryError: The broker cannot be reached, or nothing comes.
            PermanentError: It refuses.
        """
        hearing, end = Hearing(), wanted.end or 0
        position = int(after[0]) if after else wanted.first or 0
        consumer = Consumer(hearing.settings(self._config), logger=ClientLog())
        try:
            consumer.assign([TopicPartition(wanted.place, wanted.partition or 0, position)])
            while position < end:
                with cap.page(size):
                    messages = self._some(consumer, hearing, size)
                kept = [message for message in messages if message.error() is None and (message.offset() or 0) < end]
                reached = [message.offset() or 0 for message in messages if message.error() is not None]
                position = max(
                    [position, *reached, *((message.offset() or 0) + 1 for message in messages if message.error() is None)]
                )
                found = [each for message in kept for each in self._documents(message)]
                yield SourcePage(found, len(kept) - len(found), [position])
        except KafkaException as error:
            raise recovery(hearing.refusal or hearing.cause(kafka_error(error)), f"{self._what}: cannot read") from error
        finally:
            consumer.close()

    def _some(self, consumer: Consumer, hearing: Hearing, size: int) -> list[Message]:
        for _ in range(int(_STALLED_SECS / _WAIT_SECS)):
            messages = consumer.consume(size, _WAIT_SECS)
            for message in messages:
                error = message.error()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
                    raise KafkaException(error)
            if messages:
                return messages
            if hearing.refusal is not None:
                raise KafkaException(hearing.refusal)
        raise TemporaryError(
            f"{self._what}: nothing more to read for {_STALLED_SECS:g} s. The broker is away; it is tried again"
        )

    def _documents(self, message: Message) -> Iterator[Found]:
        """Yield the document of a message, unless another client's."""
        value, headers = message.value(), dict(message.headers() or [])
        place = f"{message.topic()}, partition {message.partition()}, offset {message.offset()}"
        content: bytes = value if isinstance(value, bytes) else b""
        if not self._chosen.is_all and not self._is_chosen(content):
            return
        version = _text(headers.get("version"))
        yield Found(
            KINDS.get(_bytes(headers.get("kind")), ""),
            place,
            _text(message.key()),
            int(version) if version.isdecimal() else None,
            content,
            _text(headers.get("month")) or None,
        )

    def _is_chosen(self, content: bytes) -> bool:
        try:
            return orjson.loads(content).get("client_id") in self._chosen
        except (orjson.JSONDecodeError, AttributeError):
            return True  # the target, or the mapping, refuses it with a reason


def _bytes(content: str | bytes | None) -> bytes:
    return content.encode() if isinstance(content, str) else content or b""


def _text(content: str | bytes | None) -> str:
    return _bytes(content).decode(errors="replace")
