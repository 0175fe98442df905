"""Takes what a change means, gives the config topic's messages for it, and names what they add up to; never writes or reads one.

The records are Kafka Connect's: `connector-<name>`, `task-<name>-<n>`, `commit-<name>`, `target-state-<name>`, `restart-connector-<name>`,
`logger-cluster-<namespace>`. Ours beside them, which Connect passes over: `history-connector-<name>-<version>`, `restart-task-<name>-<n>`, and
the fields `version` of a connector and `numbers` of a commit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from wellhead.kafka.messages import Message
from wellhead.storage.formats import record

CONNECTOR, TASK, COMMIT, TARGET = "connector-", "task-", "commit-", "target-state-"
RESTART, RESTART_TASK, LOGGER, HISTORY = "restart-connector-", "restart-task-", "logger-cluster-", "history-connector-"
SLOT, TENANT, STREAMS = "wellhead.slot", "tenant", "streams"
VERSIONS_KEPT = 20
# A hand-written slot beyond this would make as many partitions of the assignment topic.
MOST_SLOTS = 100_000

Config = Mapping[str, str | None]


class Target(StrEnum):
    """What a connector is meant to do."""

    STARTED = "STARTED"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"


@dataclass(frozen=True, slots=True)
class TaskEntry:
    """A unit of placement.

    Attributes:
        number: Its number within the connector.
        slot: The partition of the assignment topic whose owner runs it; -1 where it has none.
        tenant: Whose data it pulls.
        streams: What it pulls.
        config: All its properties as they are stored, these included.
    """

    number: int
    slot: int
    tenant: str
    streams: tuple[str, ...]
    config: Config = field(repr=False)

    @classmethod
    def parse(cls, number: int, config: Config) -> TaskEntry:
        """Give the entry that task properties mean."""
        slot = config.get(SLOT) or ""
        streams = tuple(name for name in (config.get(STREAMS) or "").split(",") if name)
        is_slot = slot.isdecimal() and int(slot) < MOST_SLOTS
        return cls(number, int(slot) if is_slot else -1, config.get(TENANT) or "", streams, config)


@dataclass(frozen=True, slots=True)
class ConnectorEntry:
    """A connector as it is configured.

    Attributes:
        name: Its name.
        config: Its words as given; secrets may stand in them plainly, so they are never shown in a repr.
        version: Grows with each change of `config`.
        target: What it is meant to do.
        tasks: Its committed tasks by number.
        changed_ms: When `config` was last written, epoch milliseconds.
        offset: Where in the topic: differs for a connector that was deleted and made again.
        tasks_offset: Where the commit of `tasks` stands; -1 before the first.
        consistent: False where the newest task set is incomplete, and `tasks` are older ones; a new commit mends it.
    """

    name: str
    config: Config = field(repr=False)
    version: int
    target: Target
    tasks: Mapping[int, TaskEntry]
    changed_ms: int
    offset: int
    tasks_offset: int = -1
    consistent: bool = True


@dataclass(frozen=True, slots=True)
class ConfigVersion:
    """A config that a connector had.

    Attributes:
        version: Its number.
        config: Its words.
        at_ms: When it was set, epoch milliseconds.
        by: Who set it.
        what: How, such as `create`, `config` or `rollback to 3`.
    """

    version: int
    config: Config = field(repr=False)
    at_ms: int
    by: str
    what: str


@dataclass(frozen=True, slots=True)
class Restart:
    """A request to restart; `task` is None for a connector's. Requests below the offset a worker began at are history."""

    connector: str
    include_tasks: bool
    only_failed: bool
    task: int | None
    offset: int


@dataclass(frozen=True, slots=True)
class ConfigView:
    """What the config topic holds up to `end_offset`; nothing in it ever changes.

    Attributes:
        connectors: By name.
        versions: Of each connector those that are kept, oldest first.
        loggers: Level by namespace.
        restarts: The newest request of each kind, by its record's key.
        others: JSON objects under any other key.
        end_offset: The offset behind the last record.
    """

    connectors: Mapping[str, ConnectorEntry] = field(default_factory=dict)
    versions: Mapping[str, Sequence[ConfigVersion]] = field(default_factory=dict)
    loggers: Mapping[str, str] = field(default_factory=dict)
    restarts: Mapping[str, Restart] = field(default_factory=dict)
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    end_offset: int = 0


def connector_message(topic: str, name: str, config: Config, version: int) -> Message:
    """Give the message that sets a connector's config."""
    return record(topic, f"{CONNECTOR}{name}", {"properties": dict(config), "version": version})


def task_message(topic: str, name: str, task: TaskEntry) -> Message:
    """Give the message that sets a task; it counts once a commit follows."""
    words = {TENANT: task.tenant, STREAMS: ",".join(task.streams), SLOT: str(task.slot)}
    return record(topic, f"{TASK}{name}-{task.number}", {"properties": {**task.config, **words}})


def removed_task_message(topic: str, name: str, number: int) -> Message:
    """Give the message that removes a task; the commit behind it must not name it."""
    return record(topic, f"{TASK}{name}-{number}", None)


def commit_message(topic: str, name: str, numbers: Collection[int]) -> Message:
    """Give the message that makes the written tasks of these numbers the connector's tasks; those not written anew stay as they are."""
    return record(topic, f"{COMMIT}{name}", {"tasks": len(numbers), "numbers": sorted(numbers)})


def target_message(topic: str, name: str, target: Target) -> Message:
    """Give the message that sets what a connector is meant to do, readable for workers that do not know STOPPED."""
    state = Target.PAUSED if target is Target.STOPPED else target
    return record(topic, f"{TARGET}{name}", {"state": state.value, "state.v2": target.value})


def restart_message(topic: str, name: str, *, include_tasks: bool, only_failed: bool) -> Message:
    """Give the message that asks to restart a connector."""
    return record(topic, f"{RESTART}{name}", {"include-tasks": include_tasks, "only-failed": only_failed})


def restart_task_message(topic: str, name: str, number: int) -> Message:
    """Give the message that asks to restart one task."""
    return record(topic, f"{RESTART_TASK}{name}-{number}", {"task": number})


def logger_message(topic: str, namespace: str, level: str) -> Message:
    """Give the message that sets a log level on every worker."""
    return record(topic, f"{LOGGER}{namespace}", {"level": level})


def version_message(topic: str, name: str, version: ConfigVersion) -> Message:
    """Give the message that keeps a version of a connector's config."""
    told = {"properties": dict(version.config), "at_ms": version.at_ms, "by": version.by, "what": version.what}
    return record(topic, f"{HISTORY}{name}-{version.version}", told)


def version_messages(topic: str, view: ConfigView, name: str, version: ConfigVersion) -> list[Message]:
    """Give the messages that keep `version` and remove all but the newest ones beside it."""
    numbers = sorted({*(kept.version for kept in view.versions.get(name, ())), version.version})
    dropped = [number for number in numbers[:-VERSIONS_KEPT] if number != version.version]
    return [version_message(topic, name, version), *(record(topic, f"{HISTORY}{name}-{number}", None) for number in dropped)]


def other_message(topic: str, key: str, content: Mapping[str, Any] | None) -> Message:
    """Give the message that sets or removes a record of a key of its own."""
    return record(topic, key, content)


def delete_messages(topic: str, view: ConfigView, name: str) -> list[Message]:
    """Give the messages that remove a connector and everything that stands under its name."""
    entry = view.connectors.get(name)
    tasks = entry.tasks if entry is not None else {}
    keys = [f"{CONNECTOR}{name}", f"{TARGET}{name}", *(f"{TASK}{name}-{number}" for number in sorted(tasks)), f"{COMMIT}{name}"]
    keys += [f"{HISTORY}{name}-{kept.version}" for kept in view.versions.get(name, ())]
    keys += [key for key, restart in sorted(view.restarts.items()) if restart.connector == name]
    return [record(topic, key, None) for key in keys]
