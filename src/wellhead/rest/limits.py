"""Takes who asks and when, gives whether they asked too often; never keeps more than a bounded number of askers."""

from __future__ import annotations

from collections import OrderedDict

from wellhead.clock import Clock

MOST_KEYS = 10_000


class Rate:
    """A token bucket for each key: `per_sec` on average, up to `burst` at once; for one thread.

    With more than `MOST_KEYS` keys the one not heard of for longest is forgotten, and starts anew with a full bucket.
    """

    def __init__(self, per_sec: float, clock: Clock, *, burst: float | None = None) -> None:
        self._per_sec = per_sec
        self._burst = max(1.0, per_sec if burst is None else burst)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> bool:
        """Take one from the key's bucket; False when it is empty, and then nothing is taken."""
        now_secs = self._clock.monotonic_secs()
        level, since_secs = self._buckets.pop(key, (self._burst, now_secs))
        level = min(self._burst, level + (now_secs - since_secs) * self._per_sec)
        enough = level >= 1.0
        self._buckets[key] = (level - 1.0 if enough else level, now_secs)
        if len(self._buckets) > MOST_KEYS:
            self._buckets.popitem(last=False)
        return enough
