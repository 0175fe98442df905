"""Takes loaded settings, gives problems and warnings about options that do not fit together; never asks the broker."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from wellhead.config.deployment import LoadedConnector
from wellhead.config.worker import WorkerSettings
from wellhead.errors import Problem

_TOPIC = re.compile(r"(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}")


def problems_between(worker: WorkerSettings, connectors: Sequence[LoadedConnector]) -> Iterator[Problem]:
    """Yield a problem for each topic that Kafka would refuse, or that would be used for two things."""
    own: dict[str, str] = {}
    for word, topic in _own_topics(worker).items():
        if topic in own:
            yield Problem(f"worker.{word}", f"is the same as {own[topic]}; give each its own topic")
        own.setdefault(topic, word)
    yield from _shared_states(connectors)
    for connector in connectors:
        settings = connector.settings
        path = f"connectors.{settings.name}"
        dead_letters = {settings.dead_letter_topic_of(stream.subject) for stream in connector.streams}
        records = {settings.topic_of(stream.subject) for stream in connector.streams}
        for topic in sorted(records | dead_letters):
            if not _TOPIC.fullmatch(topic):
                yield Problem(
                    f"{path}.topic.prefix", "makes a topic name that Kafka refuses (249 characters of a-z A-Z 0-9 . _ -)"
                )
            if topic in own:
                yield Problem(f"{path}.topic.prefix", f"makes the topic {topic}, which is the worker's {own[topic]}")
        if records & dead_letters:
            yield Problem(
                f"{path}.errors.deadletterqueue.topic.name", "is also a topic of its records; dead letters need their own"
            )


def _own_topics(worker: WorkerSettings) -> dict[str, str]:
    """Give the topics that a worker keeps things in, by their words."""
    return {
        "offset.storage.topic": worker.offset_storage_topic,
        "runs.topic": worker.runs_topic,
        "config.storage.topic": worker.config_storage_topic,
        "status.storage.topic": worker.status_storage_topic,
        "offset.history.topic": worker.offset_history_topic,
        "audit.topic": worker.audit_topic,
        "assignment.topic": worker.assignment_topic,
        "lease.topic": worker.lease_topic,
        "budget.topic": worker.budget_topic,
    }


def _shared_states(connectors: Sequence[LoadedConnector]) -> Iterator[Problem]:
    """Yield a problem where records that are a state would be ended by somebody else, or by a time that is not that of publishing."""
    owners: dict[str, str] = {}
    for connector in connectors:
        settings = connector.settings
        path = f"connectors.{settings.name}"
        topics = {settings.topic_of(stream.subject) for stream in connector.streams if stream.cleanup == "compact"}
        if topics and settings.record_timestamp == "event":
            yield Problem(
                f"{path}.record.timestamp", "must be publish: its records are a state, which is kept by the time of publishing"
            )
        for topic in sorted(topics):
            name = f"{settings.name} for tenant {settings.tenant}" if connector.fanned_out else settings.name
            owner = owners.setdefault(topic, name)
            if owner != name:
                yield Problem(
                    f"{path}.topic.prefix",
                    f"makes the topic {topic}, whose state connector {owner} keeps; two would end each other's records. Give each its own prefix",
                )


def warnings_between(connectors: Sequence[LoadedConnector]) -> Iterator[Problem]:
    """Yield a warning for each option that is allowed but probably not meant."""
    yield from _twins(connectors)
    for connector in connectors:
        yield from _always_late(connector)


def _twins(connectors: Sequence[LoadedConnector]) -> Iterator[Problem]:
    """Yield a warning for each connector that seems to pull what another one pulls already."""
    first: dict[tuple[str, str, str], str] = {}
    for connector in connectors:
        settings = connector.settings
        for stream in connector.streams:
            twin = first.setdefault((settings.connector_class, settings.tenant, stream.name), settings.name)
            if twin != settings.name:
                yield Problem(
                    f"connectors.{settings.name}",
                    f"pulls {stream.name} of tenant {settings.tenant} like {twin}; two clients of one account take each other's records",
                )


def _always_late(connector: LoadedConnector) -> Iterator[Problem]:
    """Yield a warning where a healthy task would count as DEGRADED before its next poll is due."""
    settings = connector.settings
    if settings.poll_cron is not None or settings.poll_continuous:
        return
    longest_secs = settings.poll_interval_secs or max((stream.interval_secs for stream in connector.streams), default=0)
    if longest_secs > settings.freshness_target_secs:
        yield Problem(
            f"connectors.{settings.name}.freshness.target.secs",
            f"is shorter than the {longest_secs:g} s between two polls; the task would count as DEGRADED while it waits",
        )
