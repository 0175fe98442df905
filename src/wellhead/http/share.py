"""Takes the calls granted to one connector of this process, gives each to a caller while it is valid, never one twice or too late."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final

from wellhead.http.reports import Claim
from wellhead.http.sharing import LATE_MS

_AHEAD: Final = 2  # times the calls of the last report's time are wanted ahead
_AHEAD_AT_MOST: Final = 8  # one call in so many
_LATELY_SECS: Final = 1.0  # who called lately will call again: one call ahead, so that it need not wait for the log
_ROUNDING_SECS: Final = 0.001


@dataclass(slots=True)
class Share:
    """One connector's part in a shared budget; whoever uses it holds the account's lock.

    Attributes:
        name: The connector's, unique within the process.
        is_live: Whether its calls go before backfill.
        calls: The budget as configured, calls within `window_ms`.
        callers: How many wait for a call now.
        is_leaving: Whether its next claim is its last.
    """

    name: str
    is_live: bool
    calls: int
    window_ms: int
    callers: int = 0
    is_leaving: bool = False
    _pool: deque[list[float]] = field(default_factory=deque)  # offset, calls, until when one may begin
    _begun: deque[tuple[int, float]] = field(default_factory=deque)  # offset, when
    _done: Counter[int] = field(default_factory=Counter)
    _back: Counter[int] = field(default_factory=Counter)
    _taken: int = 0
    _begun_secs: float = float("-inf")

    def grant(self, offset: int, calls: int, until_secs: float) -> None:
        """Add what the log grants."""
        self._pool.append([offset, calls, until_secs])

    def take(self, now_secs: float) -> bool:
        """Take one call to be begun now; False where there is none."""
        if not self.has_call(now_secs):
            return False
        granted = self._pool[0]
        granted[1] -= 1
        if not granted[1]:
            self._pool.popleft()
        self._begun.append((int(granted[0]), now_secs))
        self._begun_secs = now_secs
        self._taken += 1
        return True

    def has_call(self, now_secs: float) -> bool:
        """Whether there is one to take."""
        self._let_go(now_secs)
        return bool(self._pool)

    def ended(self, started_secs: float) -> None:
        """Note that a call has ended which started then; one so old that it counts as made already changes nothing."""
        for at in range(len(self._begun) - 1, -1, -1):
            offset, begun_secs = self._begun[at]
            if begun_secs <= started_secs + _ROUNDING_SECS:
                del self._begun[at]
                self._done[offset] += 1
                return

    def recall(self, offset: int) -> None:
        """Give back what was granted up to an offset and has not begun."""
        while self._pool and self._pool[0][0] <= offset:
            self._put_back()

    def leave(self) -> None:
        """Give back all that has not begun, and want nothing any more."""
        self.is_leaving, self.callers = True, 0
        while self._pool:
            self._put_back()

    def clear(self) -> None:
        """Forget everything granted: the log is read anew."""
        self._pool.clear()
        self._begun.clear()
        self._done.clear()
        self._back.clear()

    def target(self, now_secs: float) -> int:
        """Give how many calls to hold."""
        self._let_go(now_secs)
        if self.is_leaving:
            return 0
        called_lately = self._begun_secs + _LATELY_SECS > now_secs
        ahead = min(max(_AHEAD * self._taken, int(called_lately)), self.calls // _AHEAD_AT_MOST)
        return min(len(self._begun) + self.callers + ahead, self.calls)

    def has_news(self) -> bool:
        """Whether anything was done or given back since the last claim."""
        return bool(self._done or self._back)

    def claim(self, now_secs: float) -> Claim:
        """Give what to report, and take it as reported."""
        claim = Claim(self.is_live, self.target(now_secs), self.calls, self.window_ms, dict(self._done), dict(self._back))
        self._done.clear()
        self._back.clear()
        self._taken = 0
        return claim

    def _let_go(self, now_secs: float) -> None:
        """Give back what is too old to begin; forget calls under way that the log counts as made by now."""
        while self._pool and self._pool[0][2] <= now_secs:
            self._put_back()
        # A grant is no older than its window's quarter when a call begins, and has LATE_MS from its end.
        while self._begun and self._begun[0][1] + 2 * LATE_MS / 1000 <= now_secs:
            self._begun.popleft()

    def _put_back(self) -> None:
        offset, calls, _ = self._pool.popleft()
        self._back[int(offset)] += int(calls)
