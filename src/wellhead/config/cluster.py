"""Gives the words of a worker that shares its tasks with others: group, internal topics, REST; never connects to anything."""

from __future__ import annotations

from pydantic import Field

from wellhead.config.model import Settings

TOPIC_NAME = r"^[a-zA-Z0-9._-]{1,249}$"
_DAY_MS = 24 * 3600 * 1000


class ClusterSettings(Settings):
    """What only workers of a group need; 'wellhead run' leaves it alone."""

    config_storage_topic: str = Field(
        "wellhead-configs", pattern=TOPIC_NAME, description="Compacted topic that holds connectors, their tasks and targets."
    )
    config_storage_replication_factor: int = Field(
        -1, ge=-1, description="Replicas of the config topic when it is created; -1 = the broker's default."
    )
    status_storage_topic: str = Field(
        "wellhead-status", pattern=TOPIC_NAME, description="Compacted topic that holds the states of connectors and tasks."
    )
    status_storage_partitions: int = Field(5, ge=1, description="Partitions of the status topic when it is created.")
    status_storage_replication_factor: int = Field(
        -1, ge=-1, description="Replicas of the status topic when it is created; -1 = the broker's default."
    )
    offset_history_topic: str = Field(
        "wellhead-offsets-history",
        pattern=TOPIC_NAME,
        description="Topic that receives every move of a cursor, from and to, for 'wellhead offsets log' and 'undo'.",
    )
    offset_history_retention_ms: int = Field(
        90 * _DAY_MS, ge=-1, description="Milliseconds a cursor's moves are kept when the topic is created; -1 = for ever."
    )
    audit_topic: str = Field(
        "wellhead-audit", pattern=TOPIC_NAME, description="Topic that receives who changed what through REST or a tool."
    )
    audit_retention_ms: int = Field(
        365 * _DAY_MS, ge=-1, description="Milliseconds the audit is kept when the topic is created; -1 = for ever."
    )
    assignment_topic: str = Field(
        "wellhead-assignment",
        pattern=TOPIC_NAME,
        description="Topic without records whose partitions are the tasks' places: who is assigned one runs its task.",
    )
    lease_topic: str = Field(
        "wellhead-leases", pattern=TOPIC_NAME, description="Topic without records whose offsets prove that a worker is alive."
    )
    session_timeout_ms: int = Field(
        10_000,
        ge=6_000,
        le=300_000,
        description="Milliseconds without a sign of life after which others take a worker's tasks.",
    )
    heartbeat_interval_ms: int = Field(1_000, ge=100, le=100_000, description="Milliseconds between two signs of life.")
    group_instance_id: str | None = Field(
        None,
        pattern=TOPIC_NAME,
        description="Keeps a worker's tasks for it over a restart shorter than session.timeout.ms; each worker's must differ.",
    )
    rest_advertised_host_name: str | None = Field(
        None,
        description="Host by which a worker is named in answers, as worker_id.",
        json_schema_extra={"default_text": "the host of the listener, or the machine's name"},
    )
    rest_advertised_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port by which a worker is named in answers.",
        json_schema_extra={"default_text": "the port of the listener"},
    )
