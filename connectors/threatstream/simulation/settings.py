"""Takes options from a command line or a test, gives the validated settings of a simulated ThreatStream, never a default that hides a fact."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wellhead.testing.simulator import SimulatorSettings

DAY_MS = 86_400_000
GROUPS = ("ip", "domain", "hash", "url", "email")


class Settings(SimulatorSettings):
    """A ThreatStream: what it holds of each type, how that changes as time moves, and what is known to vary in the field."""

    username: str = Field(default="ts-user@example.org", min_length=1, description="The API user's name.")
    api_key: str = Field(default="invented-api-key", min_length=1, description="The API user's key.")
    ips: int = Field(default=400, ge=0, le=2**26, description="Indicators of type ip and ipv6 in the history.")
    domains: int = Field(default=200, ge=0, le=2**26, description="Indicators of type domain in the history.")
    hashes: int = Field(default=200, ge=0, le=2**26, description="Hashes of all kinds in the history.")
    urls: int = Field(default=150, ge=0, le=2**26, description="Indicators of type url in the history.")
    emails: int = Field(default=50, ge=0, le=2**26, description="Indicators of type email in the history.")
    history_days: float = Field(default=90, gt=0, le=300, description="Days over which the history was last modified, evenly.")
    start_ms: int | None = Field(
        default=None, ge=0, description="Epoch milliseconds at which the history ends and life begins; by default now."
    )
    duplicates: float = Field(
        default=0.3, ge=0, le=0.9, description="Share of indicators whose value another indicator has under another id."
    )
    inactive: float = Field(default=0.04, ge=0, le=0.4, description="Share of the history that is inactive, to a hundredth.")
    falsepos: float = Field(
        default=0.01, ge=0, le=0.4, description="Share of the history that is a false positive, to a hundredth."
    )
    new_per_minute: float = Field(
        default=0, ge=0, le=30_000, description="Indicators of each type that come into being a minute, after the history."
    )
    changes_per_minute: float = Field(
        default=0,
        ge=0,
        le=30_000,
        description="Indicators of each type that change a minute: 7 in 10 are updated (and active again), 2 inactive, 1 false positive.",
    )
    lively: int = Field(
        default=1_000,
        ge=1,
        le=1_000_000,
        description="Indicators of each type that the changes go round among, again and again.",
    )
    late_ratio: float = Field(default=0.02, ge=0, le=1, description="Share of changes that become visible late.")
    late_max_secs: int = Field(default=300, ge=1, description="How late such a change becomes visible at most, in seconds.")
    expired_active_secs: int | None = Field(
        default=21_600,
        ge=0,
        description="Seconds after its expiration_ts that the vendor still calls an indicator active; empty for ever.",
    )
    quota_per_day: int | None = Field(default=6_000, ge=0, description="Calls a UTC day; empty for no quota.")
    quota_headers: Literal["none", "x-ratelimit"] = Field(
        default="none", description="Headers that tell the quota: none, or X-RateLimit-Limit, -Remaining and -Reset."
    )
    quota_form: Literal["429", "207"] = Field(
        default="429", description="How a call beyond the quota is answered: 429, or 207 with an embedded 429."
    )
    retry_after: bool = Field(default=True, description="Whether a 429 carries Retry-After.")
    next_form: Literal["relative", "absolute"] = Field(default="relative", description="Form of the URL in meta.next.")
    next_token: Literal["update_id__gt", "search_after", "from_update_id"] = Field(
        default="update_id__gt", description="Parameter of meta.next that holds the place, when ordered by update_id."
    )
    default_status: Literal["active", "all"] = Field(
        default="active", description="Which indicators are given when the call names no status."
    )
    unknown_params: Literal["refuse", "ignore"] = Field(
        default="refuse", description="What a query parameter that is not modelled does: 400, or nothing."
    )

    def rows(self, group: str) -> int:
        """Give how many indicators of a group (a value of the query's `type`) the history holds."""
        return {"ip": self.ips, "domain": self.domains, "hash": self.hashes, "url": self.urls, "email": self.emails}[group]
