"""Takes what somebody wants changed, writes it by compare-and-set with its audit, gives Connect's answer; never half of a change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from wellhead.cluster.answers import Answers
from wellhead.cluster.definition import Accepted, DefinitionMessages
from wellhead.cluster.knowledge import Knowledge
from wellhead.cluster.lanes import removals
from wellhead.config.deployment import LoadedConnector
from wellhead.config.single import restored_words
from wellhead.errors import ConfigError, TemporaryError
from wellhead.kafka.messages import Message
from wellhead.rest import refusals
from wellhead.rest.contract import ApiError, Caller, Config, Json, Scope, TargetState
from wellhead.storage.configs import (
    ConfigView,
    ConnectorEntry,
    Target,
    delete_messages,
    logger_message,
    restart_message,
    restart_task_message,
)

_Decide = Callable[[ConfigView], Sequence[Message]]
_GONE_SECS = 10.0
_LOOK_SECS = 0.1
_LEVELS = frozenset({"TRACE", "DEBUG", "INFO", "WARN", "WARNING", "ERROR", "FATAL", "OFF"})


class Changes(Answers):
    """The part of the cluster's API that writes the config topic."""

    def __init__(self) -> None:
        super().__init__()
        self._levels: dict[str, str] = {}
        self._turn = asyncio.Lock()
        self._messages: DefinitionMessages

    def join(self, known: Knowledge) -> None:
        """Begin to answer."""
        self._messages = DefinitionMessages(known.worker, known.shown, known.clock, known.worker_id)
        self._joined = known

    async def create(
        self,
        name: str,
        config: Config,
        *,
        initial_state: TargetState | None = None,
        initial_offsets: Sequence[Json] | None = None,
        by: Caller,
    ) -> Json:
        accepted = await self._accepted(name, config)
        await self._until_gone(name)
        offsets = await self._initial(name, accepted.loaded, initial_offsets, by)
        change = self._messages.change(by, "create")

        def decide(view: ConfigView) -> list[Message]:
            if name in view.connectors:
                raise refusals.exists(name)
            target = Target(initial_state or Target.STARTED)
            return [*self._messages.configured(view, name, accepted, target, change), *offsets]

        await self._change(decide)
        return {**self.connector(name), "tasks": []}

    async def put_config(self, name: str, config: Config, *, by: Caller) -> tuple[bool, Json]:
        created = False

        async def make(before: ConnectorEntry | None) -> _Decide:
            nonlocal created
            created = before is None
            accepted = await self._accepted(name, self._restored(before, config))
            target = before.target if before else Target.STARTED
            change = self._messages.change(by, "config" if before else "create")
            return lambda view: self._messages.configured(view, name, accepted, target, change)

        await self._change_as_seen(name, make)
        return created, {**self.connector(name), **({"tasks": []} if created else {})}

    async def patch_config(self, name: str, patch: Config, *, by: Caller) -> Json:
        async def make(_before: ConnectorEntry | None) -> _Decide:
            before = self._entry(name)
            restored = self._restored(before, patch)
            merged = {word: value for word, value in {**before.config, **restored}.items() if value is not None}
            accepted = await self._accepted(name, merged)
            change = self._messages.change(by, "patch")
            return lambda view: self._messages.configured(view, name, accepted, before.target, change)

        await self._change_as_seen(name, make)
        return self.connector(name)

    async def delete_definition(self, name: str, *, by: Caller, also: Sequence[Message] = ()) -> None:
        """Remove a connector, and write what else belongs to that in the same transaction."""
        change = self._messages.change(by, "delete")

        def decide(view: ConfigView) -> list[Message]:
            entry = view.connectors.get(name)
            if entry is None:
                raise refusals.connector_not_found(name)
            topic = self._known.worker.config_storage_topic
            audit = self._messages.audit(name, change, self._shown(entry.config), None)
            return [*delete_messages(topic, view, name), *removals(topic, view, name), audit, *also]

        await self._change(decide)

    async def set_target(self, name: str, target: TargetState, *, by: Caller) -> None:
        wanted = Target(target)
        what = {Target.STARTED: "resume", Target.PAUSED: "pause", Target.STOPPED: "stop"}[wanted]

        async def make(before: ConnectorEntry | None) -> _Decide:
            if before is None:
                raise refusals.unknown_connector(name)
            loaded: Sequence[LoadedConnector] = ()
            if before.target is Target.STOPPED and wanted is not Target.STOPPED:
                loaded = (await self._accepted(name, before.config)).loaded
            if before.target is wanted:
                return lambda _view: []
            change = self._messages.change(by, what)
            return lambda view: self._messages.targeted(view, before, loaded, wanted, change)

        await self._change_as_seen(name, make)

    async def restart(self, name: str, *, include_tasks: bool, only_failed: bool, by: Caller) -> Json | None:
        status = self.status(name) if name in self._view.connectors else None
        if status is None:
            raise refusals.no_connector_to_restart(name)
        topic = self._known.worker.config_storage_topic
        order = restart_message(topic, name, include_tasks=include_tasks, only_failed=only_failed)
        told = {"includeTasks": include_tasks, "onlyFailed": only_failed}
        audit = self._messages.audit(name, self._messages.change(by, "restart"), None, told)
        await self._change(lambda _view: [order, audit])
        if not (include_tasks or only_failed):
            return None
        for part in [status["connector"], *(status["tasks"] if include_tasks else [])]:
            if part["state"] == "FAILED" or not only_failed:
                part["state"] = "RESTARTING"
        return status

    async def restart_task(self, name: str, task: int, *, by: Caller) -> None:
        entry = self._view.connectors.get(name)
        if entry is None:
            raise refusals.no_connector_to_restart(name)
        if task not in entry.tasks:
            raise refusals.no_task_to_restart(name, task)
        order = restart_task_message(self._known.worker.config_storage_topic, name, task)
        audit = self._messages.audit(name, self._messages.change(by, "restart"), None, {"task": task})
        await self._change(lambda _view: [order, audit])

    async def rollback(self, name: str, version: int, *, by: Caller) -> Json:
        async def make(_before: ConnectorEntry | None) -> _Decide:
            before = self._entry(name)
            kept = next((each for each in self._view.versions.get(name, ()) if each.version == version), None)
            if kept is None:
                raise refusals.no_version(name, version)
            accepted = await self._accepted(name, kept.config)
            change = self._messages.change(by, f"rollback to {version}")
            return lambda view: self._messages.configured(view, name, accepted, before.target, change)

        await self._change_as_seen(name, make)
        return self.connector(name)

    async def set_logger(self, name: str, level: str, scope: Scope, *, by: Caller) -> list[str] | None:
        if level.upper() not in _LEVELS:
            raise refusals.invalid_level(level)
        if scope == "worker":
            return self.apply_level(name, level)
        audit = self._messages.audit("", self._messages.change(by, "logger"), None, {"logger": name, "level": level.upper()})
        message = logger_message(self._known.worker.config_storage_topic, name, level.upper())
        await self._change(lambda _view: [message, audit])
        return None

    async def _until_gone(self, name: str) -> None:
        """Return once no task of a connector that was deleted under this name still runs; one that nobody ends is not waited for."""
        deadline_secs = self._known.clock.monotonic_secs() + _GONE_SECS
        while name not in self._view.connectors and self._known.storage.statuses.view.tasks.of(name):
            if self._known.clock.monotonic_secs() > deadline_secs:
                return
            await self._known.clock.sleep(_LOOK_SECS)

    def stored(self, name: str) -> dict[str, str | None] | None:
        """Give the words of a connector as they are stored, secrets and all; None where there is none."""
        entry = self._view.connectors.get(name)
        return None if entry is None else dict(entry.config)

    def apply_level(self, name: str, level: str) -> list[str]:
        """Set the level of a logger of this process and those below it; give their names."""
        word = {"TRACE": "DEBUG", "WARN": "WARNING", "FATAL": "CRITICAL", "OFF": "CRITICAL"}.get(level.upper(), level.upper())
        below = [
            each for each in logging.root.manager.loggerDict if each == name or each.startswith(f"{name}.") or name == "root"
        ]
        names = sorted({name, *(each for each in below if each.split(".")[0] == "wellhead" or name != "root")})
        for each in names:
            logging.getLogger(None if each == "root" else each).setLevel(word)
            self._known.modified[each] = self._known.clock.now_ms()
        return names

    def follow_level(self, name: str, level: str) -> None:
        """Set the level that the whole cluster has for a logger, once."""
        # A record of somebody else's making may say anything; refusing it loudly would keep every worker from starting.
        if self._levels.get(name) != level and level.upper() in _LEVELS:
            self._levels[name] = level
            self.apply_level(name, level)

    async def reset_topics(self, name: str, *, by: Caller) -> None:
        self._entry(name)
        self._known.storage.states.reset_topics(name)
        audit = self._messages.audit(name, self._messages.change(by, "reset topics"), None, None)
        await self._change(lambda _view: [audit])

    async def validate(self, plugin: str, config: Config) -> Json:
        return await asyncio.to_thread(self._known.definitions.validate, plugin, config)

    def _restored(self, entry: ConnectorEntry | None, config: Config) -> Config:
        """Give words that somebody sends back, with stored secrets where they were only shown."""
        if entry is None:
            return config
        try:
            return restored_words(config, entry.config, self._known.environ, self._known.plugins)
        except ConfigError as error:
            raise refusals.invalid([str(problem) for problem in error.problems]) from None

    async def _accepted(self, name: str, config: Config) -> Accepted:
        """Give a connector's words with its name among them, and what they load to; refuse what Connect would."""
        return Accepted(*await asyncio.to_thread(self._known.definitions.accept, name, config))

    async def _initial(
        self, name: str, loaded: Sequence[LoadedConnector], entries: Sequence[Json] | None, by: Caller
    ) -> Sequence[Message]:
        """Give the messages that make `entries` the cursors of a connector that is being made."""
        raise NotImplementedError

    async def _change_as_seen(self, name: str, make: Callable[[ConnectorEntry | None], Awaitable[_Decide]]) -> None:
        """Write what `make` makes of a connector as it stands; made anew when somebody else was quicker, so that nothing is lost."""
        while True:
            before = self._view.connectors.get(name)
            decide = await make(before)

            def unless_moved(
                view: ConfigView, before: ConnectorEntry | None = before, decide: _Decide = decide
            ) -> Sequence[Message]:
                now = view.connectors.get(name)
                if (now and (now.version, now.offset, now.target)) != (
                    before and (before.version, before.offset, before.target)
                ):
                    raise _MovedError
                return decide(view)

            try:
                await self._change(unless_moved)
            except _MovedError:
                continue
            return

    async def _change(self, decide: _Decide) -> None:
        """Write a change; it is in the view of this worker then."""
        try:
            # One at a time goes through anyway; those that wait must not hold the threads that everything else here needs.
            async with self._turn:
                await asyncio.to_thread(self._known.storage.writer.change, decide)
        except TemporaryError as error:
            raise ApiError(503, str(error)) from error


class _MovedError(Exception):
    """A connector changed between looking and writing."""
