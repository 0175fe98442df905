"""Takes `http.*` words of a connector, gives the limits of its vendor calls as one frozen value; never shows the proxy's password."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from wellhead.config.model import Settings

_MIB = 1024 * 1024


def _proxy_address(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must look like http://host:port or https://user:password@host:port")
    return value


class HttpSettings(Settings):
    """How a connector's HTTP client connects, waits, retries and spools."""

    proxy_url: Annotated[SecretStr, AfterValidator(_proxy_address)] | None = Field(
        default=None,
        description="Proxy for every call, as http://host:port, with user:password@ when it asks for them. "
        "Proxy variables of the environment are not read.",
    )
    ca_file: Path | None = Field(
        default=None,
        description="PEM file of the certificate authorities to trust instead of the built-in ones; "
        "needed where a proxy inspects TLS.",
    )
    connect_timeout_secs: float = Field(
        default=10.0, gt=0, description="Longest time in seconds to open a connection, TLS handshake included."
    )
    read_timeout_secs: float = Field(
        default=60.0, gt=0, description="Longest silence in seconds: a call fails when no byte comes or goes for this long."
    )
    total_timeout_secs: float = Field(
        default=600.0,
        gt=0,
        description="Longest time in seconds for one attempt of a request, from connecting to the last byte.",
    )
    download_timeout_secs: float = Field(
        default=7200.0,
        gt=0,
        description="Longest time in seconds for one attempt of a download, from connecting to the last byte.",
    )
    keepalive_idle_secs: int = Field(
        default=30,
        ge=1,
        le=32_767,
        description="Seconds of silence after which TCP asks whether the other side is still there.",
    )
    keepalive_interval_secs: int = Field(default=10, ge=1, le=32_767, description="Seconds between two such questions.")
    keepalive_probes: int = Field(
        default=3,
        ge=1,
        le=127,
        description="Questions (count) without an answer after which the connection is given up; on Linux already after "
        "http.read.timeout.secs without an answer, where that is shorter.",
    )
    max_connections_per_host: int = Field(
        default=4, ge=1, description="Most connections (count) open at once to one host; further calls wait their turn."
    )
    retry_max_attempts: int = Field(
        default=4,
        ge=1,
        description="Attempts (count) in place, the first included, when a connection fails or the server answers 5xx; "
        "after that the runtime backs off.",
    )
    retry_in_place_max_secs: float = Field(
        default=10.0,
        ge=0,
        description="Longest wait in seconds between attempts in place; a longer Retry-After is handed to the runtime.",
    )
    interval_secs: float = Field(
        default=0.0,
        ge=0,
        description="Least seconds between the starts of two vendor calls of the connector, all its streams together.",
    )
    budget_calls_per_day: int | None = Field(
        default=None,
        ge=1,
        description="Vendor calls (count, retries included) the connector may make from midnight to midnight UTC; "
        "where the vendor itself says how many are left, that counts instead. Once half are spent and the last hour's rate would use up "
        "the rest too early, they are spread over the day. Unset = nothing is held back.",
    )
    budget_reserve: int = Field(
        default=0,
        ge=0,
        description="Calls left (count) at which the rest is spread evenly over the time until the budget renews, whatever the rate; "
        "as high as the budget, all of its calls are.",
    )
    budget_group: str | None = Field(
        default=None,
        pattern=r"^[^\s/]{1,128}$",
        description="Name of the credential or organisation whose calls the vendor counts together. Connectors that name the same group, in any "
        "worker of the same Kafka cluster (worker option budget.topic), share one budget: fairly among those that want calls now.",
    )
    budget_group_calls: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Calls (count, retries included) that the vendor allows the whole group within http.budget.group.window.secs; "
        "needed with http.budget.group, and the same for all of it. Never exceeded within any such window, wherever it begins.",
    )
    budget_group_window_secs: float = Field(
        default=60.0,
        ge=1,
        le=86_400,
        description="Seconds of the window in which the vendor counts the group's calls; the same for all of it.",
    )
    budget_class: Literal["live", "backfill"] = Field(
        default="live",
        description="Which calls of the group go first: backfill gets what live leaves.",
    )
    alert_call_secs: float = Field(
        default=120.0, gt=0, description="Seconds from which on a vendor call is slow, for the alert `slow_call`."
    )
    alert_failure_ratio: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Share of the last 100 vendor calls that may fail before the alert `failures` stands.",
    )
    min_free_bytes: int = Field(
        default=512 * _MIB,
        ge=0,
        description="Free bytes that a download must leave on the spool disk; it fails, and is tried again later, before taking them.",
    )
    trace: bool = Field(
        default=False,
        description="Whether to log every attempt: method, redacted URL and headers, status, seconds and bytes; bodies never.",
    )

    @model_validator(mode="after")
    def _group_has_its_calls(self) -> HttpSettings:
        if self.budget_group is not None and self.budget_group_calls is None:
            raise PydanticCustomError("word", "required with http.budget.group", {"word": "budget.group.calls"})
        if self.budget_group is None and self.budget_group_calls is not None:
            raise PydanticCustomError("word", "required with http.budget.group.calls", {"word": "budget.group"})
        return self
