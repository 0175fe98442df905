"""Gives the shapes of answers, for the published description of the API; never stands between a cluster and its answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from wellhead.rest.bodies import Scalar, Words

State = Literal["UNASSIGNED", "RUNNING", "PAUSED", "FAILED", "RESTARTING", "STOPPED", "DEGRADED", "DESTROYED"]


class _Shape(BaseModel):
    # Fields may be added; a client that stumbles over them is one that Connect's own releases break.
    model_config = ConfigDict(extra="allow")


class Refusal(_Shape):
    """What every refusal looks like."""

    error_code: int = Field(description="The status of the answer.")
    message: str


class ServerInfo(_Shape):
    """The worker's version and its Kafka cluster."""

    version: str
    commit: str
    kafka_cluster_id: str | None


class HealthInfo(_Shape):
    """Whether the worker is well."""

    status: Literal["healthy", "starting", "unhealthy", "ready", "alive"]
    message: str


class TaskId(_Shape):
    """One task of a connector."""

    connector: str
    task: int


class ConnectorInfo(_Shape):
    """A connector; secrets are `******`, references stand as they were written."""

    name: str
    config: Words
    tasks: list[TaskId]
    type: Literal["source"]


class PartState(_Shape):
    """What a connector or a task is doing, and where."""

    state: str
    worker_id: str
    version: str | None = None
    trace: str | None = Field(None, description="Why it failed.")


class TaskState(PartState):
    """What a task is doing, and where."""

    id: int


class ConnectorStatus(_Shape):
    """What a connector and its tasks are doing, and where."""

    name: str
    connector: PartState
    tasks: list[TaskState]
    type: Literal["source"]


class Expanded(_Shape):
    """What was asked for of one connector."""

    status: ConnectorStatus | None = None
    info: ConnectorInfo | None = None


class Names(RootModel[list[str] | dict[str, Expanded]]):
    """The connectors' names; with `expand` a mapping from names."""


class WordsInfo(RootModel[Words]):
    """A connector's configuration."""


class TaskInfo(_Shape):
    """A task and its configuration."""

    id: TaskId
    config: Words


class Tasks(RootModel[list[TaskInfo]]):
    """A connector's tasks."""


class TopicsOf(_Shape):
    """The topics of one connector."""

    topics: list[str]


class Topics(RootModel[dict[str, TopicsOf]]):
    """The topics a connector has written to, under its name."""


class OffsetInfo(_Shape):
    """A cursor; beside Connect's two fields stand its age and where its history is."""

    partition: dict[str, Scalar]
    offset: dict[str, Scalar] | None


class Offsets(_Shape):
    """A connector's cursors."""

    offsets: list[OffsetInfo]


class Done(_Shape):
    """What was done, or with `dryRun` what would be."""

    message: str
    plan: Any = Field(None, description="What would change; only with dryRun.")


class Plugin(_Shape):
    """A connector class, or with `connectorsOnly=false` also a transform or predicate."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    class_: str = Field(alias="class")
    type: str
    version: str


class Plugins(RootModel[list[Plugin]]):
    """What can be configured."""


class Definition(_Shape):
    """What an option is."""

    name: str
    type: Literal["BOOLEAN", "STRING", "INT", "SHORT", "LONG", "DOUBLE", "LIST", "CLASS", "PASSWORD"]
    required: bool
    default_value: str | None
    importance: Literal["HIGH", "MEDIUM", "LOW"]
    documentation: str
    group: str | None
    order_in_group: int
    width: Literal["NONE", "SHORT", "MEDIUM", "LONG"]
    display_name: str
    dependents: list[str]


class Definitions(RootModel[list[Definition]]):
    """The options of a plug-in."""


class Value(_Shape):
    """What an option's value is, or would be by default."""

    name: str
    value: str | None
    recommended_values: list[str]
    errors: list[str]
    visible: bool


class Checked(_Shape):
    """An option and its value; no definition where there is no such option."""

    definition: Definition | None
    value: Value


class Validation(_Shape):
    """What a configuration would mean."""

    name: str
    error_count: int
    groups: list[str]
    configs: list[Checked]


class Level(_Shape):
    """A logger's level, and when it was set (epoch ms)."""

    level: str | None
    last_modified: int | None


class Levels(RootModel[dict[str, Level]]):
    """Levels by logger."""


class LoggerNames(RootModel[list[str]]):
    """The loggers whose level was set."""


class Explained(_Shape):
    """What a connector does, why, and what to do now."""


class Planned(_Shape):
    """The backfills that were begun, or with `dryRun` would be, and what they cost."""

    connector: str
    backfills: list[dict[str, Any]]


class Entries(RootModel[list[dict[str, Any]]]):
    """Entries, newest first."""
