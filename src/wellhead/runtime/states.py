"""Gives the states a task reports, in Connect's words, and what an outsider may read of one; never changes a task."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Connect's task states, and DEGRADED: alive, but no successful poll within the freshness target."""

    UNASSIGNED = "UNASSIGNED"
    RUNNING = "RUNNING"
    DEGRADED = "DEGRADED"
    PAUSED = "PAUSED"
    RESTARTING = "RESTARTING"
    FAILED = "FAILED"
    STOPPED = "STOPPED"


class Outcome(StrEnum):
    """How a run ended, or RUNNING while it has not; stands in the run record and in metrics."""

    RUNNING = "running"
    CAUGHT_UP = "caught_up"
    LIMIT_REACHED = "limit_reached"
    STOPPED = "stopped"
    RETRYING = "retrying"
    CURSOR_EXPIRED = "cursor_expired"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TaskState:
    """What a task says of itself.

    Attributes:
        state: The state now.
        message: Why, and the next step, where there is something to say; else empty.
        since_ms: Epoch ms of the last change of state.
        next_poll_ms: Epoch ms of the next poll, None while polling or failed.
    """

    state: State
    message: str
    since_ms: int
    next_poll_ms: int | None = None
