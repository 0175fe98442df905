"""Takes the topics that must exist, gives them with the settings asked for, never changes one that is there."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import ConfigResource, NewTopic, ResourceType  # type: ignore[attr-defined]

from wellhead.errors import PermanentError, TemporaryError
from wellhead.kafka.admin import REQUEST_SECS, Admin
from wellhead.kafka.errors import kafka_error, recovery, refused, where

_VISIBLE_SECS = 30.0
_PAUSE_SECS = 0.05


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it is to be created; -1 leaves a number to the broker.

    Attributes:
        name: The topic.
        partitions: How many.
        replication_factor: Replicas of each.
        config: Any topic settings.
        strict_cleanup: A topic that exists already must have this spec's `cleanup.policy`, nothing more.
        holds: What would be lost otherwise, in words.
    """

    name: str
    partitions: int = -1
    replication_factor: int = -1
    config: Mapping[str, str] = field(default_factory=dict)
    strict_cleanup: bool = False
    holds: str = "cursors"


def ensure(config: Mapping[str, Any], specs: Sequence[TopicSpec]) -> list[str]:
    """Create what is missing of `specs`, wait until it can be written, and give the names of what was created.

    Args:
        config: What `settings.admin_config` gives.
        specs: The topics; of two with one name the first counts.

    Raises:
        TemporaryError: The broker cannot be reached, or does not show a new topic in time.
        PermanentError: It refuses a setting or the rights, or a cleanup policy would lose cursors.
    """
    admin, what = Admin(config), where(config)
    try:
        lacking = _lacking(admin, specs, what)
        created = _create(admin, lacking, what)
        _wait_for(admin, [spec.name for spec in lacking], what)
    except KafkaException as error:
        raise recovery(admin.cause(error), f"{what}: cannot look up topics") from error
    finally:
        admin.close()
    return created


def missing(config: Mapping[str, Any], specs: Sequence[TopicSpec]) -> list[TopicSpec]:
    """Give those of `specs` that `ensure` would create; it creates nothing, and raises as `ensure` does."""
    admin, what = Admin(config), where(config)
    try:
        return _lacking(admin, specs, what)
    except KafkaException as error:
        raise recovery(admin.cause(error), f"{what}: cannot look up topics") from error
    finally:
        admin.close()


def _lacking(admin: Admin, specs: Sequence[TopicSpec], what: str) -> list[TopicSpec]:
    wanted = {spec.name: spec for spec in reversed(specs)}
    present = partition_counts(admin, wanted)
    _check_cleanup(admin, [spec for spec in wanted.values() if spec.strict_cleanup and spec.name in present], what)
    return [spec for spec in wanted.values() if spec.name not in present]


def partition_counts(admin: Admin, names: Iterable[str]) -> dict[str, int]:
    """Give how many partitions each of `names` has, 0 while one of them has no leader; a topic that does not exist is left out."""
    counts: dict[str, int] = {}
    for name, future in admin.client.describe_topics(TopicCollection(list(names)), request_timeout=REQUEST_SECS).items():
        try:
            partitions = future.result().partitions
        except KafkaException as error:
            if kafka_error(error).code() == KafkaError.LEADER_NOT_AVAILABLE:
                counts[name] = 0
            elif kafka_error(error).code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
        else:
            led = all(partition.leader is not None and partition.leader.id >= 0 for partition in partitions)
            counts[name] = len(partitions) if led else 0
    return counts


def topic_id(config: Mapping[str, Any], name: str) -> str:
    """Give Kafka's id of a topic: one that is deleted and made again under the same name has another.

    Args:
        config: What `settings.admin_config` gives.
        name: The topic.

    Raises:
        TemporaryError: It does not exist, or the broker cannot be reached.
        PermanentError: The broker refuses the credentials or rights.
    """
    admin, what = Admin(config), f"{where(config)}, topic {name!r}"
    try:
        (described,) = admin.client.describe_topics(TopicCollection([name]), request_timeout=REQUEST_SECS).values()
        return str(described.result().topic_id)
    except KafkaException as error:
        if kafka_error(error).code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise TemporaryError(f"{what} does not exist; it will be made") from error
        raise recovery(admin.cause(error), f"{what}: cannot be looked up") from error
    finally:
        admin.close()


def _create(admin: Admin, specs: Sequence[TopicSpec], what: str) -> list[str]:
    """Create topics in one request; give those that nobody else was quicker to create."""
    topics = [NewTopic(spec.name, spec.partitions, spec.replication_factor, config=dict(spec.config)) for spec in specs]
    created: list[str] = []
    for name, future in admin.client.create_topics(topics, request_timeout=REQUEST_SECS).items() if topics else ():
        try:
            future.result()
        except KafkaException as error:
            if kafka_error(error).code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise recovery(kafka_error(error), f"{what}: cannot create topic {name!r}") from error
        else:
            created.append(name)
    return created


def _wait_for(admin: Admin, names: Sequence[str], what: str) -> None:
    deadline_secs = time.monotonic() + _VISIBLE_SECS
    while names and (hidden := set(names) - _ready(admin, names)):
        if time.monotonic() > deadline_secs:
            raise TemporaryError(f"{what}: new topics without a leader after {_VISIBLE_SECS:g} s: {', '.join(sorted(hidden))}")
        time.sleep(_PAUSE_SECS)


def _ready(admin: Admin, names: Sequence[str]) -> set[str]:
    return {name for name, count in partition_counts(admin, names).items() if count}


def _check_cleanup(admin: Admin, specs: Sequence[TopicSpec], what: str) -> None:
    resources = {ConfigResource(ResourceType.TOPIC, spec.name): spec for spec in specs}
    if not resources:
        return
    for resource, future in admin.client.describe_configs(list(resources), request_timeout=REQUEST_SECS).items():
        spec = resources[resource]
        try:
            found = future.result()["cleanup.policy"].value
        except KafkaException as error:
            if refused(kafka_error(error)) is None:
                raise
            continue  # Without DescribeConfigs it cannot be known; Connect goes on then, too.
        wanted = spec.config.get("cleanup.policy", "compact")
        if found != wanted:
            raise PermanentError(
                f"{what}: topic {spec.name!r} has cleanup.policy={found}, which would lose {spec.holds}; it must be {wanted}. "
                f"Alter the topic, or name another one"
            )
