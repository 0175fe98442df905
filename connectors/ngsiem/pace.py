"""Takes moments of uploads, gives a wait that keeps them within the vendor's pace, never refuses one."""

from __future__ import annotations

from collections import deque
from typing import Final

from wellhead.targets import BlockingClock

UPLOADS: Final = 5
WINDOW_SECS: Final = 30.0


class Pace:
    """At most so many uploads in any window of so many seconds, by the given clock.

    Args:
        clock: Waits, and tells when an upload began.
        uploads: How many may begin within a window.
        window_secs: The window's length in seconds.
    """

    def __init__(self, clock: BlockingClock, uploads: int = UPLOADS, window_secs: float = WINDOW_SECS) -> None:
        self._clock = clock
        self._window_secs = window_secs
        self._began: deque[float] = deque(maxlen=uploads)

    def await_turn(self) -> None:
        """Return once another upload may begin, and count it.

        Raises:
            TemporaryError: The process is stopping.
        """
        if len(self._began) == self._began.maxlen:
            early_secs = self._began[0] + self._window_secs - self._clock.monotonic_secs()
            if early_secs > 0:
                self._clock.wait(early_secs)
        self._began.append(self._clock.monotonic_secs())
