"""Takes options from a command line or a test, gives the validated settings of a simulated push server, never a default that hides a fact."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from wellhead.testing.simulator import SimulatorSettings

Protocol = Literal["sse", "ndjson", "long_poll", "websocket"]


class Settings(SimulatorSettings):
    """A push server: its channels, what it holds and sends on each, and how it keeps connections."""

    token: str = Field(default="invented-push-token", min_length=1, description="The bearer token that is let in.")
    protocol: Protocol = Field(
        default="sse",
        description="What the truth and the printed options mean: sse, ndjson, long_poll or websocket; all are served.",
    )
    channels: int = Field(default=1, ge=1, le=100_000, description="How many channels there are; one is called default.")
    events: int = Field(default=1_000, ge=0, description="Events that each channel holds from before.")
    per_sec: float = Field(default=0, ge=0, le=10_000, description="Events a second that each channel gets, as time moves.")
    kept_events: int | None = Field(
        default=None, ge=1, description="How many of its last events a channel keeps; who asks from before them gets 410."
    )
    from_start: bool = Field(
        default=True, description="Whether a client that names no event gets what is held, or only what comes."
    )
    ends: bool = Field(default=False, description="Whether the server ends a connection once all it holds was sent.")
    heartbeat_secs: float = Field(
        default=15, gt=0, le=3_600, description="Seconds between signs of life while nothing happens."
    )
    hold_secs: float = Field(
        default=25, ge=0, le=3_600, description="Seconds for which a long poll is held while nothing happens."
    )
    page_size: int = Field(default=100, ge=1, le=100_000, description="Most events in the answer to a long poll.")
    retry_ms: int | None = Field(
        default=None, ge=0, description="How long a client is asked to wait before the next connection."
    )
    plain: bool = Field(
        default=False, description="Whether SSE comes in its plainest form: no BOM, LF alone, data on one line."
    )
    large_bytes: int = Field(default=70_000, ge=2_048, description="Size of an event by the fault large_events.")
    client_max_bytes: int = Field(
        default=1 << 20, ge=1_024, description="Largest event that the printed options let the client take (event_max_bytes)."
    )
    strike_after_events: int = Field(default=10, ge=0, description="Events that pass before a fault of the stream strikes.")
    overlap_events: int = Field(default=5, ge=1, description="How many events the fault overlap sends again.")
    burst_events: int = Field(default=5_000, ge=1, description="How many events the fault burst adds at once.")

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        if self.large_bytes <= self.client_max_bytes and any(fault.startswith("large_events") for fault in self.faults):
            raise ValueError("large_bytes must be above client_max_bytes for large_events to be too large")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The channels' names."""
        return ("default",) if self.channels == 1 else tuple(f"c{number}" for number in range(self.channels))
