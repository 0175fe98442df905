"""Takes what the internal topics hold, gives the REST API's answers in Connect's shapes; never changes anything, never shows a secret."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from wellhead.cluster.knowledge import Knowledge
from wellhead.rest import refusals
from wellhead.rest.contract import ApiError, Json
from wellhead.storage.configs import ConfigView, ConnectorEntry, Target

_KIND = "source"
_RUNS = {Target.STARTED: "RUNNING", Target.PAUSED: "PAUSED", Target.STOPPED: "STOPPED"}


class Answers:
    """The part of the cluster's API that only looks into memory."""

    def __init__(self) -> None:
        self._joined: Knowledge | None = None
        self._masked: dict[str, tuple[int, Json]] = {}
        """What may be shown of each connector's words, and where in the config topic they stand: to mask them takes time."""

    @property
    def _known(self) -> Knowledge:
        if self._joined is None:
            raise ApiError(503, "Worker is still starting up.")
        return self._joined

    def info(self) -> Json:
        return {"version": self._known.version, "commit": self._known.commit, "kafka_cluster_id": self._known.cluster_id}

    def names(self) -> list[str]:
        return sorted(self._view.connectors)

    def connector(self, name: str) -> Json:
        entry = self._entry(name)
        tasks = [{"connector": name, "task": number} for number in self._numbers(entry)]
        return {"name": name, "config": self._config(entry), "tasks": tasks, "type": _KIND}

    def config(self, name: str) -> Json:
        return self._config(self._entry(name))

    def status(self, name: str) -> Json:
        entry = self._view.connectors.get(name)
        if entry is None:
            raise refusals.no_status(name)
        told = self._known.storage.statuses.view
        own = told.connectors.get(name)
        state: Json = {
            "state": _RUNS[entry.target] if own is None or own.state in set(_RUNS.values()) else own.state,
            "worker_id": self._known.worker_id if own is None else own.worker_id,
            "version": self._known.version,
        }
        if own is not None and own.trace:
            state["trace"] = own.trace
        tasks = [self._task(name, number) for number in self._numbers(entry)]
        return {"name": name, "connector": state, "tasks": [task for task in tasks if task is not None], "type": _KIND}

    def tasks(self, name: str) -> list[Json]:
        entry = self._entry(name)
        return [
            {"id": {"connector": name, "task": number}, "config": {**self._config(entry), **task.config}}
            for number, task in sorted(entry.tasks.items())
            if entry.target is not Target.STOPPED
        ]

    def task_status(self, name: str, task: int) -> Json:
        entry = self._view.connectors.get(name)
        found = self._task(name, task) if entry is not None and task in self._numbers(entry) else None
        if found is None:
            raise refusals.no_task_status(name, task)
        return found

    def topics(self, name: str) -> list[str]:
        self._entry(name)
        return sorted(self._known.storage.statuses.view.topics.get(name, {}))

    def plugins(self, *, connectors_only: bool) -> list[Json]:
        return self._known.definitions.plugins(connectors_only=connectors_only)

    def plugin_config(self, plugin: str) -> list[Json]:
        return self._known.definitions.config_of(plugin)

    def loggers(self) -> dict[str, Json]:
        names = ["root", *sorted(name for name in logging.root.manager.loggerDict if name.split(".")[0] == "wellhead")]
        return {name: self.logger(name) for name in names}

    def logger(self, name: str) -> Json:
        known = name == "root" or name in logging.root.manager.loggerDict
        if not known:
            raise refusals.logger_not_found(name)
        found = logging.getLogger(None if name == "root" else name)
        return {"level": logging.getLevelName(found.getEffectiveLevel()), "last_modified": self._known.modified.get(name)}

    def versions(self, name: str) -> list[Json]:
        self._entry(name)
        kept = self._view.versions.get(name, ())
        return [
            {
                "version": each.version,
                "changed_ms": each.at_ms,
                "by": each.by,
                "what": each.what,
                "config": self._shown(each.config),
            }
            for each in reversed(kept)
        ]

    @staticmethod
    def _numbers(entry: ConnectorEntry) -> list[int]:
        """Give the tasks that are shown: stopped a connector has none, as in Connect, though their places are kept."""
        return [] if entry.target is Target.STOPPED else sorted(entry.tasks)

    @property
    def _view(self) -> ConfigView:
        return self._known.storage.configs.view

    def _entry(self, name: str) -> ConnectorEntry:
        entry = self._view.connectors.get(name)
        if entry is None:
            raise refusals.connector_not_found(name)
        return entry

    def _config(self, entry: ConnectorEntry) -> Json:
        place, shown = self._masked.get(entry.name, (-1, {}))
        if place != entry.offset:
            shown = {**self._shown(entry.config), "name": entry.name}
            self._masked[entry.name] = (entry.offset, shown)
        return dict(shown)

    def _shown(self, config: Mapping[str, str | None]) -> dict[str, Any]:
        return self._known.shown(config)

    def _task(self, name: str, number: int) -> Json | None:
        """Give a task's state; one nobody has told of yet is UNASSIGNED."""
        own = self._known.storage.statuses.view.tasks.get((name, number))
        if own is None:
            return {"id": number, "state": "UNASSIGNED", "worker_id": self._known.worker_id, "version": self._known.version}
        told = {"id": number, "state": own.state, "worker_id": own.worker_id, "version": self._known.version}
        return {**told, "trace": own.trace} if own.trace else told
