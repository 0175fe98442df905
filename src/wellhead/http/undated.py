"""Takes the "calls left" of a vendor that never says until when, tells whether they can be the day's, never believes that unseen."""

from __future__ import annotations

from typing import Final

# A count that fell, or stayed at zero, over so long a pause is none of a minute's window, or an hour's.
_TRIALS_SECS: Final = (65.0, 3660.0)
_TOLERANCE_SECS: Final = 1.0


class UndatedCount:
    """The undated counts of one UTC day, held against each other.

    A day's count falls with every call, and at zero nothing is served. One that rises, or stands where it stood a minute and a
    call ago, or whose vendor serves a call beyond it, is of another window.
    """

    def __init__(self) -> None:
        self._day: int | None = None
        self._left: int | None = None
        self._heard_secs = 0.0
        self._tried_secs = 0.0
        self._probes = 0
        self._probed_secs = 0.0
        self._is_days = True

    def hear(self, left: int, started_secs: float, now_secs: float, day: int) -> bool:
        """Take a count, give whether it may be the day's; each UTC day is judged anew.

        Args:
            left: Calls left.
            started_secs: When the call that brought it began.
            now_secs: When it was heard.
            day: The UTC day's number.
        """
        if day != self._day:
            self._day, self._left, self._tried_secs, self._is_days = day, None, 0.0, True
        self._probes = 0
        if self._left is not None:
            if started_secs < self._heard_secs:
                return self._is_days  # the two overlapped: the vendor may have counted either one first
            self._compare(left, self._left, started_secs - self._heard_secs + _TOLERANCE_SECS)
        self._left, self._heard_secs = left, now_secs
        return self._is_days

    def probe(self, now_secs: float) -> None:
        """Note that a call goes out although none is left, to see whether that still holds."""
        self._probes += 1
        self._probed_secs = now_secs

    def refutes(self, started_secs: float) -> bool:
        """Tell whether a call that was served went out when none was left; the count is not the day's then."""
        if self._probes and started_secs + _TOLERANCE_SECS >= self._probed_secs:
            self._is_days = False
            return True
        return False

    def holds_secs(self) -> float:
        """Give how long the count may hold a call back before the vendor has to be asked again: for ever once it stood all trials."""
        passed = max(self._probes, sum(self._tried_secs >= trial_secs for trial_secs in _TRIALS_SECS))
        return _TRIALS_SECS[passed] if passed < len(_TRIALS_SECS) else float("inf")

    def _compare(self, left: int, before: int, pause_secs: float) -> None:
        paused = pause_secs >= _TRIALS_SECS[0]
        if left > before or (paused and left == before > 0):
            self._is_days = False
        elif paused:
            self._tried_secs = max(self._tried_secs, pause_secs)
