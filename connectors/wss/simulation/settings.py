"""Takes options from a command line or a test, gives the validated settings of a simulated WSS portal, never a default that hides a fact."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from wellhead.testing.simulator import SimulatorSettings

HOUR_MS = 3_600_000
ZIP_EPOCH_MS = 315_532_800_000  # 1980: no ZIP can tell an earlier time


class Settings(SimulatorSettings):
    """A WSS portal: its tenants, how much they have logged, how it hands it out, and what is known to vary in the field."""

    tenants: dict[str, str] = Field(
        default={"wss-user": "wss-password"},
        min_length=1,
        description="A tenant's API user name and password, as USER=PASSWORD; each tenant has its own data and state.",
    )
    rows: int = Field(default=1_000, ge=0, description="Rows of history per tenant.")
    hours: int = Field(default=3, ge=1, description="Whole hours of history the rows are spread over.")
    start_ms: int | None = Field(
        default=None,
        ge=ZIP_EPOCH_MS,
        description="Epoch milliseconds (a whole hour) of the oldest row's hour; by default the history ends at the current hour.",
    )
    live_rows_per_hour: int = Field(
        default=0, ge=0, description="Rows per hour and tenant that arrive after the history, as time moves."
    )
    hours_per_archive: int = Field(default=1, ge=1, description="Most hours of logs in one answer.")
    appliances: int = Field(
        default=2, ge=1, le=64, description="Appliances per tenant; each logs a member of its own for each hour."
    )
    streams_per_member: int = Field(
        default=2, ge=1, description="Gzip streams, one after the other, that a member is written in."
    )
    late_ratio: float = Field(default=0.01, ge=0, le=1, description="Share of rows that arrive late, among newer ones.")
    late_max_secs: int = Field(default=600, ge=1, description="How late a late row can be, in seconds.")
    distinct_rows: int = Field(
        default=256, ge=1, le=65_536, description="Different rows, apart from time and identity, that rows are made of."
    )
    quiet_secs: float = Field(default=60, ge=0, description="Seconds after `done` in which the tenant must not ask.")
    token_max_age_secs: float | None = Field(
        default=86_400, gt=0, description="Seconds since it was last used after which a token is answered 410; empty for never."
    )
    retention_hours: int = Field(
        default=2_400, ge=1, description="Hours after which logs are gone, and a token that stands there is answered 410."
    )
    alignment: Literal["floor", "strict"] = Field(
        default="floor", description="Dates that are not whole hours are floored, or answered 400 (strict)."
    )
    retry_after_form: Literal["header", "trailer", "both"] = Field(
        default="header", description="Where a 429 carries its retry-after: the HTTP header, the body's trailer, or both."
    )
    contested_done: Literal["advanced", "same"] = Field(
        default="advanced",
        description="Token in the empty `done` that one client gets because another was told `done`: past the rows it has not seen, or its own.",
    )
    max_downloads: int = Field(default=8, ge=1, description="Downloads in progress per tenant beyond which the answer is 503.")
    zip_method: Literal["stored", "deflated"] = Field(
        default="stored", description="How the ZIP keeps its (already compressed) members."
    )
    gzip_level: int = Field(default=1, ge=0, le=3, description="Effort of compression, 0 to 3.")

    @model_validator(mode="after")
    def _whole_hour(self) -> Self:
        if self.start_ms is not None and self.start_ms % HOUR_MS:
            raise ValueError("start_ms must be a whole hour, a multiple of 3,600,000")
        return self
