"""Takes one entry of the `connectors` section, gives the framework's half of it, frozen; never the vendor's half."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from wellhead.config.cron import Cron
from wellhead.config.http import HttpSettings
from wellhead.config.lists import Aliases
from wellhead.config.model import OwnOptions, PassThrough, Settings

_MIB = 1024 * 1024
_TOPIC_PART = r"^[a-zA-Z0-9._-]*$"
_NAME = re.compile(r"[^\s/\\\x00-\x1f\x7f]{1,128}")
_ALIAS = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class ConnectorSettings(Settings):
    """How the framework runs one connector; its own options are in `options`, as written."""

    name: str = Field(
        description="Name of the connector: its key in the file. Part of cursors and transactional ids; never change it."
    )
    connector_class: str = Field(min_length=1, description="Which source to run: a name from 'wellhead connectors list'.")
    tenant: str = Field(
        "default",
        min_length=1,
        max_length=249,
        description="Whose data this is; part of the cursor and of every metric. Never change it.",
    )
    tenants: Aliases = Field(
        (),
        description="Tenants this definition stands for, instead of one tenant: ${tenant} in any option is that one's name. "
        "Each has its own tasks, cursors, turns and quota, and none notices when another comes or goes.",
    )
    topic_prefix: str = Field(
        "", max_length=248, pattern=_TOPIC_PART, description="Put before the stream's subject to name its topic."
    )
    poll_interval_secs: float | None = Field(
        None, gt=0, description="Seconds between two runs; unset = what the stream suggests."
    )
    poll_cron: Cron | None = Field(None, description="Cron expression (UTC) that starts each run, instead of an interval.")
    poll_continuous: bool = Field(False, description="Start the next run as soon as one ends, instead of an interval.")
    poll_jitter_ratio: float = Field(
        0.1, ge=0, le=1, description="Share of the wait by which it is varied, so that connectors do not start together."
    )
    tasks_max: int = Field(
        1, ge=1, description="How many of its streams may be polled at once; with 1 they take turns, in order."
    )
    run_max_batches: int | None = Field(
        None, ge=1, description="Batches after which a run ends; the next one goes on. Unset = no limit."
    )
    run_max_secs: float | None = Field(
        None, gt=0, description="Seconds after which a run ends; the next one goes on. Unset = no limit."
    )
    transaction_boundary: Literal["poll", "interval"] = Field(
        "interval", description="Commit after every batch (poll), or group batches by time and size (interval)."
    )
    transaction_boundary_interval_ms: int = Field(
        500, ge=1, description="Milliseconds after which an open transaction is committed."
    )
    transaction_max_bytes: int = Field(
        64 * _MIB, ge=1, description="Encoded bytes after which an open transaction is committed."
    )
    pipeline_max_bytes: int = Field(
        16 * _MIB, ge=1, description="Bytes of batches that may wait between stages; the vendor is not read while it is full."
    )
    record_timestamp: Literal["publish", "event"] = Field(
        "publish",
        description="Kafka timestamp of a record: when it was published, or its event time; a topic's retention counts from it, "
        "so with event time history older than retention.ms is deleted as soon as it arrives.",
    )
    on_error: Literal["dead_letter", "stop"] = Field(
        "dead_letter", description="What happens to a record that cannot be published: dead-letter it, or stop the task."
    )
    dead_letter_topic: str | None = Field(
        None,
        validation_alias="errors.deadletterqueue.topic.name",
        serialization_alias="errors.deadletterqueue.topic.name",
        pattern=r"^[a-zA-Z0-9._-]{1,249}$",
        description="Topic of the records that cannot be published.",
        json_schema_extra={"default_text": "`<topic>.dlq`"},
    )
    retry_backoff_max_secs: float = Field(60, gt=0, description="Longest wait between two tries of a call that failed for now.")
    restart_policy: Literal["backoff", "never"] = Field(
        "backoff", description="Restart a failed task after a growing wait, or leave it FAILED until a person acts."
    )
    restart_backoff_initial_secs: float = Field(
        5, gt=0, description="Wait before the first restart of a failed task; it doubles each time."
    )
    restart_backoff_max_secs: float = Field(300, gt=0, description="Longest wait between two restarts of a failed task.")
    freshness_target_secs: float = Field(
        900, gt=0, description="Seconds without a successful poll after which a task counts as DEGRADED."
    )
    topic_creation: PassThrough = Field(
        default_factory=dict,
        validation_alias="topic.creation.default",
        serialization_alias="topic.creation.default",
        description="Settings of topics that are created: partitions, replication.factor, and any topic setting of Kafka.",
        json_schema_extra={"open": True},
    )
    producer_override: PassThrough = Field(
        default_factory=dict,
        description="Any librdkafka setting, for this connector's producers only.",
        json_schema_extra={"open": True},
    )
    transforms: Aliases = Field(
        (), description="Aliases of the transforms its records go through, in order; each has a transforms.<alias>.type."
    )
    predicates: Aliases = Field(
        (), description="Aliases of the predicates its transforms refer to; each has a predicates.<alias>.type."
    )
    transform_words: OwnOptions = Field(
        default_factory=dict,
        description="The options of its transforms and predicates, as written.",
        json_schema_extra={"internal": True},
    )
    http: HttpSettings = Field(default_factory=HttpSettings, description="Limits and proxy of its vendor calls.")
    options: OwnOptions = Field(
        default_factory=dict, description="The connector's own options.", json_schema_extra={"internal": True}
    )

    @field_validator("name")
    @classmethod
    def _is_a_plain_name(cls, value: str) -> str:
        if not _NAME.fullmatch(value) or value in {".", ".."}:
            raise PydanticCustomError("name", "must be 1 to 128 characters without spaces, slashes or control characters")
        return value

    @field_validator("transforms", "predicates")
    @classmethod
    def _are_plain_and_unique(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for alias in value:
            if not _ALIAS.fullmatch(alias):
                raise PydanticCustomError("alias", "must list aliases of 1 to 64 letters, digits, _ and -")
        if len(set(value)) < len(value):
            raise PydanticCustomError("alias", "must list each alias once")
        return value

    @field_validator("topic_creation")
    @classmethod
    def _counts_are_counts(cls, value: dict[str, str]) -> dict[str, str]:
        for word in ("partitions", "replication.factor"):
            if word in value and not re.fullmatch(r"-1|[1-9]\d{0,8}", value[word]):
                raise PydanticCustomError("word", "must be -1 (the broker's default) or at least 1", {"word": word})
        return value

    @model_validator(mode="after")
    def _has_one_schedule(self) -> ConnectorSettings:
        given = {
            "poll.cron": self.poll_cron is not None,
            "poll.interval.secs": self.poll_interval_secs is not None,
            "poll.continuous": self.poll_continuous,
        }
        words = [word for word, is_set in given.items() if is_set]
        if len(words) > 1:
            raise PydanticCustomError("word", "cannot stand together with " + " and ".join(words[1:]), {"word": words[0]})
        if self.restart_backoff_max_secs < self.restart_backoff_initial_secs:
            raise PydanticCustomError(
                "word", "must not be below restart.backoff.initial.secs", {"word": "restart.backoff.max.secs"}
            )
        return self

    def topic_of(self, subject: str) -> str:
        """Give the record topic of a subject."""
        return f"{self.topic_prefix}{subject}"

    def dead_letter_topic_of(self, subject: str) -> str:
        """Give the dead-letter topic of a subject."""
        return self.dead_letter_topic or f"{self.topic_of(subject)}.dlq"

    def schedule(self) -> str:
        """Tell in words when the connector runs."""
        if self.poll_cron is not None:
            return f"cron {self.poll_cron} UTC"
        if self.poll_continuous:
            return "continuous"
        return f"every {self.poll_interval_secs:g} s" if self.poll_interval_secs is not None else "as each stream suggests"
