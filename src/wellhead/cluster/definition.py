"""Takes a connector's words and what stands so far, gives the messages that make it so: config, tasks, target, version, audit; never writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from wellhead.clock import Clock
from wellhead.cluster.placement import other_keeper, place, tasks_of
from wellhead.config.deployment import LoadedConnector
from wellhead.config.worker import WorkerSettings
from wellhead.kafka.messages import Message
from wellhead.rest import refusals
from wellhead.rest.contract import Caller
from wellhead.storage.audit import audit_message
from wellhead.storage.configs import (
    ConfigVersion,
    ConfigView,
    ConnectorEntry,
    Target,
    commit_message,
    connector_message,
    removed_task_message,
    target_message,
    task_message,
    version_messages,
)

Config = Mapping[str, str | None]
FIRST_VERSION = 1


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes something, and what the audit and the kept versions call it.

    Attributes:
        by: Who.
        what: What, such as `create`, `config`, `rollback to 3`, `stop`.
        at_ms: When.
    """

    by: Caller
    what: str
    at_ms: int


class Accepted(NamedTuple):
    """Words that can be used, and what they load to, once for each tenant."""

    words: Config
    loaded: Sequence[LoadedConnector]


class DefinitionMessages:
    """Spells changes of connectors as messages.

    Args:
        worker: Names the topics.
        shown: Gives words as they may be shown, for the audit.
        clock: Dates changes.
        where: How this worker is named.
    """

    def __init__(self, worker: WorkerSettings, shown: Callable[[Config], Config], clock: Clock, where: str) -> None:
        self._worker = worker
        self._topic = worker.config_storage_topic
        self._shown = shown
        self._clock = clock
        self._where = where

    def change(self, by: Caller, what: str) -> Change:
        """Begin a change now."""
        return Change(by, what, self._clock.now_ms())

    def configured(self, view: ConfigView, name: str, accepted: Accepted, target: Target, change: Change) -> list[Message]:
        """Give the messages that make or replace a connector, its tasks included: stopped it keeps their places for when it goes on."""
        config = accepted.words
        entry = view.connectors.get(name)
        kept = view.versions.get(name, ())
        version = max([entry.version if entry else 0, *(each.version for each in kept)]) + FIRST_VERSION
        told = ConfigVersion(version, config, change.at_ms, change.by.name, change.what)
        return [
            connector_message(self._topic, name, config, version),
            *version_messages(self._topic, view, name, told),
            *([] if entry is not None and entry.target is target else [target_message(self._topic, name, target)]),
            *self.tasks(view, name, accepted.loaded),
            self.audit(name, change, self._shown(entry.config) if entry else None, self._shown(config)),
        ]

    def targeted(
        self, view: ConfigView, entry: ConnectorEntry, loaded: Sequence[LoadedConnector], target: Target, change: Change
    ) -> list[Message]:
        """Give the messages that start, pause or stop a connector; `loaded` mends its tasks, should they never have been made."""
        return [
            target_message(self._topic, entry.name, target),
            *(self.tasks(view, entry.name, loaded) if loaded else []),
            self.audit(entry.name, change, {"target": entry.target.value}, {"target": target.value}),
        ]

    def tasks(self, view: ConfigView, name: str, loaded: Sequence[LoadedConnector]) -> list[Message]:
        """Give the messages that make the tasks of `loaded` the connector's only ones; none where they are that already."""
        entry = view.connectors.get(name)
        before = dict(entry.tasks) if entry is not None else {}
        wanted = tasks_of(loaded)
        taken = other_keeper(view, name, wanted)
        if taken is not None:
            told = (
                f"Invalid value for configuration topic.prefix: makes the topic {taken[0]}, whose state connector {taken[1]} keeps; "
                "two would end each other's records. Give each its own prefix"
            )
            raise refusals.invalid([told])
        after = {task.number: task for task in place(view, name, wanted)}
        if entry is not None and entry.consistent and after == before and entry.tasks_offset >= 0:
            return []
        return [
            *(removed_task_message(self._topic, name, number) for number in sorted(before.keys() - after.keys())),
            *(task_message(self._topic, name, task) for number, task in sorted(after.items()) if before.get(number) != task),
            commit_message(self._topic, name, sorted(after)),
        ]

    def audit(self, name: str, change: Change, before: Any, after: Any) -> Message:
        """Give the audit's record of a change."""
        return audit_message(
            self._worker.audit_topic,
            who=change.by.name,
            what=change.what,
            connector=name,
            before=before,
            after=after,
            at_ms=change.at_ms,
            where=self._where,
        )
