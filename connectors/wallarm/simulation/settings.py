"""Takes options from a command line or a test, gives the validated settings of a simulated Wallarm cloud, never a default that hides a fact."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from wellhead.testing.simulator import SimulatorSettings

# The rule's unit: in so many seconds each campaign attacks at most once, and then rests for longer than the hour that parts attacks.
BLOCK_SECS = 7_200
DAY_SECS = 86_400
_MOST_A_BLOCK = 1 << 24


class Settings(SimulatorSettings):
    """A Wallarm cloud: its clients, the hits and attacks it holds of each, how they come to be seen, and what varies in the field."""

    token: str = Field(default="invented-api-token", min_length=1, description="The API token (X-WallarmAPI-Token).")
    uuid: str = Field(
        default="5f1d2c3b-0a9e-4d8c-b7a6-123456789abc", min_length=1, description="The older key's X-WallarmAPI-UUID."
    )
    secret: str = Field(default="invented-secret", min_length=1, description="The older key's X-WallarmAPI-Secret.")
    clients: tuple[int, ...] = Field(
        default=(4242,), min_length=1, description="A client id that the token may read; each has data of its own."
    )
    api: Literal["legacy", "aggregation"] = Field(
        default="legacy", description="Which generation of the API the truth and the printed options mean; both are served."
    )
    hits: int = Field(default=1_000, ge=0, description="Hits per client in the history.")
    history_hours: float = Field(
        default=6, gt=0, le=24 * 400, description="Hours the history is spread over, taken up to a multiple of two."
    )
    start_ms: int | None = Field(
        default=None, ge=0, description="Epoch milliseconds at which the history ends and live hits begin; by default now."
    )
    hits_per_minute: float = Field(
        default=0, ge=0, le=8_000_000, description="Hits per minute and client that are made after the history, as time moves."
    )
    campaigns: int = Field(
        default=24, ge=1, le=2_000, description="Attackers' campaigns per client; each comes back every few hours."
    )
    tick_secs: int = Field(
        default=1, ge=1, le=300, description="Hits fall on multiples of so many seconds: more makes more hits share a second."
    )
    burst: int = Field(default=0, ge=0, description="Requests of one attack, every two hours, that fall into the same second.")
    delay_secs: float = Field(default=0, ge=0, description="Seconds after its time that a hit can be read.")
    late_ratio: float = Field(
        default=0.02, ge=0, le=1, description="Share of hits that can be read later than that, out of order."
    )
    late_max_secs: int = Field(default=300, ge=1, description="How much later at most, in seconds.")
    sampling: Literal["none", "regular"] = Field(
        default="none", description="regular: of identical hits, only the first five an hour are uploaded."
    )
    ungrouped: float = Field(default=0.02, ge=0, le=1, description="Share of hits whose attackid is null.")
    retention_days: float = Field(default=180, gt=0, description="Days after which a hit can no longer be read.")
    page_max: int = Field(default=1_000, ge=1, description="Most objects a call with limit and offset gives.")
    offset_max: int | None = Field(
        default=None,
        ge=0,
        description="Largest offset plus limit that is answered; a call beyond it is refused. Empty for no bound.",
    )
    requests_per_sec: int | None = Field(
        default=500, ge=1, description="Calls answered within a second; more are answered 429. Empty for no bound."
    )
    retry_after: bool = Field(default=True, description="Whether a 429 carries Retry-After.")

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if max(self.hits / self.history_blocks, self.hits_per_minute * BLOCK_SECS / 60) >= _MOST_A_BLOCK:
            raise ValueError(f"more than {_MOST_A_BLOCK} hits in two hours: lower hits, or spread them over more history_hours")
        if len(set(self.clients)) != len(self.clients):
            raise ValueError("clients: each id stands once")
        return self

    @property
    def history_blocks(self) -> int:
        """How many of the rule's blocks the history has."""
        return max(1, -(-round(self.history_hours * 3_600) // BLOCK_SECS))
