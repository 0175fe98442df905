"""Takes one entry of the `lookups` section, gives the builder's half of it, frozen; never the target's half."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from wellhead.config.cron import Cron
from wellhead.config.lists import Texts
from wellhead.config.model import OwnOptions, Settings

_TOPIC = r"^[a-zA-Z0-9._-]{1,249}$"
_NAME = re.compile(r"[^\s/\\\x00-\x1f\x7f]{1,128}")
_MEMORY = re.compile(r"[1-9]\d*\s?(MB|MiB|GB|GiB)")


class LookupSettings(Settings):
    """How the files of one lookup are built, guarded and delivered; the target's own options are in `options`, as written."""

    name: str = Field(description="Name of the lookup: its key in the file; stands in logs and metrics.")
    topic: str = Field(pattern=_TOPIC, description="Record topic to build from: `<topic.prefix><subject>`.")
    files: Texts = Field(
        description="Mappings, one for each file: `<connector>/<name>` for one a connector ships, or the path of a YAML file of your own "
        "(from the working folder)."
    )
    state_dir: Path = Field(
        description="Folder of the state: the newest record of every key, and what was delivered. Keep it on a disk that lasts; without "
        "it everything is read from the topic again. One lookup each."
    )
    output_dir: Path = Field(description="Folder where the finished files and their manifests stand. One lookup each.")
    target: str = Field(
        "directory", min_length=1, description="Where files are delivered: `directory`, or the name of an installed target."
    )
    run_interval_secs: float | None = Field(
        None, gt=0, description="Seconds from the start of a run to the next.", json_schema_extra={"default_text": "900"}
    )
    run_cron: Cron | None = Field(None, description="Cron expression (UTC) that starts each run, instead of an interval.")
    state_memory_max: str = Field("192MB", description="Memory the state's database may use, such as 256MB or 1GB.")
    delivery_delta: bool = Field(
        True, description="Send only the changed rows where the target can take them and no row has gone."
    )
    delivery_delta_max_ratio: float = Field(
        0.1, ge=0, le=1, description="Share of a file's rows above which the whole file is sent instead of its changes."
    )
    oversize: Literal["refuse", "split"] = Field(
        "refuse",
        description="What happens to a file above the target's size limit: it is not delivered, or it is delivered as numbered parts "
        "(x.csv, x_2.csv, ...).",
    )
    oversize_max_bytes: int | None = Field(
        None,
        ge=1024,
        description="Bytes a delivered file may have.",
        json_schema_extra={"default_text": "the target's own limit"},
    )
    guard_min_size_ratio: float = Field(
        0.5,
        ge=0,
        le=1,
        description="A file smaller than this share of the last delivered one is held back until --force; 0 = never.",
    )
    alert_missing_runs: int = Field(
        2, ge=1, description="Runs a file may stay missing at the target before the lookup counts as unhealthy."
    )
    alert_delivery_age_secs: float = Field(
        7200,
        gt=0,
        description="Seconds since the last run that left every file as it should be before the lookup counts as unhealthy.",
    )
    alert_failure_ratio: float = Field(
        0.05, ge=0, le=1, description="Share of failed deliveries, of the last 100, above which the lookup counts as unhealthy."
    )
    alert_call_secs: float = Field(
        120, gt=0, description="Seconds one call to the target may take before it is logged as slow and counted."
    )
    source_connector: str | None = Field(
        None,
        min_length=1,
        description="Connector whose cursors are reset when the topic has lost the rows of a file; unset = only say so.",
    )
    source_tenant: str = Field("default", min_length=1, description="Tenant of that connector.")
    options: OwnOptions = Field(
        default_factory=dict, description="The target's own options.", json_schema_extra={"internal": True}
    )

    @field_validator("name")
    @classmethod
    def _is_a_plain_name(cls, value: str) -> str:
        if not _NAME.fullmatch(value) or value in {".", ".."}:
            raise PydanticCustomError("name", "must be 1 to 128 characters without spaces, slashes or control characters")
        return value

    @field_validator("state_memory_max")
    @classmethod
    def _is_memory(cls, value: str) -> str:
        if not _MEMORY.fullmatch(value):
            raise PydanticCustomError("memory", "must be a size such as 256MB or 1GB")
        return value

    @model_validator(mode="after")
    def _has_one_schedule(self) -> LookupSettings:
        if self.run_cron is not None and self.run_interval_secs is not None:
            raise PydanticCustomError("word", "cannot stand together with run.interval.secs", {"word": "run.cron"})
        return self

    def schedule(self) -> str:
        """Tell in words when it runs."""
        return f"cron {self.run_cron} UTC" if self.run_cron is not None else f"every {self.interval_secs():g} s"

    def interval_secs(self) -> float:
        """Give the seconds between two runs, where there is no cron expression."""
        return self.run_interval_secs if self.run_interval_secs is not None else 900.0
