"""Says what a person may set about reading the API; never shows a credential."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from wellhead import Config

DAY_S = 86_400


class PullConfig(Config):
    """Options of reading the API."""

    url: str = Field(
        default="https://api.wallarm.com",
        pattern=r"^https?://[^\s/?#]+/?$",
        description="Address of the cloud: https://api.wallarm.com (EU), https://us1.api.wallarm.com or https://me1.api.wallarm.com.",
    )
    token: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="API token, made in the console under Settings, API tokens; may read attacks and hits.",
    )
    uuid: str | None = Field(default=None, min_length=1, description="UUID of an older API user, instead of a token.")
    secret: SecretStr | None = Field(default=None, min_length=1, description="Secret of that user.")
    clients: tuple[int, ...] = Field(
        min_length=1,
        description="Ids of the clients to read, as a list or in one line; one that is added later is read from `start` on.",
    )
    api: Literal["legacy", "aggregation"] = Field(
        default="legacy",
        description="Which generation of the API to read: `legacy` (/v1/objects) or `aggregation` (attack-vectors).",
    )
    paging: Literal["offset", "cursor"] = Field(
        default="offset",
        description="How to page the legacy API: `offset` (up to 1,000 a page, oldest first) or `cursor` (the vendor's 100 a page).",
    )
    hits_enabled: bool = Field(
        default=True, description="Whether to read hits from the API; false where the webhook alone brings them."
    )
    attacks_enabled: bool = Field(default=True, description="Whether to read the attacks the vendor itself groups, too.")
    start: datetime | None = Field(
        default=None,
        description="From when to read on the first run, UTC; default one day before it. The vendor keeps about six months.",
    )
    late_secs: int = Field(
        default=600,
        ge=0,
        le=DAY_S,
        description="Seconds after its time that a hit may be shown first: every poll reads so far back. Later ones are missed.",
    )
    known_hits: int = Field(
        default=500,
        ge=0,
        le=20_000,
        description="How many published hits the cursor knows, 12 bytes each, so that what a poll reads again is left out. "
        "Where more lie within `late_secs`, polls read only what is known, and the rest in look-backs.",
    )
    lookback_interval_secs: int = Field(
        default=60,
        ge=0,
        description="Seconds between two look-backs over all of `late_secs` where that holds more than `known_hits`; each reads the topic's "
        "last hour, too, to leave out what stands there.",
    )
    window_secs: int = Field(
        default=3600, ge=1, le=DAY_S, description="Seconds a request spans at first; quiet spans are taken up to a day at once."
    )
    page_size: int = Field(
        default=1000, ge=1, le=1000, description="Records a page of the legacy API; the vendor allows 1,000."
    )
    retention_days: int = Field(
        default=183,
        ge=1,
        description="Days the vendor keeps data, by contract: six months, or three. What is older is not asked for.",
    )
    details: Literal["never", "needed", "always"] = Field(
        default="needed",
        description="Of which hits of the legacy API to ask for details: `needed` those without a place to name the parameter by, `always` all, "
        "for the method, which the list does not tell.",
    )
    details_calls: int = Field(default=100, ge=0, description="Calls for details a poll may make, of up to 50 hits each.")

    @field_validator("clients", mode="before")
    @classmethod
    def _listed(cls, clients: Any) -> Any:
        if isinstance(clients, str):
            return [name.strip() for name in clients.split(",") if name.strip()]
        return [clients] if isinstance(clients, int) else clients

    @field_validator("start")
    @classmethod
    def _utc(cls, start: datetime | None) -> datetime | None:
        return start.replace(tzinfo=UTC) if start is not None and start.tzinfo is None else start

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if (self.uuid is None) != (self.secret is None):
            raise ValueError("uuid and secret belong together: set both, or token alone")
        if self.token is not None and self.uuid is not None:
            raise ValueError("set either token, or uuid and secret, not both")
        if self.token is None and self.uuid is None and (self.hits_enabled or self.attacks_enabled):
            raise ValueError("set either token, or uuid and secret")
        if len(set(self.clients)) != len(self.clients):
            raise ValueError("clients: each id stands once")
        return self
