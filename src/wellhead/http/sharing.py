"""Takes the reports of all who share a budget in the order of their log, gives each its calls, never more than the limit within any window.

The rule, the same in every process because it knows nothing but the log:

- A call granted is *open* until its process says that it has ended (or was not made), and *cooling* for one window from then on. The vendor
  counted it in between, so open and cooling calls together are at least what the vendor counts, wherever its window begins.
- A process that is gone says nothing any more. It may begin a call for `valid_ms` after the grant; `LATE_MS` later it has reached the vendor.
- Time is the broker's, as stamped on the log's messages. A step back adds nothing.
- A free call goes to whoever holds fewest, live before backfill; none goes out faster than lets the others have a turn soon.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wellhead.http.reports import Claim, Report, Told

LATE_MS: Final = 10_000  # a call that was begun has reached the vendor by then
ALIVE_MS: Final = 5_000  # who says nothing for so long wants nothing
LONGEST_PAUSE_MS: Final = 3_600_000
RESERVE: Final = 20  # one call in so many is kept free for live while there is any
SLICES: Final = {
    True: 4,
    False: 8,
}  # live, and backfill, take at most this part of a window's calls at once: no one waits a whole window
LATELY: Final = 64  # offsets back to which the vendor's word is compared with what was held
GRAINS: Final = 128  # calls that end within this part of a window cool together

_FASTER = (5, 4)  # calls are let go a little faster than evenly, so that the pace alone never holds anybody below the limit


def valid_ms(window_ms: int) -> int:
    """Give how long after its grant a call may begin."""
    return min(max(window_ms // 4, 1_000), 10_000)


@dataclass(slots=True)
class _Claimant:
    """One connector of one process: what it said last, and what it holds.

    Attributes:
        open: By the offset that granted them: when they count as made, and how many.
        cooling: First and last time of their end, the offset that told it, and how many; in order.
    """

    claim: Claim
    heard_ms: int
    open: dict[int, list[int]] = field(default_factory=dict)
    cooling: deque[list[int]] = field(default_factory=deque)
    held: int = 0

    def opened(self) -> int:
        return sum(calls for _, calls in self.open.values())

    def wants(self, now_ms: int) -> int:
        if now_ms - self.heard_ms > ALIVE_MS:
            return 0
        return max(0, self.claim.target - self.opened())

    def take_out(self, offset: int, calls: int) -> int:
        """Take up to `calls` out of what an offset granted; give how many there were."""
        if offset not in self.open:
            return 0
        taken = min(calls, self.open[offset][1])
        self.open[offset][1] -= taken
        if not self.open[offset][1]:
            del self.open[offset]
        return taken

    def cool(self, calls: int, now_ms: int, offset: int, grain_ms: int) -> None:
        if not calls:
            return
        if self.cooling and now_ms - self.cooling[-1][0] <= grain_ms:
            newest = self.cooling[-1]
            newest[1:] = [now_ms, offset, newest[3] + calls]
        else:
            self.cooling.append([now_ms, now_ms, offset, calls])


class SharedWindow:
    """The state of one group's budget after some offset of the log."""

    def __init__(self) -> None:
        self.now_ms = 0
        self._stamp_ms: int | None = None
        self._claimants: dict[str, _Claimant] = {}
        self._paused_until_ms = 0
        self._told: list[int] | None = None  # what is left, until when, and `Told.seen` of who said so
        self._spent = {True: 0, False: 0}  # of a slice, by whether they are live, in calls x milliseconds
        self._lately: deque[list[int]] = deque(maxlen=LATELY)  # offsets, and what was held after them
        self.recalled = -1  # calls granted up to this offset must not begin any more

    @property
    def limit(self) -> int:
        """The calls within a window; where sharers differ, the fewest any of them says."""
        return min((claimant.claim.calls for claimant in self._claimants.values()), default=0)

    @property
    def window_ms(self) -> int:
        """The window; where sharers differ, the longest."""
        return max((claimant.claim.window_ms for claimant in self._claimants.values()), default=0)

    @property
    def differs(self) -> bool:
        """Whether the sharers' settings contradict each other."""
        return len({(each.claim.calls, each.claim.window_ms) for each in self._claimants.values()}) > 1

    @property
    def held(self) -> int:
        """Calls open or cooling, of all."""
        return sum(claimant.held for claimant in self._claimants.values())

    @property
    def paused_ms(self) -> int:
        """How long nobody may call."""
        return max(0, self._paused_until_ms - self.now_ms)

    def left(self) -> int:
        """Give how many calls may be granted now."""
        if self.paused_ms:
            return 0
        left = self.limit - self.held
        return max(0, left if self._told is None else min(left, self._told[0]))

    def held_by(self, name: str) -> int:
        """Give the calls one claimant holds, open or cooling."""
        return self._claimants[name].held if name in self._claimants else 0

    def is_pending(self, name: str) -> bool:
        """Whether the log knows that a claimant wants more than it has."""
        claimant = self._claimants.get(name)
        return claimant is not None and claimant.wants(self.now_ms) > 0

    def next_free_ms(self, *, is_live: bool) -> int:
        """Give the milliseconds until one class may have a call again, as far as can be told."""
        if self.paused_ms:
            return self.paused_ms
        many, few = _FASTER
        rest = self._spent[is_live] - (self._most(is_live=is_live) - 1) * self.window_ms
        paced_ms = max(0, rest) * few // (many * max(1, self.limit))
        if self.left() > (0 if is_live else self._reserved()):
            return paced_ms
        ends = [claimant.cooling[0][1] for claimant in self._claimants.values() if claimant.cooling]
        ends += [until for claimant in self._claimants.values() for until, _ in claimant.open.values()]
        cooled_ms = min(ends, default=self.now_ms) + self.window_ms
        renewed_ms = self._told[1] if self._told is not None and self._told[0] <= 0 else 0
        return max(paced_ms, cooled_ms - self.now_ms, renewed_ms - self.now_ms)

    def apply(self, offset: int, stamp_ms: int, report: Report) -> dict[str, int]:
        """Fold one message; give what is granted by it, by claimant.

        Args:
            offset: Its place in the log.
            stamp_ms: The broker's time of it.
            report: What it says.
        """
        self._advance(stamp_ms, offset)
        for name, claim in report.claims.items():
            self._hear(claimant_name(report.member, name), claim, offset)
        if report.told is not None:
            self._lower(report.told, offset)
        if report.pause_ms:
            until_ms = self.now_ms + min(report.pause_ms, LONGEST_PAUSE_MS)
            self._paused_until_ms = max(self._paused_until_ms, until_ms)
            self.recalled = offset
        return self._deal(offset)

    def _advance(self, stamp_ms: int, offset: int) -> None:
        """Move time on: calls of the dead count as made, cooled ones are free."""
        passed_ms = 0 if self._stamp_ms is None else max(0, stamp_ms - self._stamp_ms)
        self._stamp_ms = stamp_ms
        self.now_ms += passed_ms
        window_ms = self.window_ms
        for name, claimant in list(self._claimants.items()):
            for granted, (until_ms, calls) in list(claimant.open.items()):
                if until_ms <= self.now_ms:
                    claimant.cool(claimant.take_out(granted, calls), self.now_ms, offset, window_ms // GRAINS)
            while claimant.cooling and claimant.cooling[0][1] + window_ms <= self.now_ms:
                claimant.held -= claimant.cooling.popleft()[3]
            if not claimant.held and self.now_ms - claimant.heard_ms > max(window_ms, ALIVE_MS):
                del self._claimants[name]
        if self._told is not None and self._told[1] <= self.now_ms:
            self._told = None
        many, few = _FASTER
        for is_live, spent in self._spent.items():
            self._spent[is_live] = max(0, spent - passed_ms * self.limit * many // few)

    def _hear(self, name: str, claim: Claim, offset: int) -> None:
        claimant = self._claimants.get(name)
        if claimant is None:
            claimant = self._claimants[name] = _Claimant(claim, self.now_ms)
        claimant.claim, claimant.heard_ms = claim, self.now_ms
        for granted, calls in claim.done.items():
            claimant.cool(claimant.take_out(granted, calls), self.now_ms, offset, claim.window_ms // GRAINS)
        for granted, calls in claim.back.items():
            taken = claimant.take_out(granted, calls)
            claimant.held -= taken
            self._spent[claim.is_live] = max(0, self._spent[claim.is_live] - taken * self.window_ms)

    def _lower(self, told: Told, offset: int) -> None:
        """Believe the vendor where it has counted more than our calls, or allows fewer than was configured.

        Of what it says is left, the calls that it cannot have counted yet are taken off.
        """
        if self._told is not None and told.seen < self._told[2]:
            return
        # What was free again since the call began, the vendor may still have counted then.
        held = max([self.held, *(held for after, held in self._lately if after >= told.seen)])
        if told.left >= self.limit - held:
            self._told = None
            return
        opened = sum(claimant.opened() for claimant in self._claimants.values())
        later = sum(
            calls for claimant in self._claimants.values() for _, _, ended, calls in claimant.cooling if ended > told.seen
        )
        self._told = [told.left - opened - later, self.now_ms + min(told.renews_ms, LONGEST_PAUSE_MS), told.seen]
        if self._told[0] < 0:
            self.recalled = offset

    def _deal(self, offset: int) -> dict[str, int]:
        grants: Counter[str] = Counter()
        for is_live, kept in ((True, 0), (False, self._reserved())):
            room = min(self.left() - grants.total() - kept, self._slice(is_live=is_live))
            before = grants.total()
            self._hand_out(self._wanting(is_live=is_live), room, grants)
            self._spent[is_live] += (grants.total() - before) * self.window_ms
        for name, calls in grants.items():
            claimant = self._claimants[name]
            claimant.open[offset] = [self.now_ms + valid_ms(self.window_ms) + LATE_MS, calls]
            claimant.held += calls
        if self._told is not None:
            self._told[0] -= grants.total()
        self._lately.append([offset, self.held])
        return dict(grants)

    def _wanting(self, *, is_live: bool) -> dict[str, int]:
        wants = {name: each.wants(self.now_ms) for name, each in self._claimants.items() if each.claim.is_live is is_live}
        return {name: calls for name, calls in wants.items() if calls}

    def _hand_out(self, wants: Mapping[str, int], calls: int, grants: Counter[str]) -> None:
        """Give calls one by one to whoever holds fewest."""
        queue = [(self._claimants[name].held, name) for name in wants]
        heapq.heapify(queue)
        for _ in range(calls):
            if not queue:
                return
            held, name = heapq.heappop(queue)
            grants[name] += 1
            if grants[name] < wants[name]:
                heapq.heappush(queue, (held + 1, name))

    def _reserved(self) -> int:
        """Give what backfill leaves for live calls that may come."""
        return -(-self.limit // RESERVE) if any(each.claim.is_live for each in self._claimants.values()) else 0

    def _most(self, *, is_live: bool) -> int:
        return -(-self.limit // SLICES[is_live])

    def _slice(self, *, is_live: bool) -> int:
        """Give what one class may take at once."""
        return max(0, self._most(is_live=is_live) - -(-self._spent[is_live] // max(1, self.window_ms)))

    def to_state(self) -> dict[str, Any]:
        """Give everything as JSON."""
        claimants = {
            name: [
                [int(each.claim.is_live), each.claim.target, each.claim.calls, each.claim.window_ms],
                each.heard_ms,
                [[granted, *calls] for granted, calls in each.open.items()],
                [list(bucket) for bucket in each.cooling],
            ]
            for name, each in self._claimants.items()
        }
        rest = [self.now_ms, self._stamp_ms, self._paused_until_ms, self._told, list(self._spent.values()), self.recalled]
        return {"claimants": claimants, "rest": rest, "lately": list(self._lately)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> SharedWindow:
        """Give what `to_state` gave; raises ValueError, KeyError or TypeError for anything else."""
        made = cls()
        made.now_ms, made._stamp_ms, made._paused_until_ms, told, spent, made.recalled = state["rest"]
        made._spent = dict(zip((True, False), spent, strict=True))
        made._lately.extend(list(pair) for pair in state["lately"])
        made._told = None if told is None else list(told)
        for name, ((live, target, calls, window_ms), heard_ms, opened, cooling) in state["claimants"].items():
            claimant = _Claimant(Claim(bool(live), target, calls, window_ms), heard_ms)
            claimant.open = {granted: [until_ms, count] for granted, until_ms, count in opened}
            claimant.cooling = deque(list(bucket) for bucket in cooling)
            claimant.held = claimant.opened() + _total(claimant.cooling)
            made._claimants[name] = claimant
        return made


def claimant_name(member: str, connector: str) -> str:
    """Give the name of a connector of a process within the group."""
    return f"{member}/{connector}"


def _total(buckets: Iterable[list[int]]) -> int:
    return sum(bucket[3] for bucket in buckets)
