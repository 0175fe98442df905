"""Takes how long writes took and which the store had no room for, gives how many may be under way at once; never writes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from wellhead.clock import Clock

_SLOWER = 0.7
_BUSY = 0.5
_WAIT_SECS = 0.2


@dataclass(slots=True)
class Turn:
    """One write under way; whoever makes it says how it went.

    Attributes:
        secs: How long the store took.
        busy: Whether it had no room for some of it.
    """

    secs: float = 0.0
    busy: bool = False


class AdaptiveGate:
    """Lets more writes through while they go well, fewer at once when the store is slow or full.

    Additive increase, multiplicative decrease: one more for each round of good writes (for each write before the first decrease), times 0.5
    for a refusal, times 0.7 for a slow one. What was under way before a decrease does not decrease again.

    Args:
        most: The most writes at the same time.
        slow_secs: A write that takes longer is slow.
        clock: Tells which began before a decrease.
        stopping: Ends waiting for a turn.
    """

    def __init__(self, most: int, *, slow_secs: float, clock: Clock, stopping: Callable[[], bool] = lambda: False) -> None:
        self._most = most
        self._slow_secs = slow_secs
        self._clock = clock
        self._stopping = stopping
        self._free = threading.Condition()
        self._limit = float(min(2, most))
        self._under_way = 0
        self._cut_secs = float("-inf")

    @property
    def limit(self) -> int:
        """How many may be under way now."""
        return max(1, int(self._limit))

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Wait for room, then hold it; what was said of the write changes the limit afterwards."""
        with self._free:
            while self._under_way >= self.limit and not self._stopping():
                self._free.wait(_WAIT_SECS)
            self._under_way += 1
        began_secs, turn = self._clock.monotonic_secs(), Turn()
        try:
            yield turn
        finally:
            with self._free:
                self._under_way -= 1
                self._learn(turn, began_secs)
                self._free.notify_all()

    def _learn(self, turn: Turn, began_secs: float) -> None:
        if turn.busy or turn.secs > self._slow_secs:
            if began_secs >= self._cut_secs:
                self._limit = max(1.0, self._limit * (_BUSY if turn.busy else _SLOWER))
                self._cut_secs = self._clock.monotonic_secs()
        elif turn.secs > 0:
            more = 1.0 if self._cut_secs == float("-inf") else 1 / max(1.0, self._limit)
            self._limit = min(float(self._most), self._limit + more)
