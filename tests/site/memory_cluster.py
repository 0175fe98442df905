"""A cluster of one worker that lives in memory and behaves like Connect's: everything happens at once, nothing is polled."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from wellhead.config import LoadedConnector, WorkerSettings
from wellhead.config.single import restored_words, shown_words
from wellhead.rest import refusals
from wellhead.rest.contract import ApiError, Caller, Config, Json, Scope, TargetState
from wellhead.rest.definitions import Definitions

WORKER = WorkerSettings(
    **{"kafka": {"bootstrap.servers": "127.0.0.1:1"}, "schema.registry": {"url": "http://127.0.0.1:1"}}  # type: ignore[arg-type]
)
WORKER_ID = "127.0.0.1:8083"
LEVELS = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF"}


@dataclass
class Kept:
    """What is kept of a connector."""

    words: dict[str, str]
    loaded: LoadedConnector
    target: TargetState = "STARTED"
    versions: list[dict[str, str]] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)


class MemoryCluster:
    """Implements `wellhead.rest.contract.ClusterApi`.

    Args:
        first_cursor: What a connector's cursors are once it has run.
        failing: Tells why a connector's tasks fail; empty when they do not.

    Attributes:
        cursors: Offsets by connector name; they outlive their connector.
        calls: Every write: what, name, and who.
    """

    def __init__(
        self,
        first_cursor: Callable[[LoadedConnector], Json] = lambda _loaded: {},
        failing: Callable[[LoadedConnector], str] = lambda _loaded: "",
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.cursors: dict[str, list[Json]] = {}
        self.calls: list[tuple[str, str, Caller]] = []
        self._connectors: dict[str, Kept] = {}
        self._first_cursor = first_cursor
        self._failing = failing
        self._environ = environ or {}
        self._definitions = Definitions(WORKER, self._environ)
        self._levels = dict.fromkeys(["root", "wellhead", "wellhead.kafka", "wellhead.rest"], "INFO")
        self.version = importlib.metadata.version("wellhead")

    def info(self) -> Json:
        return {"version": self.version, "commit": "unknown", "kafka_cluster_id": "in-memory"}

    def health(self) -> Json:
        message = "Worker has completed startup and is ready to handle requests."
        return {"status": "healthy", "message": message, "worker_id": WORKER_ID, "connectors": {}}

    def names(self) -> list[str]:
        return list(self._connectors)

    def connector(self, name: str) -> Json:
        kept = self._kept(name)
        ids = [{"connector": name, "task": 0}] if kept.target != "STOPPED" else []
        return {"name": name, "config": self._shown(kept), "tasks": ids, "type": "source"}

    def config(self, name: str) -> Json:
        return self._shown(self._kept(name))

    def status(self, name: str) -> Json:
        if name not in self._connectors:
            raise refusals.no_status(name)
        kept = self._connectors[name]
        state = "RUNNING" if kept.target == "STARTED" else kept.target
        tasks = [] if kept.target == "STOPPED" else [self.task_status(name, 0)]
        return {"name": name, "connector": self._state(state), "tasks": tasks, "type": "source"}

    def tasks(self, name: str) -> list[Json]:
        kept = self._kept(name)
        if kept.target == "STOPPED":
            return []
        streams = ",".join(stream.name for stream in kept.loaded.streams)
        words = {"task.class": kept.loaded.source.name, "tenant": kept.loaded.settings.tenant, "streams": streams}
        return [{"id": {"connector": name, "task": 0}, "config": {**self._shown(kept), **words}}]

    def task_status(self, name: str, task: int) -> Json:
        kept = self._connectors.get(name)
        if kept is None or task != 0 or kept.target == "STOPPED":
            raise refusals.no_task_status(name, task)
        reason = self._failing(kept.loaded) if kept.target == "STARTED" else ""
        state = "FAILED" if reason else "RUNNING" if kept.target == "STARTED" else "PAUSED"
        return {"id": 0, **self._state(state), **({"trace": reason} if reason else {})}

    def topics(self, name: str) -> list[str]:
        return self._kept(name).topics

    async def create(
        self,
        name: str,
        config: Config,
        *,
        initial_state: TargetState | None = None,
        initial_offsets: Sequence[Json] | None = None,
        by: Caller,
    ) -> Json:
        words, loaded = self._definitions.accept(name, restored_words(config, {}, self._environ))
        if name in self._connectors:
            raise refusals.exists(name)
        self.calls.append(("create", name, by))
        self._connectors[name] = Kept(words, loaded[0], initial_state or "STARTED", [words])
        if initial_offsets is not None:
            self.cursors[name] = list(initial_offsets)
        self._run(name)
        return {**self.connector(name), "tasks": []}

    async def put_config(self, name: str, config: Config, *, by: Caller) -> tuple[bool, Json]:
        if name not in self._connectors:
            return True, await self.create(name, config, by=by)
        kept = self._connectors[name]
        words, loaded = self._definitions.accept(name, restored_words(config, kept.words, self._environ))
        self.calls.append(("put_config", name, by))
        kept.words, kept.loaded = words, loaded[0]
        kept.versions.append(words)
        return False, self.connector(name)

    async def patch_config(self, name: str, patch: Config, *, by: Caller) -> Json:
        shown = self._shown(self._kept(name))
        return (await self.put_config(name, {**shown, **patch}, by=by))[1]

    async def delete(self, name: str, *, offsets: bool, by: Caller) -> None:
        self._kept(name)
        self.calls.append(("delete with offsets" if offsets else "delete", name, by))
        del self._connectors[name]
        if offsets:
            self.cursors.pop(name, None)

    async def set_target(self, name: str, target: TargetState, *, by: Caller) -> None:
        if name not in self._connectors:
            raise refusals.unknown_connector(name)
        self.calls.append((target, name, by))
        self._connectors[name].target = target
        self._run(name)

    async def restart(self, name: str, *, include_tasks: bool, only_failed: bool, by: Caller) -> Json | None:
        if name not in self._connectors:
            raise refusals.no_connector_to_restart(name)
        self.calls.append(("restart", name, by))
        if not include_tasks and not only_failed:
            return None
        planned = self.status(name)
        for part in [planned["connector"], *(planned["tasks"] if include_tasks else [])]:
            if part["state"] == "FAILED" or not only_failed:
                part["state"] = "RESTARTING"
        return planned

    async def restart_task(self, name: str, task: int, *, by: Caller) -> None:
        if name not in self._connectors:
            raise refusals.no_connector_to_restart(name)
        if task != 0:
            raise refusals.no_task_to_restart(name, task)
        self.calls.append(("restart task", name, by))

    async def offsets(self, name: str) -> list[Json]:
        self._kept(name)
        return [{**entry, "age_secs": 0.0, "history_id": f"{name}-0"} for entry in self.cursors.get(name, [])]

    async def alter_offsets(self, name: str, entries: Sequence[Json], *, dry_run: bool, by: Caller) -> Json:
        kept = self._stopped(name)
        for entry in entries:
            self._check_offset(kept, entry)
        return self._moved(name, "altered", list(entries), dry_run=dry_run, by=by)

    async def reset_offsets(self, name: str, *, dry_run: bool, by: Caller) -> Json:
        self._stopped(name)
        entries = [{**entry, "offset": None} for entry in self.cursors.get(name, [])]
        return self._moved(name, "reset", entries, dry_run=dry_run, by=by)

    async def reset_topics(self, name: str, *, by: Caller) -> None:
        self._kept(name).topics = []
        self.calls.append(("reset topics", name, by))

    def plugins(self, *, connectors_only: bool) -> list[Json]:
        return self._definitions.plugins(connectors_only=connectors_only)

    def plugin_config(self, plugin: str) -> list[Json]:
        return self._definitions.config_of(plugin)

    async def validate(self, plugin: str, config: Config) -> Json:
        return self._definitions.validate(plugin, config)

    def loggers(self) -> dict[str, Json]:
        return {name: self.logger(name) for name in self._levels}

    def logger(self, name: str) -> Json:
        if name not in self._levels:
            raise refusals.logger_not_found(name)
        return {"level": self._levels[name], "last_modified": None}

    async def set_logger(self, name: str, level: str, scope: Scope, *, by: Caller) -> list[str] | None:
        if level.upper() not in LEVELS:
            raise refusals.invalid_level(level)
        self.calls.append(("set logger", name, by))
        self._levels.setdefault(name, "INFO")
        names = [each for each in self._levels if each == name or each.startswith(f"{name}.")]
        self._levels |= dict.fromkeys(names, level.upper())
        return None if scope == "cluster" else sorted(names)

    async def explain(self, name: str) -> Json:
        return {"connector": name, "worker_id": WORKER_ID, "status": self.status(name) if self._kept(name) else {}}

    async def runs(self, name: str, limit: int) -> list[Json]:
        self._kept(name)
        return [{"connector": name, "run": number} for number in range(3)][:limit]

    async def dead_letters(self, name: str, limit: int) -> list[Json]:
        self._kept(name)
        return []

    async def backfill(self, name: str, asked: Json, *, dry_run: bool, by: Caller) -> Json:
        self._kept(name)
        if asked["from_ms"] >= asked["to_ms"]:
            raise ApiError(400, "the backfill ends before it begins")
        return {"connector": name, "backfills": [asked]}

    async def backfills(self, name: str) -> list[Json]:
        self._kept(name)
        return []

    async def cancel_backfill(self, name: str, backfill: str, *, by: Caller) -> None:
        self._kept(name)
        raise ApiError(404, f"Connector {name} has no backfill {backfill}")

    def versions(self, name: str) -> list[Json]:
        kept = self._kept(name)
        numbered = list(enumerate(kept.versions, 1))
        return [{"version": number, "changed_ms": 0, "config": shown_words(words, {})} for number, words in reversed(numbered)]

    async def rollback(self, name: str, version: int, *, by: Caller) -> Json:
        kept = self._kept(name)
        if not 1 <= version <= len(kept.versions):
            raise refusals.no_version(name, version)
        return (await self.put_config(name, kept.versions[version - 1], by=by))[1]

    def _kept(self, name: str) -> Kept:
        if name not in self._connectors:
            raise refusals.connector_not_found(name)
        return self._connectors[name]

    def _stopped(self, name: str) -> Kept:
        kept = self._kept(name)
        if kept.target != "STOPPED":
            raise refusals.not_stopped(name)
        return kept

    def _shown(self, kept: Kept) -> dict[str, Any]:
        return shown_words(kept.words, self._environ)

    def _state(self, state: str) -> Json:
        return {"state": state, "worker_id": WORKER_ID, "version": self.version}

    def _run(self, name: str) -> None:
        """Let a started connector read something."""
        kept = self._connectors[name]
        if kept.target != "STARTED" or self._failing(kept.loaded):
            return
        kept.topics = [kept.loaded.settings.topic_of(stream.subject) for stream in kept.loaded.streams]
        cursor = self._first_cursor(kept.loaded)
        if cursor and not self.cursors.get(name):
            self.cursors[name] = [
                {"partition": self._partition(kept, stream.name), "offset": cursor} for stream in kept.loaded.streams
            ]

    def _partition(self, kept: Kept, stream: str) -> Json:
        return {"stream": stream, "tenant": kept.loaded.settings.tenant}

    def _check_offset(self, kept: Kept, entry: Json) -> None:
        models = {stream.name: stream.cursor for stream in kept.loaded.streams}
        stream = entry["partition"].get("stream")
        if stream not in models or entry["partition"] != self._partition(kept, stream):
            raise ApiError(400, f"no cursor of this connector has the partition {entry['partition']}")
        try:
            if entry["offset"] is not None:
                models[stream].model_validate(entry["offset"])
        except ValidationError as error:
            raise ApiError(400, f"the offset is no cursor of {stream}: {error.errors()[0]['loc']}") from None

    def _moved(self, name: str, done: str, entries: list[Json], *, dry_run: bool, by: Caller) -> Json:
        if dry_run:
            return {"message": f"The offsets for this connector would be {done}", "plan": entries}
        self.calls.append((done, name, by))
        stay = [old for old in self.cursors.get(name, []) if all(old["partition"] != new["partition"] for new in entries)]
        self.cursors[name] = stay + [entry for entry in entries if entry["offset"] is not None]
        return {"message": f"The offsets for this connector have been {done} successfully"}
