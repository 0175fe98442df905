"""Takes one client's rule, gives the hits that can be read at a moment, a block at a time; never keeps more than a few blocks."""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np

from connectors.wallarm.simulation.keys import Keys
from connectors.wallarm.simulation.rule import BLOCK_BITS, Hits, Rule
from connectors.wallarm.simulation.settings import DAY_SECS, Settings
from wellhead.testing.dice import Ints, Mask

_KEPT_HITS = 4_000_000
_SAMPLED = 5
_HOUR_SECS = 3_600
Span = tuple[int, int]
FOREVER: tuple[Span, ...] = ((0, 1 << 40),)


class Holdings:
    """What the cloud holds of one client. Thread-safe.

    Attributes:
        client: The client's id.
        rule: What its hits are made by.
        hit_keys: Its hits' ids.
        attack_keys: Its attacks' ids.
        struck: Numbers of hits that a content fault falls on: those are never sampled away.
    """

    def __init__(self, settings: Settings, client: int, start_secs: int) -> None:
        self.client = client
        self.rule = Rule(settings, client, start_secs)
        self.hit_keys = Keys("hits", client, self.rule.salt)
        self.attack_keys = Keys("attacks", client, self.rule.salt + 1)
        self._struck: Ints = np.empty(0, np.int64)
        self._is_sampled = settings.sampling == "regular"
        self._retained_secs = round(settings.retention_days * DAY_SECS)
        self._blocks: OrderedDict[int, tuple[Hits, Mask]] = OrderedDict()
        self._lock = threading.Lock()

    def spare(self, struck: Ints) -> None:
        """Say which hits are never sampled away."""
        with self._lock:
            self._struck = struck
            self._blocks.clear()

    def blocks(self, now_ms: int, spans: tuple[Span, ...]) -> range:
        """Give the blocks that may hold what can be read now of some spans of epoch seconds."""
        now_secs = now_ms // 1_000
        lowest = max(self.oldest_secs(now_ms), min((span[0] for span in spans), default=0), self.rule.first_secs)
        highest = min(now_secs, max((span[1] for span in spans), default=0))
        return range(self.rule.block_of(lowest), self.rule.block_of(highest) + 1) if lowest <= highest else range(0)

    def seen(self, block: int, now_ms: int, spans: tuple[Span, ...] = FOREVER) -> Hits:
        """Give the hits of a block that can be read now, of some spans of epoch seconds, both ends counted; by time and number."""
        hits, is_uploaded = self._made(block)
        return _within(hits, is_uploaded & self._is_seen(hits, now_ms), spans)

    def made(self, block: int) -> Hits:
        """Give all hits of a block, seen or not."""
        return self._made(block)[0]

    def counted(self, block: int, now_ms: int) -> Hits:
        """Give the hits of a block that are counted by now, uploaded or not."""
        hits, _ = self._made(block)
        return _within(hits, self._is_seen(hits, now_ms), FOREVER)

    def one(self, number: int, now_ms: int) -> Hits:
        """Give the hit of a number; no row where it cannot be read."""
        block = number >> BLOCK_BITS
        if not 0 <= block <= self.rule.block_of(now_ms // 1_000):
            return self._made(0)[0].pick(slice(0, 0))
        hits = self.seen(block, now_ms)
        return hits.pick(hits.numbers == number)

    def size(self, now_ms: int) -> int:
        """Count what can be read now."""
        return sum(len(self.seen(block, now_ms)) for block in self.blocks(now_ms, FOREVER))

    def oldest_secs(self, now_ms: int) -> int:
        """Give the epoch second before which nothing is kept."""
        return now_ms // 1_000 - self._retained_secs

    def _is_seen(self, hits: Hits, now_ms: int) -> Mask:
        return np.asarray((hits.seen_ms <= now_ms) & (hits.times >= self.oldest_secs(now_ms)), np.bool_)

    def _made(self, block: int) -> tuple[Hits, Mask]:
        with self._lock:
            if block not in self._blocks:
                hits = self.rule.hits(block)
                self._blocks[block] = hits, self._is_uploaded(hits)
                while len(self._blocks) > 1 and sum(len(kept) for kept, _ in self._blocks.values()) > _KEPT_HITS:
                    self._blocks.popitem(last=False)
            self._blocks.move_to_end(block)
            return self._blocks[block]

    def _is_uploaded(self, hits: Hits) -> Mask:
        """Tell which hits the nodes upload: all, or, of identical ones, the first few of each hour."""
        if not self._is_sampled:
            return np.ones(len(hits), np.bool_)
        columns = (hits.numbers, hits.times, hits.times // _HOUR_SECS, hits.senders, hits.statuses, hits.keys, hits.campaigns)
        order = np.lexsort(columns)
        is_first = np.ones(len(hits), np.bool_)
        is_first[1:] = np.any([np.diff(column[order]) != 0 for column in columns[2:]], axis=0)
        places = np.arange(len(hits))
        ranks = places - np.maximum.accumulate(np.where(is_first, places, 0))
        uploaded = np.empty(len(hits), np.bool_)
        uploaded[order] = ranks < _SAMPLED
        return np.asarray(uploaded | np.isin(hits.numbers, self._struck), np.bool_)


def _within(hits: Hits, mask: Mask, spans: tuple[Span, ...]) -> Hits:
    if spans is not FOREVER:
        within = np.zeros(len(hits), np.bool_)
        for first, last in spans:
            within |= (hits.times >= first) & (hits.times <= last)
        mask = mask & within
    return hits if mask.all() else hits.pick(mask)
