"""Takes topics, gives the consumer groups that read them and how far each is; never joins one and never moves one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

from wellhead.kafka.admin import REQUEST_SECS, Admin, offsets_at
from wellhead.kafka.errors import recovery, where
from wellhead.kafka.groups import GroupPlaces
from wellhead.kafka.topics import partition_counts


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a consumer group is in one partition.

    Attributes:
        group: Its id.
        topic: The topic.
        partition: Its number.
        offset: The next record it will read.
        first: The oldest record that is there.
        end: Where the next record will stand, as far as is committed.
    """

    group: str
    topic: str
    partition: int
    offset: int
    first: int
    end: int

    @property
    def lag(self) -> int:
        """Records it has not read yet; transaction markers count, as everywhere in Kafka."""
        return max(0, self.end - max(self.offset, self.first))


def progress(config: Mapping[str, Any], topics: Iterable[str], *, group: str | None = None) -> list[Progress]:
    """Give how far each group, or only `group`, is in `topics`, of which those that do not exist are passed over; blocking.

    Args:
        config: What `settings.admin_config` gives.
        topics: The topics.
        group: The only group to look at.

    Raises:
        TemporaryError: The broker cannot be reached.
        PermanentError: It refuses the rights.
    """
    admin = Admin(config)
    try:
        return _Look(admin, config).progress(sorted(set(topics)), group)
    except KafkaException as error:
        raise recovery(admin.cause(error), f"{where(config)}: cannot look up consumer groups") from error
    finally:
        admin.close()


def lags(found: Sequence[Progress], topic: str) -> dict[str, int]:
    """Give the lag of each group that reads `topic`."""
    groups: dict[str, int] = {}
    for each in found:
        if each.topic == topic:
            groups[each.group] = groups.get(each.group, 0) + each.lag
    return dict(sorted(groups.items()))


class _Look:
    """A few questions to the broker, all at once where it allows."""

    def __init__(self, admin: Admin, config: Mapping[str, Any]) -> None:
        self._admin = admin
        self._places = GroupPlaces(config)

    def progress(self, topics: Sequence[str], group: str | None) -> list[Progress]:
        counts = partition_counts(self._admin, topics) if topics else {}
        places = [TopicPartition(topic, number) for topic, count in sorted(counts.items()) for number in range(count)]
        if not places:
            return []
        groups = [group] if group is not None else self._groups()
        read = [(name, place) for name in groups for place in self._committed(name, places) if place.offset >= 0]
        wanted = sorted({(place.topic, place.partition) for _, place in read})
        first = offsets_at(self._admin, wanted, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        end = offsets_at(self._admin, wanted, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        return [
            Progress(name, place.topic, place.partition, place.offset, first[at], end[at])
            for name, place in read
            for at in [(place.topic, place.partition)]
        ]

    def _committed(self, group: str, places: Sequence[TopicPartition]) -> list[TopicPartition]:
        try:
            return self._places.committed(group, places, REQUEST_SECS)
        finally:
            self._places.forget(group)

    def _groups(self) -> list[str]:
        listed = self._admin.client.list_consumer_groups(request_timeout=REQUEST_SECS).result()
        return sorted(each.group_id for each in listed.valid)
