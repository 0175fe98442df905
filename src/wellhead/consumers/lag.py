"""Takes a consumer group and a topic, gives where it stands in each partition and what it will read next; never joins or moves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

from wellhead.clock import Clock
from wellhead.errors import TemporaryError
from wellhead.kafka.admin import Admin, offsets_at
from wellhead.kafka.client_log import ClientLog, Hearing
from wellhead.kafka.errors import recovery, where
from wellhead.kafka.groups import GroupPlaces
from wellhead.kafka.topics import partition_counts

_REQUEST_SECS = 5.0
_READ_SECS = 5.0
_WAIT_SECS = 0.2
# Only the first message of a partition is wanted.
_SMALL = {"fetch.message.max.bytes": "16384", "fetch.wait.max.ms": "20", "queued.max.messages.kbytes": "1024"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a group stands in one partition.

    Attributes:
        at: The offset it reads next: what it committed, or where it begins without that.
        end: Where what is committed ends, open transactions left out.
        high: Where the partition ends, open transactions included.
        next_offset: The first record it will really get; None where nothing but the markers of transactions follows before `end`.
        next_ms: When that record reached Kafka (epoch ms).
    """

    at: int
    end: int
    high: int
    next_offset: int | None = None
    next_ms: int | None = None

    def lag(self, now_ms: int) -> tuple[int, float]:
        """Give the records it has not done, and the seconds the first of them has been waiting."""
        if self.next_offset is None:
            return 0, 0.0
        return self.end - self.next_offset, max(0, now_ms - (self.next_ms or now_ms)) / 1000

    def has_done(self, target: int) -> bool:
        """Tell whether everything before `target` is done or was aborted."""
        return self.at >= target or (self.end >= target and (self.next_offset is None or self.next_offset >= target))


class LagProbe:
    """Looks up groups, with connections that it keeps from one look to the next. Blocking, for one thread.

    Args:
        config: What `settings.consumer_config` gives; its group is neither joined nor changed.
        clock: Tells how long an answer is awaited.
    """

    def __init__(self, config: Mapping[str, Any], clock: Clock) -> None:
        self._config = dict(config)
        self._clock = clock
        self._admin: Admin | None = None
        self._consumer: Consumer | None = None
        self._groups = GroupPlaces(config)

    def close(self) -> None:
        """Close the connections; the next look opens them again."""
        self._groups.close()
        if self._consumer is not None:
            self._consumer.close()
        if self._admin is not None:
            self._admin.close()
        self._consumer = self._admin = None

    def places(self, group: str, topic: str, *, start: str = "earliest") -> dict[int, Place] | None:
        """Give where `group` stands in each partition of `topic`; None where there is no such topic.

        Args:
            group: The group.
            topic: The topic.
            start: Where the group begins in a partition it has committed nothing of, earliest or latest.

        Raises:
            TemporaryError: The broker cannot be reached, or a partition has no leader.
            PermanentError: It refuses the credentials or rights.
        """
        admin = self._admin = self._admin or Admin(self._config)
        what = f"{where(self._config)}, group {group!r}, topic {topic!r}"
        try:
            admin.forget()
            count = partition_counts(admin, [topic]).get(topic)
            if count is None:
                return None
            if not count:
                raise TemporaryError(f"{what}: a partition has no leader. The lag is told once it has one")
            return self._places(admin, group, [TopicPartition(topic, number) for number in range(count)], start)
        except KafkaException as error:
            cause = admin.cause(error)
            self.close()
            raise recovery(cause, f"{what}: the lag cannot be looked up") from error

    def _places(self, admin: Admin, group: str, parts: list[TopicPartition], start: str) -> dict[int, Place]:
        committed = {place.partition: place.offset for place in self._groups.committed(group, parts, _REQUEST_SECS)}

        def at(spec: OffsetSpec, isolation: IsolationLevel) -> dict[int, int]:
            found = offsets_at(
                admin, [(part.topic, part.partition) for part in parts], spec, isolation=isolation, secs=_REQUEST_SECS
            )
            return {number: offset for (_, number), offset in found.items()}

        first = at(OffsetSpec.earliest(), IsolationLevel.READ_COMMITTED)  # type: ignore[no-untyped-call]
        high = at(OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED)  # type: ignore[no-untyped-call]
        end = at(OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)  # type: ignore[no-untyped-call]
        places: dict[int, Place] = {}
        for number, offset in committed.items():
            new = first[number] if start == "earliest" else end[number]
            stands = max(offset, first[number]) if offset >= 0 else new
            places[number] = Place(stands, end[number], max(high[number], end[number]))
        behind = {number: place.at for number, place in places.items() if place.at < place.end}
        for number, message in self._first_messages(parts[0].topic, behind).items():
            if message is not None:
                there, offset = places[number], message.offset() or 0
                # Seen after the ends were asked for, it may stand behind them.
                places[number] = Place(
                    there.at, max(there.end, offset + 1), max(there.high, offset + 1), offset, message.timestamp()[1]
                )
        return places

    def _first_messages(self, topic: str, behind: Mapping[int, int]) -> dict[int, Message | None]:
        """Give the first committed message of each partition from an offset on; None where its end comes first."""
        if not behind:
            return {}
        found: dict[int, Message | None] = {}
        consumer = self._consumer = self._consumer or Consumer(
            Hearing().settings({**self._config, **_SMALL}), logger=ClientLog()
        )
        consumer.assign([TopicPartition(topic, number, offset) for number, offset in behind.items()])
        until_secs = self._clock.monotonic_secs() + _READ_SECS
        while len(found) < len(behind):
            for message in consumer.consume(200, _WAIT_SECS):
                self._sort(message, found)
            if self._clock.monotonic_secs() > until_secs:
                raise TemporaryError(
                    f"{where(self._config)}, topic {topic!r}: what is read next did not come in {_READ_SECS:g} s"
                )
        consumer.unassign()
        return found

    def _sort(self, message: Message, found: dict[int, Message | None]) -> None:
        error, number = message.error(), message.partition() or 0
        if error is None:
            if found.get(number) is None:
                found[number] = message
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
            found.setdefault(number, None)
        else:
            raise KafkaException(error)
