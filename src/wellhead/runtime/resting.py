"""Takes what a live stream commits and when, says when its producer may be closed and what need not be committed; asks nobody."""

from __future__ import annotations

from dataclasses import dataclass

from wellhead.clock import Clock


@dataclass(frozen=True, slots=True)
class RestAfter:
    """When a live stream to which nothing comes holds nothing in Kafka any more: a thousand of them would hold 400 MiB and 4,000 threads.

    Attributes:
        unused_secs: Until the producer is closed that has published nothing yet.
        idle_secs: Until it is closed since it last did.
        prove_secs: After which a batch without records is committed all the same: to see that no other has taken over.
    """

    unused_secs: float = 2.0
    idle_secs: float = 60.0
    prove_secs: float = 600.0


class Resting:
    """How long nothing has come to a run; for a run that is not live, never long enough.

    Args:
        clock: Measures that.
        live: Whether its stream is.
        after: When it rests.
    """

    def __init__(self, clock: Clock, after: RestAfter, *, live: bool) -> None:
        self._clock = clock
        self._after = after
        self._live = live
        self._published = False
        self._committed_secs = clock.monotonic_secs()

    def committed(self, *, published: bool) -> None:
        """Note a commit, and whether it held anything but a cursor."""
        self._published = self._published or published
        self._committed_secs = self._clock.monotonic_secs()

    def closes_at_secs(self) -> float:
        """Give the monotonic time from which on the producer may be closed, unless something comes before."""
        if not self._live:
            return float("inf")
        return self._committed_secs + (self._after.idle_secs if self._published else self._after.unused_secs)

    def may_skip(self, *, moves: bool) -> bool:
        """Say whether a batch without records need not be committed; `moves` tells that its cursor differs from the committed one."""
        return self._live and not moves and self._clock.monotonic_secs() - self._committed_secs < self._after.prove_secs
