"""Takes the `worker` section, environment and flags, gives one frozen `WorkerSettings`; never connects to anything."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from wellhead.config.access import AccessSettings
from wellhead.config.cluster import TOPIC_NAME, ClusterSettings
from wellhead.config.model import PassThrough, Settings
from wellhead.config.streams import StreamsSettings

_HTTP = re.compile(r"^https?://[^/\s]+", re.IGNORECASE)


class WorkerSettings(AccessSettings, ClusterSettings, StreamsSettings, BaseSettings):
    """What one worker process needs to know; `worker` in a file, `WELLHEAD_*` in the environment, `--set` on the command line."""

    # All bases have a config of their own; the framework's counts.
    model_config = SettingsConfigDict(**Settings.model_config)  # type: ignore[typeddict-item]

    group_id: str = Field(
        "wellhead", pattern=TOPIC_NAME, description="Name shared by all workers of one deployment; prefix of transactional ids."
    )
    kafka: PassThrough = Field(
        description="Any librdkafka setting, for every client, such as kafka.bootstrap.servers or kafka.security.protocol.",
        json_schema_extra={
            "open": True,
            "required_words": {"bootstrap.servers": "Kafka brokers to start from, host:port with commas between them."},
        },
    )
    producer: PassThrough = Field(
        default_factory=dict,
        description="Any librdkafka setting, for producers only; wins over kafka.*.",
        json_schema_extra={"open": True},
    )
    consumer: PassThrough = Field(
        default_factory=dict,
        description="Any librdkafka setting, for consumers only; wins over kafka.*.",
        json_schema_extra={"open": True},
    )
    schema_registry: PassThrough = Field(
        description="Settings of the schema registry client, such as schema.registry.url or schema.registry.basic.auth.user.info.",
        json_schema_extra={
            "open": True,
            "required_words": {"url": "Address of the schema registry, such as http://127.0.0.1:8081."},
        },
    )
    offset_storage_topic: str = Field(
        "wellhead-offsets", pattern=TOPIC_NAME, description="Compacted topic that holds the cursors."
    )
    offset_storage_partitions: int = Field(25, ge=1, description="Partitions of the offsets topic when it is created.")
    offset_storage_replication_factor: int = Field(
        -1, ge=-1, description="Replicas of the offsets topic when it is created; -1 = the broker's default."
    )
    runs_topic: str = Field(
        "wellhead-runs",
        pattern=TOPIC_NAME,
        description="Topic that receives the record of each run of a task, renewed with each transaction.",
    )
    runs_topic_partitions: int = Field(1, ge=1, description="Partitions of the runs topic when it is created.")
    runs_topic_replication_factor: int = Field(
        -1, ge=-1, description="Replicas of the runs topic when it is created; -1 = the broker's default."
    )
    runs_topic_retention_ms: int = Field(
        30 * 24 * 3600 * 1000, ge=-1, description="Milliseconds run records are kept when the topic is created; -1 = for ever."
    )
    budget_topic: str = Field(
        "wellhead-budgets",
        pattern=TOPIC_NAME,
        description="Topic of one partition by which workers share the budgets of http.budget.group; the same for all that share one.",
    )
    budget_topic_replication_factor: int = Field(
        -1, ge=-1, description="Replicas of the budget topic when it is created; -1 = the broker's default."
    )
    task_shutdown_graceful_timeout_ms: int = Field(
        5000, ge=0, description="Milliseconds all tasks together have to finish their transactions when the worker stops."
    )
    spool_dir: Path = Field(
        default_factory=lambda: Path(tempfile.gettempdir()),
        description="Folder under which each task gets a private folder for downloads.",
        json_schema_extra={"default_text": "the system's temporary folder"},
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")
    log_format: Literal["json", "console"] = Field("json", description="Log lines for machines (json) or for people (console).")
    otlp_endpoint: str | None = Field(
        None, description="OTLP/HTTP collector that receives metrics and traces, such as http://127.0.0.1:4318; unset = none."
    )
    trace_headers: bool = Field(False, description="Put the W3C trace context of its batch into the headers of every record.")
    trace_sample_ratio: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of batches that are traced; what a consumer does with a record is traced where its batch is.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the process's own environment is never read behind the caller's back
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Rank the sources, strongest first: flags, environment, files."""
        layers = _layers_of(init_settings)
        return (init_settings, *(_Layer(settings_cls, layer) for layer in layers))

    @classmethod
    def layered(cls, *, flags: Mapping[str, Any], environment: Mapping[str, Any], files: Mapping[str, Any]) -> WorkerSettings:
        """Build the settings from words gathered from each source, strongest first."""
        sources: dict[str, Any] = {**flags, _LAYERS: (environment, files)}
        return cls(**sources)

    def listen_address(self) -> tuple[str, int] | None:
        """Give host and port of the first of `listeners`, or None when there is none; an empty host means every interface."""
        if not self.listeners:
            return None
        parts = urlsplit(self.listeners.partition(",")[0])
        return (parts.hostname or "0.0.0.0", parts.port or 8083)  # noqa: S104 - the operator wrote no host, as Connect allows

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("offset_storage_replication_factor", "runs_topic_replication_factor", "budget_topic_replication_factor")
    @classmethod
    def _is_replication_factor(cls, value: int) -> int:
        if value == 0:
            raise PydanticCustomError("replicas", "must be -1 (the broker's default) or at least 1")
        return value

    @field_validator("otlp_endpoint")
    @classmethod
    def _is_http_url(cls, value: str | None) -> str | None:
        if value is not None and not _HTTP.match(value):
            raise PydanticCustomError("http_url", "must be an http:// or https:// address")
        return value

    @field_validator("kafka", "schema_registry")
    @classmethod
    def _has_its_address(cls, value: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        word = "bootstrap.servers" if info.field_name == "kafka" else "url"
        if not value.get(word, "").strip():
            raise PydanticCustomError("missing_word", "required", {"word": word})
        if word == "url" and not all(_HTTP.match(url.strip()) for url in value[word].split(",")):
            raise PydanticCustomError("word", "must be an http:// or https:// address", {"word": word})
        return value


_LAYERS = "wellhead_layers"


def _layers_of(init_settings: PydanticBaseSettingsSource) -> tuple[Mapping[str, Any], ...]:
    given: dict[str, Any] = getattr(init_settings, "init_kwargs", {})
    layers: tuple[Mapping[str, Any], ...] = given.pop(_LAYERS, ())
    return layers


class _Layer(PydanticBaseSettingsSource):
    """One source whose words are already gathered by field."""

    def __init__(self, settings_cls: type[BaseSettings], words: Mapping[str, Any]) -> None:
        super().__init__(settings_cls)
        self._words = dict(words)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Give one field's words; part of pydantic-settings' contract."""
        word = field.alias or field_name
        return self._words.get(word), word, False

    def __call__(self) -> dict[str, Any]:
        return self._words
