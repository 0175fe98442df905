"""Takes failures, gives how long to wait before the next try; never sleeps itself."""

from __future__ import annotations

from random import Random


class Backoff:
    """Exponential with full jitter above half: each failure doubles the wait up to a cap, a success forgets them all."""

    def __init__(self, initial_secs: float, max_secs: float, random: Random) -> None:
        self._initial_secs = initial_secs
        self._max_secs = max_secs
        self._random = random
        self.failures = 0

    def next_secs(self) -> float:
        """Count a failure and give the wait after it, in seconds."""
        ceiling = min(self._max_secs, self._initial_secs * 2.0 ** min(self.failures, 32))
        self.failures += 1
        return ceiling * self._random.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Forget the failures so far."""
        self.failures = 0
