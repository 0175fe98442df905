"""Takes the rule of one type and what was changed by hand, gives which indicators stand where in the order of update_id, and how many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from connectors.threatstream.simulation.byhand import GONE, ByHand, Version
from connectors.threatstream.simulation.pace import UIDS_PER_MS, Line
from connectors.threatstream.simulation.pattern import ACTIVE, INACTIVE, TTL_CLASSES, TTL_MS
from connectors.threatstream.simulation.rows import Rows
from connectors.threatstream.simulation.rule import BORN_SLOT, BYHAND_FIRST, BYHAND_SLOT, CAME_SLOT, CHANGED_SLOT, Moment, Rule
from connectors.threatstream.simulation.settings import Settings
from wellhead.testing.dice import Ints, Mask

BLOCK_ROWS = 4_096
_END_MS = 1 << 60


@dataclass(frozen=True, slots=True)
class Reach:
    """Which indicators are looked at: update ids from `low` up to, not including, `high`, of these statuses."""

    low: int
    high: int
    statuses: frozenset[int]


class Population:
    """All indicators of one group, a value of the query's `type`."""

    def __init__(self, settings: Settings, group: str, start_ms: int) -> None:
        self.group = group
        self.rule = Rule(settings, group, start_ms)
        self.by_hand = ByHand()
        self.update_ids = self.rule.update_ids
        lag_secs = settings.expired_active_secs
        self._noticed_ms = None if lag_secs is None else lag_secs * 1_000

    # What stands

    def standing(self, reach: Reach, at: Moment) -> Iterator[Rows]:
        """Give the indicators within reach in order of update_id, a bounded number at a time, without those that are not visible."""
        by_hand, held = self.by_hand.standing(at.now_ms)
        for block in self._by_rule(reach, at):
            rows = block.without(held)
            if len(rows):
                turn = int(np.searchsorted(by_hand.uids, rows.uids[-1]))
                mixed = Rows.together([rows, by_hand.pick(slice(turn))]).ordered() if turn else rows
                by_hand = by_hand.pick(slice(turn, None))
                yield self._within(mixed, reach, at)
        if len(by_hand):
            yield self._within(by_hand, reach, at)

    def one(self, number: int, at: Moment) -> Rows:
        """Give one indicator as it stands, late changes by hand included; no row when there is none."""
        version = self.by_hand.newest(number)
        if version is None:
            return self.rule.one(number, at) if number < BYHAND_FIRST else Rows.of([])
        return Rows.of([] if version.status == GONE else [(number, version.uid, version.status, version.end_ms)])

    def change(self, number: int, version: Version) -> None:
        """Have an indicator stand as told; the rule moves it no more."""
        self.by_hand.put(number, version)

    def next_uid(self, now_ms: int) -> int:
        """Give the update id of a change by hand that is made now."""
        now_uid = self.update_ids.at(now_ms) + BYHAND_SLOT + self.rule.slot
        return max(now_uid, self.by_hand.newest_uid() + UIDS_PER_MS)

    def _within(self, rows: Rows, reach: Reach, at: Moment) -> Rows:
        """Keep what is within reach; what expired so long ago that the vendor has noticed is inactive."""
        if self._noticed_ms is not None:
            over = (rows.statuses == ACTIVE) & (rows.ends_ms + self._noticed_ms <= at.now_ms)
            rows = Rows(rows.numbers, rows.uids, np.where(over, INACTIVE, rows.statuses), rows.ends_ms)
        is_wanted = np.isin(rows.statuses, list(reach.statuses))
        return rows.pick(is_wanted & (rows.uids >= reach.low) & (rows.uids < reach.high))

    def _by_rule(self, reach: Reach, at: Moment) -> Iterator[Rows]:
        rule = self.rule
        born = self._events(rule.born, BORN_SLOT, reach, at)
        for first in range(born.start, born.stop, BLOCK_ROWS):
            numbers = numbers_of(range(first, min(first + BLOCK_ROWS, born.stop)))
            yield rule.born_rows(numbers[~rule.has_changed(numbers, at)])
        came, changed = self._events(rule.came, CAME_SLOT, reach, at), self._changes(reach, at)
        while came or changed:
            end_ms = min(_moment_after(rule.came, came), _moment_after(rule.changed, changed))
            came_end, changed_end = min(came.stop, rule.came.before(end_ms)), min(changed.stop, rule.changed.before(end_ms))
            coming = rule.coming(numbers_of(range(came.start, came_end)), at)
            changing = rule.changing(numbers_of(range(changed.start, changed_end)), at)
            yield Rows.together([coming, changing]).ordered()
            came, changed = range(max(came.start, came_end), came.stop), range(max(changed.start, changed_end), changed.stop)

    def _events(self, line: Line, slot: int, reach: Reach, at: Moment) -> range:
        """Give which events of a line lie within reach and have happened."""
        ids, slot = self.update_ids, slot + self.rule.slot
        last = min(ids.moment_at_or_after(reach.high, slot), at.life_ms + 1)
        return range(line.before(ids.moment_at_or_after(reach.low, slot)), line.before(last))

    def _changes(self, reach: Reach, at: Moment) -> range:
        changed = self._events(self.rule.changed, CHANGED_SLOT, reach, at)
        return range(max(changed.start, self.rule.oldest_change(at)), changed.stop)

    # How many

    def count(self, reach: Reach, at: Moment) -> int:
        """Count the indicators within reach, at a cost that does not grow with the history."""
        rule, (by_hand, held) = self.rule, self.by_hand.standing(at.now_ms)
        born = self._events(rule.born, BORN_SLOT, reach, at)
        came = self._events(rule.came, CAME_SLOT, reach, at)
        settled = range(came.start, max(came.start, min(came.stop, rule.came.before(at.now_ms - rule.late_ms))))
        counted = self._count_born(born, reach, at) + self._count_came(settled, reach, at)
        hidden = [
            rule.born_rows(_among(np.union1d(self._changed_by_rule(at), held), born)),
            rule.coming(_among(held - rule.rows, settled), at),
        ]
        added = [
            by_hand,
            rule.coming(numbers_of(range(settled.stop, came.stop)), at).without(held),
            rule.changing(numbers_of(self._changes(reach, at)), at).without(held),
        ]
        more, less = (sum(len(self._within(rows, reach, at)) for rows in parts) for parts in (added, hidden))
        return counted + more - less

    def _changed_by_rule(self, at: Moment) -> Ints:
        firsts = numbers_of(range(min(self.rule.lively, self.rule.changed.before(at.life_ms + 1))))
        targets = self.rule.target(firsts)
        return np.asarray(targets[self.rule.has_changed(targets, at)], np.int64)

    def _count_born(self, events: range, reach: Reach, at: Moment) -> int:
        """Count by the pattern, as if nothing of the history had changed since."""
        pattern = self.rule.pattern
        statuses = [status for status in reach.statuses if status != ACTIVE]
        is_born_so = np.isin(pattern.statuses, statuses)
        others = pattern.count(events.start, events.stop, is_born_so)
        return others + self._count_active(events, self.rule.born, pattern.statuses == ACTIVE, reach, at)

    def _count_came(self, events: range, reach: Reach, at: Moment) -> int:
        is_active = np.ones_like(self.rule.pattern.statuses, np.bool_)
        return self._count_active(events, self.rule.came, is_active, reach, at)

    def _count_active(self, events: range, line: Line, is_active: Mask, reach: Reach, at: Moment) -> int:
        """Count what was active when it last changed: of each lifetime, the older part is by now inactive."""
        total, first = 0, self.rule.rows if line is self.rule.came else 0
        for lifetime in TTL_CLASSES:
            wanted = is_active & (self.rule.pattern.classes == lifetime)
            over = 0
            if self._noticed_ms is not None and TTL_MS[lifetime]:
                over = line.before(at.now_ms - int(TTL_MS[lifetime]) - self._noticed_ms + 1)
            middle = min(events.stop, max(events.start, over))
            count = self.rule.pattern.count
            total += count(first + events.start, first + middle, wanted) if INACTIVE in reach.statuses else 0
            total += count(first + middle, first + events.stop, wanted) if ACTIVE in reach.statuses else 0
        return total


def numbers_of(events: range) -> Ints:
    """Give the numbers of a range."""
    return np.arange(events.start, max(events.start, events.stop), dtype=np.int64)


def _among(numbers: Ints, events: range) -> Ints:
    return np.asarray(numbers[(numbers >= events.start) & (numbers < events.stop)], np.int64)


def _moment_after(line: Line, events: range) -> int:
    """Give the moment after a block of events, or the end of time when fewer are left."""
    if len(events) <= BLOCK_ROWS:
        return _END_MS
    return int(line.moments(numbers_of(range(events.start + BLOCK_ROWS, events.start + BLOCK_ROWS + 1)))[0])
