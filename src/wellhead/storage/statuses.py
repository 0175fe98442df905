"""Takes the status topic's messages, gives the states of connectors and tasks as immutable snapshots; never writes one.

The records are Kafka Connect's: `status-connector-<name>` and `status-task-<name>-<n>` with state, trace, worker and generation, and
`status-topic-<topic>:connector-<name>` for the topics that a connector has written to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from confluent_kafka import Message as Received

from wellhead.kafka.messages import Message
from wellhead.storage.formats import at_ms, content_of, key_of, numbered, record, tell_unreadable

CONNECTOR_STATUS, TASK_STATUS = "status-connector-", "status-task-"
DETAIL = "detail-task-"
_TOPIC_STATUS, _USED_BY = "status-topic-", ":connector-"


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a connector or task.

    Attributes:
        state: UNASSIGNED, RUNNING, PAUSED, STOPPED, FAILED or RESTARTING.
        worker_id: Who says so, host and port.
        generation: Of the group, when it was said.
        trace: Why it failed; None unless it did.
        version: Of the connector's plugin.
        at_ms: When it was written, epoch milliseconds; None for one that is yet to be.
    """

    state: str
    worker_id: str
    generation: int
    trace: str | None = None
    version: str | None = None
    at_ms: int | None = field(default=None, compare=False)

    def may_replace(self, former: Status | None) -> bool:
        """Tell whether writing this over `former` is safe, as Connect has it: nothing there, one's own, or not from a later generation."""
        return former is None or former.worker_id == self.worker_id or former.generation <= self.generation


@dataclass(frozen=True, slots=True)
class TopicUse:
    """That a connector has written to a topic; `task` and `discovered_ms` tell of the first time."""

    topic: str
    connector: str
    task: int
    discovered_ms: int


class TaskStates(Mapping[tuple[str, int], Status]):
    """States by connector and number; `of` gives those of one connector."""

    def __init__(self, by_connector: Mapping[str, Mapping[int, Status]]) -> None:
        self._by_connector = by_connector

    def of(self, connector: str) -> Mapping[int, Status]:
        """Give the states of one connector's tasks by number."""
        return self._by_connector.get(connector, {})

    def __getitem__(self, key: tuple[str, int]) -> Status:
        return self._by_connector[key[0]][key[1]]

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return ((name, number) for name, tasks in self._by_connector.items() for number in tasks)

    def __len__(self) -> int:
        return sum(len(tasks) for tasks in self._by_connector.values())


@dataclass(frozen=True, slots=True)
class StatusView:
    """What the status topic holds; nothing in it ever changes.

    Attributes:
        connectors: By name.
        tasks: By name and number.
        topics: By connector, then by topic.
        details: What `/health` said of each task's streams a moment ago, by name and number; Connect has no such record.
    """

    connectors: Mapping[str, Status] = field(default_factory=dict)
    tasks: TaskStates = field(default_factory=lambda: TaskStates({}))
    topics: Mapping[str, Mapping[str, TopicUse]] = field(default_factory=dict)
    details: Mapping[tuple[str, int], Mapping[str, Any]] = field(default_factory=dict)


class StatusTopic:
    """Folds the status topic; `fold` belongs to one thread, everything else may be called from any."""

    def __init__(self) -> None:
        self._view = StatusView()
        self._listeners: list[Callable[[StatusView], object]] = []
        self._connectors: Mapping[str, Status] = {}
        self._tasks: Mapping[str, Mapping[int, Status]] = {}
        self._topics: Mapping[str, Mapping[str, TopicUse]] = {}
        self._details: Mapping[tuple[str, int], Mapping[str, Any]] = {}

    @property
    def view(self) -> StatusView:
        """The newest snapshot."""
        return self._view

    def listen(self, callback: Callable[[StatusView], object]) -> None:
        """Call back with each new snapshot, on the folding thread: it must not wait."""
        self._listeners.append(callback)

    def fold(self, messages: Sequence[Received]) -> None:
        """Take in messages, those of a key in order, and make one snapshot of what they change."""
        connectors: dict[str, Status | None] = {}
        tasks: dict[str, dict[int, Status | None]] = {}
        topics: dict[str, dict[str, TopicUse | None]] = {}
        details: dict[tuple[str, int], dict[str, Any] | None] = {}
        for message in messages:
            key = key_of(message)
            try:
                content = content_of(message)
                if key.startswith(CONNECTOR_STATUS):
                    connectors[key.removeprefix(CONNECTOR_STATUS)] = _status(content, at_ms(message))
                elif key.startswith(TASK_STATUS) and (task := numbered(key.removeprefix(TASK_STATUS))):
                    tasks.setdefault(task[0], {})[task[1]] = _status(content, at_ms(message))
                elif key.startswith(DETAIL) and (task := numbered(key.removeprefix(DETAIL))):
                    details[task] = content
                elif key.startswith(_TOPIC_STATUS) and _USED_BY in key:
                    topic, _, name = key.removeprefix(_TOPIC_STATUS).partition(_USED_BY)
                    topics.setdefault(name, {})[topic] = _use(content)
            except (KeyError, TypeError, ValueError):
                tell_unreadable(message)
        self._connectors = _changed(self._connectors, connectors)
        self._tasks = _changed_inside(self._tasks, tasks)
        self._topics = _changed_inside(self._topics, topics)
        self._details = _changed(self._details, details)
        self._view = StatusView(self._connectors, TaskStates(self._tasks), self._topics, self._details)
        for callback in self._listeners:
            callback(self._view)


def connector_status(topic: str, name: str, status: Status | None) -> Message:
    """Give the message that sets a connector's state; None removes it."""
    return record(topic, f"{CONNECTOR_STATUS}{name}", _told(status))


def task_status(topic: str, name: str, number: int, status: Status | None) -> Message:
    """Give the message that sets a task's state; None removes it."""
    return record(topic, f"{TASK_STATUS}{name}-{number}", _told(status))


def task_detail(topic: str, name: str, number: int, detail: Mapping[str, Any] | None) -> Message:
    """Give the message that tells more of a task than its state; None removes it."""
    return record(topic, f"{DETAIL}{name}-{number}", None if detail is None else dict(detail))


def topic_status(topic: str, use: TopicUse) -> Message:
    """Give the message that notes a topic that a connector writes to."""
    told = {"name": use.topic, "connector": use.connector, "task": use.task, "discoverTimestamp": use.discovered_ms}
    return record(topic, f"{_TOPIC_STATUS}{use.topic}{_USED_BY}{use.connector}", {"topic": told})


def removed_topic_status(topic: str, connector: str, used: str) -> Message:
    """Give the message that forgets a topic that a connector wrote to."""
    return record(topic, f"{_TOPIC_STATUS}{used}{_USED_BY}{connector}", None)


def _told(status: Status | None) -> dict[str, Any] | None:
    if status is None:
        return None
    told = {"state": status.state, "trace": status.trace, "worker_id": status.worker_id, "generation": status.generation}
    return {**told, "version": status.version}


def _status(content: dict[str, Any] | None, written_ms: int) -> Status | None:
    if content is None:
        return None
    trace, version = content.get("trace"), content.get("version")
    return Status(str(content["state"]), str(content["worker_id"]), int(content["generation"]), trace, version, written_ms)


def _use(content: dict[str, Any] | None) -> TopicUse | None:
    if content is None:
        return None
    told = content["topic"]
    return TopicUse(str(told["name"]), str(told["connector"]), int(told["task"]), int(told["discoverTimestamp"]))


def _changed(before: Mapping[Any, Any], changes: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Give `before` with `changes`, where None removes; the same object where nothing changes."""
    if not changes:
        return before
    return MappingProxyType({key: content for key, content in {**before, **changes}.items() if content is not None})


def _changed_inside(before: Mapping[str, Any], changes: Mapping[str, Mapping[Any, Any]]) -> Mapping[str, Any]:
    """As `_changed`, one level further in; what is empty then, is removed."""
    return _changed(before, {name: _changed(before.get(name, {}), inner) or None for name, inner in changes.items()})
