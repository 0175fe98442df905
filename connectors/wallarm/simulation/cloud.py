"""Takes the settings, gives every client's holdings with what writes them, and ordered readings of hits and attacks across clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
import orjson

from connectors.wallarm.simulation import attacks
from connectors.wallarm.simulation.filters import Filter
from connectors.wallarm.simulation.holdings import Holdings
from connectors.wallarm.simulation.paging import Paging, cursor_of
from connectors.wallarm.simulation.quirks import Quirks
from connectors.wallarm.simulation.render import Renderer
from connectors.wallarm.simulation.rule import Hits
from connectors.wallarm.simulation.settings import Settings
from wellhead.testing.dice import Ints
from wellhead.testing.faults import FaultSpec

Place = tuple[int, int, int]
"""Where an attack stands among all: its time in epoch seconds, its client, its number."""


@dataclass(frozen=True, slots=True)
class Found:
    """An attack of a reading: where it stands, and what writes it."""

    place: Place
    text: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Page:
    """Objects, written, and the pointer to the next one where more are left."""

    texts: list[bytes]
    cursor: str | None


class Cloud:
    """What is held of all clients."""

    def __init__(self, settings: Settings, start_secs: int, content: Mapping[str, FaultSpec]) -> None:
        self._settings = settings
        self.renderers = {client: self._renderer(client, start_secs, content) for client in settings.clients}

    def _renderer(self, client: int, start_secs: int, content: Mapping[str, FaultSpec]) -> Renderer:
        holdings = Holdings(self._settings, client, start_secs)
        quirks = Quirks(content, holdings.rule, self._settings.history_blocks, self._settings.seed + client)
        holdings.spare(quirks.numbers)
        return Renderer(self._settings, holdings, quirks)

    def hits(self, asked: Filter, paging: Paging, now_ms: int) -> Page:
        """Give a page of hits."""
        skip, texts, last = paging.offset, list[bytes](), None
        for block in self._blocks(asked, paging, now_ms):
            run = _Run(
                [(self.renderers[client], _asked(self.renderers[client], block, asked, now_ms)) for client in asked.clients]
            )
            order = run.order(paging)
            if skip >= len(order):
                skip -= len(order)
                continue
            order, skip = order[skip:], 0
            left = paging.limit - len(texts)
            if len(order) and left < len(order):
                texts += run.texts(order[:left])
                last = run.place(order[left - 1]) if left else last
                return Page(texts, cursor_of(*last) if paging.is_by_cursor and last else None)
            texts += run.texts(order)
            last = run.place(order[-1])
        return Page(texts, None)

    def attacks(self, asked: Filter, paging: Paging, now_ms: int) -> Page:
        """Give a page of attacks; a call's time is met by what was still going on then."""
        return _page(self._attacks(asked, paging, now_ms), paging)

    def chosen(self, asked: Filter, now_ms: int) -> Iterator[tuple[Renderer, Hits]]:
        """Give the hits that a filter asks for, those of a client and block together."""
        for renderer in (self.renderers[client] for client in asked.clients):
            for block in renderer.holdings.blocks(now_ms, asked.spans):
                hits = _asked(renderer, block, asked, now_ms)
                if len(hits):
                    yield renderer, hits

    def _blocks(self, asked: Filter, paging: Paging, now_ms: int) -> Iterator[int]:
        """Give the numbers of blocks, which all clients share, in the order of the reading."""
        rule = next(iter(self.renderers.values())).holdings
        blocks = rule.blocks(now_ms, asked.spans)
        if paging.after is not None:
            last = rule.rule.block_of(paging.after[1])
            blocks = (
                range(blocks.start, min(blocks.stop, last + 1))
                if paging.newest_first
                else range(max(blocks.start, last), blocks.stop)
            )
        yield from reversed(blocks) if paging.newest_first else blocks

    def _attacks(self, asked: Filter, paging: Paging, now_ms: int) -> Iterator[Found]:
        by_last = paging.order_by == "last_time"
        # One that met the span may have ended after it, or begun before it.
        spans = tuple((first - 86_400, last + 86_400) for first, last in asked.spans)
        wide = Filter(asked.clients, spans, asked.words)
        for block in self._blocks(wide, paging, now_ms):
            found = []
            for renderer in (self.renderers[client] for client in asked.clients):
                for attack in attacks.attacks_of(renderer, block, now_ms, by_last=by_last):
                    if _meets(attack, asked) and _is_asked(renderer, attack.hits, asked):
                        at_secs = attack.last_secs if by_last else attack.first_secs
                        place = (at_secs, renderer.holdings.client, attack.number)
                        found.append(Found(place, lambda r=renderer, a=attack: orjson.dumps(attacks.told(r, a))))  # type: ignore[misc]
            yield from sorted(found, key=lambda each: each.place, reverse=paging.newest_first)


def _asked(renderer: Renderer, block: int, asked: Filter, now_ms: int) -> Hits:
    hits = renderer.holdings.seen(block, now_ms, asked.spans)
    mask = asked.mask(hits, renderer)
    return hits if mask is None else hits.pick(mask)


def _meets(attack: attacks.Attack, asked: Filter) -> bool:
    return any(attack.first_secs <= last and attack.last_secs >= first for first, last in asked.spans)


def _is_asked(renderer: Renderer, hits: Hits, asked: Filter) -> bool:
    mask = asked.mask(hits, renderer)
    return mask is None or bool(mask.any())


class _Run:
    """The hits of several clients in one block, in one order."""

    def __init__(self, parts: list[tuple[Renderer, Hits]]) -> None:
        self._parts = parts
        self._whose = np.repeat(np.arange(len(parts)), [len(hits) for _, hits in parts])
        self._rows = np.concatenate([np.arange(len(hits)) for _, hits in parts])
        self._times = np.concatenate([hits.times for _, hits in parts])
        self._numbers = np.concatenate([hits.numbers for _, hits in parts])
        self._clients = np.array([renderer.holdings.client for renderer, _ in parts], np.int64)[self._whose]

    def order(self, paging: Paging) -> Ints:
        """Give the places of all hits, or of those after the cursor, in the order of time, client and number."""
        order = np.lexsort((self._numbers, self._clients, self._times))
        if paging.after is not None:
            client, at_secs, number = paging.after
            times, clients, numbers = self._times[order], self._clients[order], self._numbers[order]
            same_time, same_client = times == at_secs, clients == client
            older = (times < at_secs) | (same_time & ((clients < client) | (same_client & (numbers < number))))
            order = order[older if paging.newest_first else ~older & ~(same_time & same_client & (numbers == number))]
        return np.asarray(order[::-1] if paging.newest_first else order, np.int64)

    def place(self, at: int) -> tuple[int, int, int]:
        """Give the client, time and number of the hit at a place."""
        return int(self._clients[at]), int(self._times[at]), int(self._numbers[at])

    def texts(self, order: Ints) -> list[bytes]:
        """Write the hits at some places."""
        texts = [b""] * len(order)
        for number, (renderer, hits) in enumerate(self._parts):
            theirs = np.flatnonzero(self._whose[order] == number)
            written = renderer.texts(hits.pick(self._rows[order[theirs]]))
            for at, text in zip(theirs.tolist(), written, strict=True):
                texts[at] = text
        return texts


def _page(found: Iterator[Found], paging: Paging) -> Page:
    if paging.after is not None:
        client, at_secs, number = paging.after
        after = (at_secs, client, number)
        found = (each for each in found if (each.place < after if paging.newest_first else each.place > after))
    taken = list(islice(found, paging.offset, paging.offset + paging.limit + 1))
    shown = taken[: paging.limit]
    cursor = None
    if paging.is_by_cursor and len(taken) > paging.limit:
        at_secs, client, number = shown[-1].place
        cursor = cursor_of(client, at_secs, number)
    return Page([each.text() for each in shown], cursor)
