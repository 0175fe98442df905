"""Takes a channel's place and what arrives, gives its next place; says where events may have been missed, never claims a place it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from connectors.push.events import DUPLICATE, UNWANTED, Arrived, PushEvent
from connectors.push.known import Known
from wellhead import Reject

# In a header of ours no server refuses so much as too long; a longer position could not be asked from, and is not kept.
MOST_POSITION_CHARS = 1_024

MOST_RETRY_MS = 3_600_000
LEAST_RETRY_MS = 100


class Place(BaseModel):
    """Where one channel stands, as its cursor holds it.

    Attributes:
        last_event_id: What the server is asked to go on after; empty where it named nothing, or named it away.
        received: How many events have come since the channel was first read.
        gap_possible: Whether events may have been missed since then.
        retry_ms: How long the server wants us to wait before the next connection; None where it did not say.
        known: Hashes of the last events, base64.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    last_event_id: str = ""
    received: int = Field(default=0, ge=0)
    gap_possible: bool = False
    retry_ms: int | None = None
    known: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """What of the arrivals is published, and what of them is counted.

    Attributes:
        events: Those to publish.
        first_sequence: The number of the first one.
        rejects: What cannot be read.
        filtered: What is left out, by reason.
        after_gap: Whether events before them may have been missed.
    """

    events: list[PushEvent]
    first_sequence: int
    rejects: list[Reject]
    filtered: dict[str, int]
    after_gap: bool


class Standing:
    """A channel's place while it is read.

    Args:
        place: Where the last reading ended; None before the first.
        known_events: How many events the place knows.
    """

    def __init__(self, place: Place | None, known_events: int) -> None:
        self.place = place or Place()
        """Where it stands now."""
        self._known = Known(self.place.known)
        self._known_events = known_events
        self._after_gap = False

    def take(self, arrivals: Sequence[Arrived]) -> Taken:
        """Move on past the arrivals, of which there is at least one; leave out what was here before."""
        came = [event for arrived in arrivals for event in arrived.events]
        events = self._known.fresh(came)
        rejects = [reject for arrived in arrivals for reject in arrived.rejects]
        unwanted = sum(arrived.unwanted for arrived in arrivals)
        filtered = {UNWANTED: unwanted, DUPLICATE: len(came) - len(events)}
        received = self.place.received + len(came) + len(rejects) + unwanted
        gap = self._after_gap or any(arrived.after_gap for arrived in arrivals)
        self._after_gap = gap and not events
        self._move(arrivals, received, gap=gap, fresh=bool(events))
        return Taken(
            events=events,
            first_sequence=received - len(events) + 1,
            rejects=rejects,
            filtered={reason: count for reason, count in filtered.items() if count},
            after_gap=gap,
        )

    def _move(self, arrivals: Sequence[Arrived], received: int, *, gap: bool, fresh: bool) -> None:
        changes: dict[str, object] = {"received": received, "last_event_id": kept_position(arrivals[-1].position)}
        for arrived in arrivals:
            if arrived.retry_ms is not None:
                changes["retry_ms"] = bounded_retry_ms(arrived.retry_ms)
        if gap:
            changes["gap_possible"] = True
        if fresh:
            changes["known"] = self._known.stored(self._known_events)
        self.place = self.place.model_copy(update=changes)


def kept_position(position: str) -> str:
    """Give what is kept of a position: nothing of one that is too long to be asked from."""
    return position if len(position) <= MOST_POSITION_CHARS else ""


def bounded_retry_ms(retry_ms: int) -> int:
    """Give the wait a server asked for, within what is sensible."""
    return min(max(retry_ms, LEAST_RETRY_MS), MOST_RETRY_MS)
