"""Takes the log of one shared budget as it grows, gives this process's reports to it and its calls from it, never reads or writes it itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from wellhead.http.record import CallRecord
from wellhead.http.reports import Report, Told
from wellhead.http.share import Share
from wellhead.http.sharing import SharedWindow, claimant_name, valid_ms

TICKS: Final = 100  # reports within a window, while there are calls
SHORTEST_TICK_SECS: Final = 0.1
LONGEST_TICK_SECS: Final = 1.0
ECHO_SECS: Final = 2.0  # a report not read back by then may be lost
SIGN_OF_LIFE_SECS: Final = 10.0
STATE_EVERY: Final = 100  # messages
STATE_EVERY_MS: Final = 10_000
_ANCHORS: Final = 50
_NO_RETRY_AFTER_SECS: Final = 60.0


class GroupAccount:
    """This process in one group. Not thread-safe: its owner holds a lock.

    Args:
        member: Names the process, unlike any other that ever was.
        granted: Called when there may be calls for those who wait.
    """

    def __init__(self, member: str, granted: Callable[[], None] = lambda: None) -> None:
        self._member = member
        self._granted = granted
        self._shares: dict[str, Share] = {}
        self.window = SharedWindow()
        self._first: int | None = None
        self._is_based = False
        self._kept: list[tuple[int, int, Report]] = []
        self._seen = -1
        self._number = 0
        self._sent: dict[int, float] = {}
        self._anchors: deque[float] = deque(maxlen=_ANCHORS)
        self._reported_secs = float("-inf")
        self._is_content = True
        self._since_state = STATE_EVERY
        self._state_ms = 0
        self._pause_ms = 0
        self._told: Told | None = None
        self._begun_seen: deque[tuple[float, int]] = deque(maxlen=256)

    @property
    def is_based(self) -> bool:
        """Whether what the log holds is known."""
        return self._is_based

    @property
    def seen(self) -> int:
        """The last offset read, -1 before the first."""
        return self._seen

    def add(self, share: Share) -> None:
        """Let a connector take part."""
        self._shares[share.name] = share

    def remove(self, share: Share) -> None:
        """Let a connector leave with the next report; calls under way count as made in time."""
        share.leave()

    @property
    def is_empty(self) -> bool:
        """Whether no connector takes part any more."""
        return not self._shares

    # Reading

    def begin(self, first: int, *, is_start: bool) -> None:
        """Read from an offset on, anew.

        Args:
            first: The offset.
            is_start: Whether nothing that matters stands before it; else the first state found is gone on from.
        """
        for share in self._shares.values():
            share.clear()
        self.window = SharedWindow()
        self._first, self._is_based, self._seen = first, is_start, first - 1
        self._kept.clear()
        self._sent.clear()
        self._anchors.clear()
        self._begun_seen.clear()

    def read(self, offset: int, stamp_ms: int, report: Report) -> None:
        """Take the next message of the group."""
        if offset <= self._seen or self._first is None:
            return
        self._seen = offset
        if self._is_based:
            self._fold(offset, stamp_ms, report)
            return
        self._kept.append((offset, stamp_ms, report))
        if report.state is not None and report.after >= self._first - 1:
            self._go_on_from(report)

    def _go_on_from(self, report: Report) -> None:
        assert report.state is not None
        try:
            self.window = SharedWindow.from_state(report.state)
        except (ValueError, KeyError, TypeError):
            return
        self._is_based = True
        kept, self._kept = self._kept, []
        for offset, stamp_ms, message in kept:
            if offset > report.after:
                self._fold(offset, stamp_ms, message)

    def _fold(self, offset: int, stamp_ms: int, report: Report) -> None:
        recalled = self.window.recalled
        grants = self.window.apply(offset, stamp_ms, report)
        self._since_state += 1
        if report.state is not None:
            self._since_state, self._state_ms = 0, self.window.now_ms
        if report.member == self._member and report.number in self._sent:
            # The broker stamped it after it was sent: its clock here is at most so far ahead.
            self._anchors.append(self._sent[report.number] - self.window.now_ms / 1000)
            self._sent = {number: sent for number, sent in self._sent.items() if number > report.number}
        if self.window.recalled != recalled:
            for share in self._shares.values():
                share.recall(offset)
        self._take_over(offset, grants)

    def _take_over(self, offset: int, grants: dict[str, int]) -> None:
        got = False
        for name, share in self._shares.items():
            calls = grants.get(claimant_name(self._member, name), 0)
            if calls and self._anchors:  # without one it answers a report of before the log was read anew: nobody knows its age
                granted_secs = max(self._anchors) + self.window.now_ms / 1000
                share.grant(offset, calls, granted_secs + valid_ms(self.window.window_ms) / 1000)
                got = True
        if got:
            self._granted()

    # Calls

    def take(self, share: Share, now_secs: float) -> bool:
        """Take one call to be begun now; False where there is none yet."""
        if self.window.paused_ms or not share.take(now_secs):
            return False
        self._begun_seen.append((now_secs, self._seen))
        return True

    def may_take(self, share: Share, now_secs: float) -> bool:
        """Whether a call could be taken now."""
        return not self.window.paused_ms and share.has_call(now_secs)

    def held_by(self, share: Share) -> int:
        """Give the calls of a connector that the log counts as made within the window, or about to be."""
        return self.window.held_by(claimant_name(self._member, share.name))

    def is_unheard(self, now_secs: float) -> bool:
        """Whether no report has come back for long."""
        return any(now_secs - sent_secs > 2 * ECHO_SECS for sent_secs in self._sent.values())

    def answered(self, share: Share, call: CallRecord, now_secs: float) -> None:
        """Learn from an attempt that has ended."""
        started_secs = now_secs - call.secs
        share.ended(started_secs)
        if call.quota_remaining is not None:
            renews_ms = share.window_ms if call.quota_renews_in_secs is None else int(call.quota_renews_in_secs * 1000)
            seen = max((seen for begun, seen in self._begun_seen if begun <= started_secs), default=-1)
            if self._told is None or seen >= self._told.seen:
                self._told = Told(call.quota_remaining, max(1, renews_ms), seen)
        if call.is_refused:
            asked_secs = call.retry_after_secs
            if asked_secs is None and call.quota_remaining == 0:
                asked_secs = call.quota_renews_in_secs
            wait_secs = min(share.window_ms / 1000, _NO_RETRY_AFTER_SECS) if asked_secs is None else asked_secs
            self._pause_ms = max(self._pause_ms, int(wait_secs * 1000), 1000)

    # Reporting

    def tick_secs(self) -> float:
        """Give the time between two reports while there are calls."""
        window_ms = max((share.window_ms for share in self._shares.values()), default=0)
        return min(max(window_ms / 1000 / TICKS, SHORTEST_TICK_SECS), LONGEST_TICK_SECS)

    def due_in_secs(self, now_secs: float) -> float:
        """Give when to look for a report again; 0 for now."""
        if not self._is_based or not self._shares:
            return LONGEST_TICK_SECS
        since_secs = now_secs - self._reported_secs
        if self._sent and since_secs < ECHO_SECS:
            return ECHO_SECS - since_secs  # one at a time: a slow broker is not flooded
        tick_secs = self.tick_secs()
        if self._is_urgent():
            return max(0.0, tick_secs / 5 - since_secs)
        return max(0.0, (tick_secs if self._has_news(now_secs) else SIGN_OF_LIFE_SECS) - since_secs)

    def report(self, now_secs: float, *, at_once: bool = False) -> Report | None:
        """Give the report to append now, or None where none is due and it need not be `at_once`."""
        if not self._is_based or (self.due_in_secs(now_secs) > 0 and not at_once):
            return None
        self._number += 1
        claims = {name: share.claim(now_secs) for name, share in self._shares.items()}
        pause_ms, self._pause_ms = self._pause_ms, 0
        told, self._told = self._told, None
        is_old = self._since_state >= STATE_EVERY or self.window.now_ms - self._state_ms >= STATE_EVERY_MS
        self._shares = {name: share for name, share in self._shares.items() if not share.is_leaving}
        self._reported_secs = now_secs
        self._is_content = not any(claim.target for claim in claims.values())
        self._sent = {number: sent for number, sent in self._sent.items() if number > self._number - _ANCHORS}
        self._sent[self._number] = now_secs
        return Report(
            member=self._member,
            number=self._number,
            claims=claims,
            pause_ms=pause_ms,
            told=told,
            after=self._seen if is_old else -1,
            state=self.window.to_state() if is_old else None,
        )

    def _is_urgent(self) -> bool:
        """Whether the log does not know yet that someone waits here, or that the vendor refuses."""
        return self._pause_ms > 0 or any(
            share.callers and not self.window.is_pending(claimant_name(self._member, share.name))
            for share in self._shares.values()
        )

    def _has_news(self, now_secs: float) -> bool:
        shares = self._shares.values()
        return (
            not self._is_content
            or self._told is not None
            or any(share.is_leaving or share.has_news() or share.target(now_secs) for share in shares)
        )
