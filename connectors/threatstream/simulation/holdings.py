"""Takes what is asked for and a moment, gives the page of indicators the vendor holds then, never more than the page in memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from connectors.threatstream.simulation.pattern import ACTIVE, STATUSES
from connectors.threatstream.simulation.population import BLOCK_ROWS, Population, Reach
from connectors.threatstream.simulation.query import LAST_UID, Ask
from connectors.threatstream.simulation.quirks import Quirks
from connectors.threatstream.simulation.render import Renderer, ids_of
from connectors.threatstream.simulation.rows import NONE, Rows
from connectors.threatstream.simulation.rule import Moment
from connectors.threatstream.simulation.settings import GROUPS, Settings
from wellhead.testing.dice import Ints, salt_of
from wellhead.testing.faults import FaultSpec

_STAYS_MS = 30 * 86_400_000
_UIDS_BACK = 1 << 28
_BLOCKS = 100_000 // BLOCK_ROWS
EVERYTHING = Reach(0, LAST_UID, frozenset((ACTIVE,)))


class Entry(NamedTuple):
    """One indicator of a page: its JSON text, and where it stands in the two orders."""

    text: bytes
    uid: int
    modified_ms: int
    id: int


@dataclass(frozen=True, slots=True)
class Page:
    """Indicators in order, and how many there are from the call's place on, these included."""

    entries: list[Entry]
    total: int


class Holdings:
    """Everything the vendor holds, of all types."""

    def __init__(self, settings: Settings, start_ms: int, content: Mapping[str, FaultSpec]) -> None:
        self.populations = {group: Population(settings, group, start_ms) for group in GROUPS}
        self.update_ids = self.populations["ip"].update_ids
        self.renderers = {group: Renderer(settings, population) for group, population in self.populations.items()}
        self._seed = settings.seed
        self._start = Moment(start_ms, start_ms)
        self.shape(content)

    def shape(self, content: Mapping[str, FaultSpec]) -> None:
        """Let these content faults, and no others, fall on indicators that are active and stay so."""
        for group, population in self.populations.items():
            candidates = [NONE.numbers]
            if content:
                blocks = itertools.islice(population.standing(EVERYTHING, self._start), _BLOCKS)
                candidates += [rows.pick(rows.ends_ms > self._start.now_ms + _STAYS_MS).numbers for rows in blocks]
            self.renderers[group].quirks = Quirks(content, np.concatenate(candidates), salt_of(self._seed, group, "quirks"))

    def page(self, ask: Ask, at: Moment) -> Page:
        """Give the page that is asked for."""
        parts = {group: self._first(group, ask, at) for group in ask.groups}
        uids = np.sort(np.concatenate([rows.uids for rows in parts.values()]))[ask.offset : ask.offset + ask.limit + 1]
        uids, total = uids[: self._length(uids, ask)], self.total(ask, at)
        if not len(uids):
            return Page([], total)
        wanted = {group: rows.pick((rows.uids >= uids[0]) & (rows.uids <= uids[-1])) for group, rows in parts.items()}
        entries = [entry for group, rows in wanted.items() for entry in self._entries(group, rows, ask)]
        return Page(sorted(entries, key=lambda entry: entry.uid), total)

    def total(self, ask: Ask, at: Moment) -> int:
        """Count what a call has left, from its place on."""
        reach = Reach(ask.low, ask.high, ask.statuses)
        if ask.created is None:
            return sum(self.populations[group].count(reach, at) for group in ask.groups)
        return sum(len(rows) for group in ask.groups for rows in self._matching(group, ask, at))

    def counts(self, group: str, at: Moment) -> dict[str, int]:
        """Count a group's visible indicators by status."""
        population = self.populations[group]
        return {status: population.count(Reach(0, LAST_UID, frozenset((place,))), at) for place, status in enumerate(STATUSES)}

    def last_before(self, ask: Ask, at: Moment, count: int) -> list[Entry]:
        """Give the last few indicators that the call's place has already passed."""
        found: list[Entry] = []
        for group in ask.groups:
            rows, back = NONE, _UIDS_BACK
            while len(rows) < count and back < 4 * ask.low:
                reach = Reach(max(0, ask.low - back), ask.low, ask.statuses)
                rows = Rows.together([NONE, *self.populations[group].standing(reach, at)]).pick(slice(-count, None))
                back *= 4
            found += self._entries(group, rows, ask)
        return sorted(found, key=lambda entry: entry.uid)[-count:]

    def active(self, group: str, at: Moment) -> Iterator[Rows]:
        """Give what is active, visible and not expired."""
        for rows in self.populations[group].standing(EVERYTHING, at):
            yield rows.pick(rows.ends_ms > at.now_ms)

    def _length(self, uids: Ints, ask: Ask) -> int:
        """Give how long a page is; ordered by time it never ends within a millisecond, as a token there names one."""
        if ask.by_uid or len(uids) <= ask.limit:
            return ask.limit
        moments = self.update_ids.moments(uids)
        return int(np.searchsorted(moments, moments[-1])) or ask.limit

    def _matching(self, group: str, ask: Ask, at: Moment) -> Iterator[Rows]:
        population = self.populations[group]
        for rows in population.standing(Reach(ask.low, ask.high, ask.statuses), at):
            if ask.created is None:
                yield rows
                continue
            created = population.rule.created(rows.numbers)
            yield rows.pick((created >= ask.created[0]) & (created <= ask.created[1]))

    def _first(self, group: str, ask: Ask, at: Moment) -> Rows:
        """Give enough indicators of a group for the page and one more."""
        wanted, found, parts = ask.offset + ask.limit + 1, 0, [NONE]
        for rows in self._matching(group, ask, at):
            parts.append(rows)
            found += len(rows)
            if found >= wanted:
                break
        return Rows.together(parts).pick(slice(0, wanted))

    def _entries(self, group: str, rows: Rows, ask: Ask) -> list[Entry]:
        texts = self.renderers[group].texts(rows, by_time=not ask.by_uid)
        moments: Ints = self.update_ids.moments(rows.uids)
        columns = zip(texts, rows.uids.tolist(), moments.tolist(), ids_of(rows.numbers, group).tolist(), strict=True)
        return [Entry(*column) for column in columns]
