"""Takes the config topic's messages, gives what they add up to as immutable snapshots, never a task set that was not committed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from confluent_kafka import Message as Received

from wellhead.storage.configs import (
    COMMIT,
    CONNECTOR,
    HISTORY,
    LOGGER,
    RESTART,
    RESTART_TASK,
    TARGET,
    TASK,
    Config,
    ConfigVersion,
    ConfigView,
    ConnectorEntry,
    Restart,
    Target,
    TaskEntry,
)
from wellhead.storage.formats import at_ms, content_of, key_of, numbered, tell_unreadable

CHANGE = "wellhead.change"
"""Header by which a change finds itself again; see `ConfigTopic.holds`."""

_NOT_OURS = ("session-key", "tasks-fencing-")  # of a real Connect cluster; the first one is a secret
_CHANGES_KEPT = 1000


class ConfigTopic:
    """Folds the config topic; `fold` belongs to one thread, everything else may be called from any."""

    def __init__(self) -> None:
        self._view = ConfigView()
        self._listeners: list[Callable[[ConfigView], object]] = []
        self._connectors: dict[str, _Connector] = {}
        self._changes: OrderedDict[bytes, None] = OrderedDict()
        self._folded = threading.Condition()

    @property
    def view(self) -> ConfigView:
        """The newest snapshot."""
        return self._view

    def listen(self, callback: Callable[[ConfigView], object]) -> None:
        """Call back with each new snapshot, on the folding thread: it must not wait."""
        self._listeners.append(callback)

    def holds(self, change: bytes, secs: float = 0) -> bool:
        """Tell whether the view includes the message with the header `CHANGE` of this content, one of the last thousand; wait for it."""
        with self._folded:
            return self._folded.wait_for(lambda: change in self._changes, secs)

    def fold(self, messages: Sequence[Received]) -> None:
        """Take in messages in the topic's order and make one snapshot of what they change."""
        batch = _Batch(self._view)
        for message in messages:
            try:
                self._take(batch, key_of(message), content_of(message), message)
            except (ArithmeticError, KeyError, TypeError, ValueError):
                tell_unreadable(message)
            batch.end_offset = (message.offset() or 0) + 1
        self._view = batch.snapshot(self._connectors)
        self._remember_changes(messages)
        for callback in self._listeners:
            callback(self._view)

    def _remember_changes(self, messages: Sequence[Received]) -> None:
        found = (dict(message.headers() or ()).get(CHANGE) for message in messages)
        with self._folded:
            self._changes |= {change: None for change in found if isinstance(change, bytes)}
            while len(self._changes) > _CHANGES_KEPT:
                self._changes.popitem(last=False)
            self._folded.notify_all()

    def _take(self, batch: _Batch, key: str, content: dict[str, Any] | None, message: Received) -> None:
        for prefix in (CONNECTOR, TASK, COMMIT, TARGET):
            if key.startswith(prefix):
                return self._take_connector(batch, prefix, key.removeprefix(prefix), content, message)
        if key.startswith((RESTART, RESTART_TASK)):
            batch.restarts[key] = None if content is None else _restart(key, content, message.offset() or 0)
        elif key.startswith(LOGGER):
            batch.loggers[key.removeprefix(LOGGER)] = None if content is None else str(content["level"])
        elif key.startswith(HISTORY):
            batch.take_version(key.removeprefix(HISTORY), content)
        elif key and not key.startswith(_NOT_OURS):
            batch.others[key] = None if content is None else MappingProxyType(content)
        return None

    def _take_connector(self, batch: _Batch, prefix: str, rest: str, content: dict[str, Any] | None, message: Received) -> None:
        name, number = rest, 0
        if prefix == TASK:
            found = numbered(rest)
            if found is None:
                raise ValueError("a task's key ends in its number")
            name, number = found
        connector = self._connectors.setdefault(name, _Connector(name))
        if prefix == CONNECTOR and content is None:
            self._connectors[name] = _Connector(name, target=connector.target)  # the target has a tombstone of its own
        elif prefix == CONNECTOR and content is not None:
            connector.configure(content, message)
        elif prefix == TARGET:
            connector.target = Target.STARTED if content is None else _target(content)
        elif prefix == COMMIT:
            connector.commit(content, message.offset() or 0)
        else:
            connector.write_task(number, content)
        batch.touched.add(name)


@dataclass(slots=True)
class _Connector:
    """What is known of one connector, committed or not."""

    name: str
    config: Config | None = None
    version: int = 0
    changed_ms: int = 0
    offset: int = -1
    target: Target = Target.STARTED
    written: dict[int, TaskEntry] = field(default_factory=dict)
    fresh: set[int] = field(default_factory=set)
    tasks: Mapping[int, TaskEntry] = field(default_factory=dict)
    tasks_offset: int = -1
    consistent: bool = True

    def configure(self, content: dict[str, Any], message: Received) -> None:
        config, version = _properties(content), content.get("version", self.version + 1)
        if not isinstance(version, int):
            raise ValueError("version is a number")  # noqa: TRY004 - one error for bad bytes
        self.config, self.version = config, version
        self.changed_ms, self.offset = at_ms(message), message.offset() or 0

    def write_task(self, number: int, content: dict[str, Any] | None) -> None:
        self.fresh.add(number)
        if content is None:
            self.written.pop(number, None)
        else:
            self.written[number] = TaskEntry.parse(number, _properties(content))

    def commit(self, content: dict[str, Any] | None, offset: int) -> None:
        """Make the written tasks count, if none is missing: all that Connect counts anew, or any that our own list names."""
        if content is None:
            self.tasks, self.tasks_offset, self.consistent = {}, -1, True
            return
        numbers = content.get("numbers")
        wanted = range(int(content["tasks"])) if numbers is None else [int(number) for number in numbers]
        there = self.written.keys() & self.fresh if numbers is None else self.written.keys()
        self.consistent = len(wanted) <= len(there) and there >= set(
            wanted
        )  # whoever says that there are billions is not asked which
        self.fresh.clear()
        if self.consistent:
            self.tasks = MappingProxyType({number: self.written[number] for number in wanted})
            self.tasks_offset = offset

    def remembers(self) -> bool:
        """Tell whether something is known that a config to come would need."""
        return bool(self.written) or self.target is not Target.STARTED

    def entry(self) -> ConnectorEntry | None:
        if self.config is None:
            return None
        return ConnectorEntry(
            self.name,
            self.config,
            self.version,
            self.target,
            self.tasks,
            self.changed_ms,
            self.offset,
            self.tasks_offset,
            self.consistent,
        )


class _Batch:
    """What one batch changes of a snapshot; only what it touches is copied."""

    def __init__(self, before: ConfigView) -> None:
        self._before = before
        self.touched: set[str] = set()
        self.restarts: dict[str, Restart | None] = {}
        self.loggers: dict[str, str | None] = {}
        self.others: dict[str, Mapping[str, Any] | None] = {}
        self.versions: dict[str, tuple[ConfigVersion, ...] | None] = {}
        self.end_offset = before.end_offset

    def take_version(self, rest: str, content: dict[str, Any] | None) -> None:
        found = numbered(rest)
        if found is None:
            raise ValueError("a version's key ends in its number")
        name, number = found
        kept = self.versions[name] if name in self.versions else tuple(self._before.versions.get(name, ()))
        others = [version for version in kept or () if version.version != number]
        if content is not None:
            others.append(
                ConfigVersion(number, _properties(content), int(content["at_ms"]), str(content["by"]), str(content["what"]))
            )
        self.versions[name] = tuple(sorted(others, key=lambda version: version.version)) or None

    def snapshot(self, connectors: dict[str, _Connector]) -> ConfigView:
        before = self._before
        entries = {name: connectors[name].entry() for name in self.touched}
        for name, entry in entries.items():
            if entry is None and not connectors[name].remembers():
                del connectors[name]
        return replace(
            before,
            connectors=_changed(before.connectors, entries),
            versions=_changed(before.versions, self.versions),
            loggers=_changed(before.loggers, self.loggers),
            restarts=_changed(before.restarts, self.restarts),
            others=_changed(before.others, self.others),
            end_offset=self.end_offset,
        )


def _changed(before: Mapping[str, Any], changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give `before` with `changes`, where None removes; the same object where nothing changes."""
    if not changes:
        return before
    return MappingProxyType({key: content for key, content in {**before, **changes}.items() if content is not None})


def _properties(content: dict[str, Any]) -> Config:
    properties = content.get("properties")
    if not isinstance(properties, dict):
        raise ValueError("properties is an object")  # noqa: TRY004 - one error for bad bytes
    return MappingProxyType(
        {word: value if value is None or isinstance(value, str) else str(value) for word, value in properties.items()}
    )


def _target(content: dict[str, Any]) -> Target:
    return Target(content.get("state.v2") or content["state"])


def _restart(key: str, content: dict[str, Any], offset: int) -> Restart:
    if key.startswith(RESTART):
        whole, failed = bool(content.get("include-tasks")), bool(content.get("only-failed"))
        return Restart(key.removeprefix(RESTART), whole, failed, None, offset)
    found = numbered(key.removeprefix(RESTART_TASK))
    if found is None:
        raise ValueError("a task's key ends in its number")
    return Restart(found[0], include_tasks=True, only_failed=False, task=found[1], offset=offset)
