"""Takes nothing, gives what the REST API asks of a cluster and how a refusal looks; never knows how a cluster does it.

Everything that goes over this contract is what JSON can say, in Kafka Connect's shapes, with secrets already masked.
Plain methods are called on the event loop and must only look into memory. Async ones may take time, and must not block the loop.
Refusals are `ApiError`s; `wellhead.rest.refusals` has Connect's own words for the usual ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal, Protocol, TypeAlias

Json: TypeAlias = dict[str, Any]
Config: TypeAlias = Mapping[str, str | None]
TargetState: TypeAlias = Literal["STARTED", "PAUSED", "STOPPED"]
Scope: TypeAlias = Literal["worker", "cluster"]


class ApiError(Exception):
    """A request that is refused, with Connect's status and words; becomes `{"error_code": status, "message": message}`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Role(IntEnum):
    """What a caller may do; a higher one includes the lower ones."""

    READ_ONLY = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """The role as it is written in files and in the audit: `read-only`, `operator`, `admin`."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, for the audit.

    Attributes:
        name: The user, token name or certificate's name; `anonymous` where nobody has to say who they are.
        role: What they may do.
        address: The host the request came from, never its headers' claim.
    """

    name: str
    role: Role
    address: str


class ClusterApi(Protocol):
    """What the REST API can ask of and do to the whole cluster, from any worker.

    Where a connector is named that does not exist, refuse with 404 and the words that `refusals` has for that call.
    """

    def info(self) -> Json:
        """Give `version`, `commit` and `kafka_cluster_id`."""
        ...

    def health(self) -> Json:
        """Give `status` (healthy, starting, unhealthy), `message`, `worker_id` and `connectors` in detail."""
        ...

    def names(self) -> list[str]:
        """Give the names of all connectors."""
        ...

    def connector(self, name: str) -> Json:
        """Give `name`, `config`, `tasks` (of `connector` and `task`) and `type`; 404 `connector_not_found`."""
        ...

    def config(self, name: str) -> Json:
        """Give its words as written, secrets masked, `name` included; 404 `connector_not_found`."""
        ...

    def status(self, name: str) -> Json:
        """Give `name`, `connector` (`state`, `worker_id`, `version`, `trace` when failed), `tasks` and `type`; 404 `no_status`."""
        ...

    def tasks(self, name: str) -> list[Json]:
        """Give `id` (`connector`, `task`) and `config` of each task, none while STOPPED; 404 `connector_not_found`."""
        ...

    def task_status(self, name: str, task: int) -> Json:
        """Give `id`, `state`, `worker_id`, `version`, `trace` when failed; 404 `no_task_status`."""
        ...

    def topics(self, name: str) -> list[str]:
        """Give the topics it has written to since it was made or its topics were reset; 404 `connector_not_found`."""
        ...

    async def create(
        self,
        name: str,
        config: Config,
        *,
        initial_state: TargetState | None = None,
        initial_offsets: Sequence[Json] | None = None,
        by: Caller,
    ) -> Json:
        """Make a connector, give its `connector` answer (no tasks yet, as Connect).

        `name` may be empty, and `config` may hold another `name`; `definitions.Definitions.accept` refuses both.
        `initial_offsets` are entries as for `alter_offsets`, and replace what is stored. 409 `exists`.
        """
        ...

    async def put_config(self, name: str, config: Config, *, by: Caller) -> tuple[bool, Json]:
        """Make it or replace its words; give whether it was made, and its `connector` answer.

        `******` for a word keeps the stored one.
        """
        ...

    async def patch_config(self, name: str, patch: Config, *, by: Caller) -> Json:
        """Set some words, None removes one; give its `connector` answer; 404 `connector_not_found`."""
        ...

    async def delete(self, name: str, *, offsets: bool, by: Caller) -> None:
        """Remove it, with its cursors when `offsets`; 404 `connector_not_found`."""
        ...

    async def set_target(self, name: str, target: TargetState, *, by: Caller) -> None:
        """Start, pause or stop it; the same once more is no error; 404 `unknown_connector`."""
        ...

    async def restart(self, name: str, *, include_tasks: bool, only_failed: bool, by: Caller) -> Json | None:
        """Restart the connector; with either flag give the `status` that is planned, RESTARTING where it will be, else None.

        404 `no_connector_to_restart`.
        """
        ...

    async def restart_task(self, name: str, task: int, *, by: Caller) -> None:
        """Restart one task; 404 `no_connector_to_restart` or `no_task_to_restart`."""
        ...

    async def offsets(self, name: str) -> list[Json]:
        """Give `partition` and `offset` of each cursor, and beside them `age_secs`, `history_id`…; 404 `connector_not_found`."""
        ...

    async def alter_offsets(self, name: str, entries: Sequence[Json], *, dry_run: bool, by: Caller) -> Json:
        """Set cursors; an entry is `partition` and `offset` (None resets it). Give `message`, with `dry_run` also `plan`.

        `entries` has at least one. 404 `connector_not_found`; 400 `not_stopped`, also for a dry run where it could not be done.
        """
        ...

    async def reset_offsets(self, name: str, *, dry_run: bool, by: Caller) -> Json:
        """Reset all cursors; as `alter_offsets`."""
        ...

    async def reset_topics(self, name: str, *, by: Caller) -> None:
        """Forget which topics it has written to; 404 `connector_not_found`."""
        ...

    def plugins(self, *, connectors_only: bool) -> list[Json]:
        """Give `class`, `type` and `version` of each; see `definitions.Definitions.plugins`."""
        ...

    def plugin_config(self, plugin: str) -> list[Json]:
        """Give its definitions; see `definitions.Definitions.config_of`; 404 `unknown_plugin`."""
        ...

    async def validate(self, plugin: str, config: Config) -> Json:
        """Give Connect's answer to a validation; see `definitions.Definitions.validate`."""
        ...

    def loggers(self) -> dict[str, Json]:
        """Give `level` and `last_modified` (epoch ms or None) by logger; `root` is among them."""
        ...

    def logger(self, name: str) -> Json:
        """Give one logger's `level` and `last_modified`; 404 `logger_not_found`."""
        ...

    async def set_logger(self, name: str, level: str, scope: Scope, *, by: Caller) -> list[str] | None:
        """Set the level of a logger and those below it; give their names, or None for the scope `cluster`.

        404 `invalid_level`.
        """
        ...

    async def explain(self, name: str) -> Json:
        """Tell what a connector does, why, and what to do now; 404 `connector_not_found`."""
        ...

    async def runs(self, name: str, limit: int) -> list[Json]:
        """Give its last runs, newest first; 404 `connector_not_found`."""
        ...

    async def dead_letters(self, name: str, limit: int) -> list[Json]:
        """Give its last dead letters, newest first, without their bytes; 404 `connector_not_found`."""
        ...

    async def backfill(self, name: str, asked: Json, *, dry_run: bool, by: Caller) -> Json:
        """Read a span of time again beside the live stream; give the plan of it, with `dry_run` only that.

        `asked` has `from_ms`, `to_ms`, `share`, and perhaps `streams`, `tenants` and `id`. 404 `connector_not_found`; 400 where it cannot
        be; 409 where it exists.
        """
        ...

    async def backfills(self, name: str) -> list[Json]:
        """Give its backfills with how far they are, newest first; 404 `connector_not_found`."""
        ...

    async def cancel_backfill(self, name: str, backfill: str, *, by: Caller) -> None:
        """End a backfill where it stands; 404 `connector_not_found`, or where there is none."""
        ...

    def versions(self, name: str) -> list[Json]:
        """Give `version`, `changed_ms`, `by` and `config` (masked) of each kept version, newest first; 404 `connector_not_found`."""
        ...

    async def rollback(self, name: str, version: int, *, by: Caller) -> Json:
        """Make an old version's words the newest; give its `connector` answer; 404 `connector_not_found` or `no_version`."""
        ...
