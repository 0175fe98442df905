"""Takes the settings of one type, gives how any of its indicators stands at any moment by arithmetic alone; holds none of them.

Indicators are numbered: first those of the history, then those that come into being as time moves. The changes of life go round among
the *lively* ones in a fixed turn, so that an indicator's latest change is found without looking at the others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from connectors.threatstream.simulation.pace import SETTLED_MS, History, Life, UpdateIds
from connectors.threatstream.simulation.pattern import ACTIVE, FALSEPOS, INACTIVE, Pattern, expirations
from connectors.threatstream.simulation.rows import NONE, Rows
from connectors.threatstream.simulation.settings import DAY_MS, GROUPS, Settings
from wellhead.testing.dice import Ints, Mask, below, salt_of, throw

BORN_SLOT, CAME_SLOT, CHANGED_SLOT, BYHAND_SLOT = 0, 16, 32, 48
BYHAND_FIRST = 1 << 27
_LATE_STEPS = 65_536
_MS_PER_MINUTE = 60_000
_OLDER_MS = 40 * DAY_MS
_CHANGES = np.repeat(np.array([ACTIVE, INACTIVE, FALSEPOS], np.int64), (7, 2, 1))


@dataclass(frozen=True, slots=True)
class Moment:
    """When somebody looks: the vendor's time, and until when life went on."""

    now_ms: int
    life_ms: int


class Rule:
    """What becomes of the indicators of one group, a value of the query's `type`.

    Attributes:
        rows: How many the history holds; numbers from there on came later.
        born: The last change of each indicator of the history.
        came: The indicators that come into being after it.
        changed: The changes of the history's lively ones, after it.
        lively: How many of those there are.
        slot: The group's place in the numbering of changes.
        late_ms: How late a change can become visible.
    """

    def __init__(self, settings: Settings, group: str, start_ms: int) -> None:
        self.rows = settings.rows(group)
        history_ms = round(settings.history_days * DAY_MS)
        span_ms = max(history_ms, 2 * self.rows)  # never two in a millisecond
        self.update_ids = UpdateIds(start_ms - SETTLED_MS - history_ms, history_ms)
        self.pattern = Pattern.of(salt_of(settings.seed, group, "pattern"), settings.inactive, settings.falsepos)
        self.born = History(start_ms - SETTLED_MS - span_ms, span_ms, self.rows)
        self.came = Life(start_ms, round(settings.new_per_minute * 1_000))
        self.changed = Life(start_ms, round(settings.changes_per_minute * 1_000) if self.rows else 0)
        self.lively = max(1, min(settings.lively, self.rows))
        self.slot = 2 * GROUPS.index(group)
        self.late_ms = settings.late_max_secs * 1_000
        if settings.changes_per_minute:
            # Never so late that the next change of the same indicator comes first.
            self.late_ms = max(1, min(self.late_ms, int(self.lively * _MS_PER_MINUTE / settings.changes_per_minute) - 2))
        self._late_steps = round(settings.late_ratio * _LATE_STEPS)
        self._salt = salt_of(settings.seed, group)
        self._stride = max(1, self.rows // self.lively)
        self._turn = next(
            step for step in range(self.lively * 5 // 8 + 1, 2 * self.lively + 2) if math.gcd(step, self.lively) == 1
        )

    # How they stand: rows in the order of the events

    def born_rows(self, numbers: Ints) -> Rows:
        """Give indicators of the history as they stood at its end."""
        moments, places = self.born.moments(numbers), self.pattern.places(numbers)
        uids = self.update_ids.of(moments, BORN_SLOT + self.slot)
        return Rows(numbers, uids, self.pattern.statuses[places], expirations(moments, self.pattern.classes[places]))

    def coming(self, events: Ints, at: Moment) -> Rows:
        """Give the indicators that came into being by these events, those that are visible."""
        events = events[self._is_visible(self.came, events, at, 2)]
        moments, numbers = self.came.moments(events), self.rows + events
        ends = expirations(moments, self.pattern.classes[self.pattern.places(numbers)])
        return Rows(numbers, self.update_ids.of(moments, CAME_SLOT + self.slot), np.full(len(events), ACTIVE, np.int64), ends)

    def changing(self, events: Ints, at: Moment) -> Rows:
        """Give the indicators that these events changed, those whose latest visible change it is."""
        if not len(events):
            return NONE
        is_latest = self._is_change_visible(events, at) & ~self._is_change_visible(events + self.lively, at)
        events = events[is_latest]
        moments, numbers = self.changed.moments(events), self.target(events)
        statuses = _CHANGES[below(throw(events, self._salt + 1), len(_CHANGES))]
        ends = expirations(moments, self.pattern.classes[self.pattern.places(numbers)])
        return Rows(numbers, self.update_ids.of(moments, CHANGED_SLOT + self.slot), statuses, ends)

    def one(self, number: int, at: Moment) -> Rows:
        """Give one indicator as it stands; no row when it is not there yet."""
        if number >= self.rows:
            return self.coming(np.array([number - self.rows], np.int64), at)
        numbers = np.array([number], np.int64)
        if not self.has_changed(numbers, at)[0]:
            return self.born_rows(numbers)
        first = self._first_changes(numbers)
        rounds = (self.changed.before(at.life_ms + 1) - 1 - first) // self.lively
        return self.changing(first + np.unique(np.maximum(0, [rounds[0] - 1, rounds[0]])) * self.lively, at)

    def created(self, numbers: Ints) -> Ints:
        """Give when indicators came into being: of the history, up to 40 days before its last change, or with it."""
        dice = throw(numbers, self._salt + 4)
        earlier = np.where(dice % np.uint64(3) == 0, 0, below(dice, _OLDER_MS, 8))
        born = self.born.moments(np.minimum(numbers, self.rows)) - earlier
        came = self.came.moments(np.clip(numbers - self.rows, 0, BYHAND_FIRST))
        return np.asarray(np.where(numbers < self.rows, born, came), np.int64)

    # Who changes when

    def target(self, events: Ints) -> Ints:
        """Give the numbers of the indicators that changes fall on."""
        return np.asarray(events % self.lively * self._turn % self.lively * self._stride, np.int64)

    def has_changed(self, numbers: Ints, at: Moment) -> Mask:
        """Tell which indicators of the history have a change that is visible: the first of them is."""
        places, rest = np.divmod(numbers, self._stride)
        is_lively = (rest == 0) & (places < self.lively)
        return np.asarray(is_lively & self._is_change_visible(self._first_changes(numbers), at), np.bool_)

    def oldest_change(self, at: Moment) -> int:
        """Give a change before which all have been overtaken by others."""
        return max(0, self.changed.before(at.life_ms + 1) - 2 * self.lively)

    def _first_changes(self, numbers: Ints) -> Ints:
        back = pow(self._turn, -1, self.lively) if self.lively > 1 else 0
        return np.asarray(numbers // self._stride * back % self.lively, np.int64)

    def _is_change_visible(self, events: Ints, at: Moment) -> Mask:
        return self._is_visible(self.changed, events, at, 3)

    def _is_visible(self, line: Life, events: Ints, at: Moment, salt: int) -> Mask:
        dice = throw(events, self._salt + salt)
        lateness = np.where(below(dice, _LATE_STEPS) < self._late_steps, below(dice, self.late_ms, 20) + 1, 0)
        happened = events < line.before(at.life_ms + 1)
        return np.asarray(happened & (line.moments(events) + lateness <= at.now_ms), np.bool_)
