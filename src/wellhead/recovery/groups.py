"""Takes a consumer group and where it is to read on, gives the offsets that become of it and sets them, never while it has members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

from wellhead.errors import PermanentError
from wellhead.kafka.admin import REQUEST_SECS, Admin, offsets_at
from wellhead.kafka.errors import kafka_error, recovery, where
from wellhead.kafka.topics import partition_counts
from wellhead.recovery.errors import Refused
from wellhead.recovery.readers import Progress, progress

_IN_USE = (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.NON_EMPTY_GROUP, KafkaError.REBALANCE_IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class ToEarliest:
    """Read everything that is there."""


@dataclass(frozen=True, slots=True)
class ToLatest:
    """Read only what comes."""


@dataclass(frozen=True, slots=True)
class ToOffset:
    """Read on at this offset of each partition, or as near to it as there are records."""

    offset: int


@dataclass(frozen=True, slots=True)
class ToMoment:
    """Read on at the first record of this Kafka timestamp (epoch ms) or later; at the end where there is none."""

    at_ms: int


GroupAim: TypeAlias = ToEarliest | ToLatest | ToOffset | ToMoment


@dataclass(frozen=True, slots=True)
class GroupMove:
    """What becomes of a group's place in one partition.

    Attributes:
        topic: The topic.
        partition: Its number.
        before: The offset it would read next, None where it has read nothing.
        after: The offset it will read next.
        records: How many it reads again (above zero) or passes over (below zero), markers included.
    """

    topic: str
    partition: int
    before: int | None
    after: int
    records: int


@dataclass(frozen=True, slots=True)
class Membership:
    """Who is in a group: its state in Kafka's words and its members' client ids."""

    state: str
    members: tuple[str, ...]


def membership(config: Mapping[str, Any], group: str) -> Membership:
    """Tell who is in `group`; a group that nobody knows is empty and DEAD.

    Raises:
        TemporaryError: The broker cannot be reached.
        PermanentError: It refuses the rights.
    """
    admin = Admin(config)
    try:
        (described,) = admin.client.describe_consumer_groups([group], request_timeout=REQUEST_SECS).values()
        found = described.result()
        return Membership(found.state.name, tuple(sorted(member.client_id for member in found.members)))
    except KafkaException as error:
        if kafka_error(error).code() == KafkaError.GROUP_ID_NOT_FOUND:
            return Membership("DEAD", ())
        raise recovery(admin.cause(error), f"{where(config)}: cannot look up group {group!r}") from error
    finally:
        admin.close()


def plan_moves(config: Mapping[str, Any], group: str, topics: Sequence[str], aim: GroupAim) -> list[GroupMove]:
    """Give what `aim` means for each partition of `topics`; changes nothing.

    Raises:
        PermanentError: A topic does not exist, or the rights are refused.
        TemporaryError: The broker cannot be reached.
    """
    read = {(each.topic, each.partition): each for each in progress(config, topics, group=group)}
    admin = Admin(config)
    try:
        counts = partition_counts(admin, topics)
        missing = sorted(set(topics) - counts.keys())
        if missing:
            raise PermanentError(
                f"{where(config)}: topic {missing[0]!r} does not exist. Name one that 'wellhead offsets groups list' shows"
            )
        places = [(topic, number) for topic, count in sorted(counts.items()) for number in range(count)]
        first, end = offsets_at(admin, places, OffsetSpec.earliest()), offsets_at(admin, places, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        wanted = _wanted(admin, places, aim, first, end)
    except KafkaException as error:
        raise recovery(admin.cause(error), f"{where(config)}: cannot look up offsets") from error
    finally:
        admin.close()
    return [_move(place, read.get(place), wanted[place], first[place]) for place in places]


def apply_moves(config: Mapping[str, Any], group: str, moves: Sequence[GroupMove]) -> None:
    """Set the offsets of `group`.

    Raises:
        Refused: It has members, who would not notice and would overwrite them.
        TemporaryError: The broker cannot be reached.
        PermanentError: It refuses the rights.
    """
    inside = membership(config, group)
    if inside.members:
        raise Refused(_in_use(group, f"{len(inside.members)} ({', '.join(inside.members[:3])})"))
    admin = Admin(config)
    places = [TopicPartition(move.topic, move.partition, move.after) for move in moves]
    try:
        asked = admin.client.alter_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group, places)], request_timeout=REQUEST_SECS
        )
        _raise_for(asked[group].result().topic_partitions)
    except KafkaException as error:
        if kafka_error(error).code() in _IN_USE:
            raise Refused(_in_use(group, "some")) from error
        raise recovery(admin.cause(error), f"{where(config)}: cannot set the offsets of group {group!r}") from error
    finally:
        admin.close()


def _raise_for(places: Sequence[TopicPartition]) -> None:
    for place in places:
        if place.error is not None:
            raise KafkaException(place.error)


def _in_use(group: str, who: str) -> str:
    return (
        f"group {group!r} has members: {who}. They keep their own place and would overwrite this one; "
        "stop them, wait until 'wellhead offsets groups list' shows the group as EMPTY, and try again"
    )


def _wanted(
    admin: Admin,
    places: Sequence[tuple[str, int]],
    aim: GroupAim,
    first: Mapping[tuple[str, int], int],
    end: Mapping[tuple[str, int], int],
) -> Mapping[tuple[str, int], int]:
    match aim:
        case ToEarliest():
            return first
        case ToLatest():
            return end
        case ToOffset(offset):
            return {place: min(max(offset, first[place]), end[place]) for place in places}
        case ToMoment(at_ms):
            found = offsets_at(admin, places, OffsetSpec.for_timestamp(at_ms))
            return {place: offset if offset >= 0 else end[place] for place, offset in found.items()}


def _move(place: tuple[str, int], read: Progress | None, after: int, first: int) -> GroupMove:
    before = None if read is None else read.offset
    # A group that has read nothing begins where its client says; what it reads again is nothing.
    again = 0 if before is None else max(before, first) - after
    return GroupMove(place[0], place[1], before, after, again)
