"""Takes both sides and a span of time, gives where they differ: first by counts and digests made in the stores, then down to documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, NamedTuple

from wellhead.errors import PermanentError
from wellhead.migration.copy.clients import Client, Clients
from wellhead.migration.verify.cells import Cell, Key, differing
from wellhead.migration.verify.findings import Findings, Narrowed
from wellhead.migration.verify.pair import Pair
from wellhead.migration.verify.reading import compare
from wellhead.migration.verify.rules import Rules
from wellhead.migration.verify.spans import HOUR_MS, Span, days, parts

Method = Literal["auto", "read", "count"]
# Counts are buckets, of which stores give a limited number; sums are rows.
_COUNTED_CELLS_MAX = 1_000
_ADDED_CELLS_MAX = 10_000
_CLIENTS_MAX = 200


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is asked for at once.

    Attributes:
        parallel: Questions at the same time, on each side.
        count_docs: Documents a store counts for one question.
        digest_docs: Documents a store adds up for one question.
        read_docs: Documents of one span that are read and held at the same time, on each side.
        page_docs: Documents of one page.
    """

    parallel: int = 4
    count_docs: int = 500_000
    digest_docs: int = 250_000
    read_docs: int = 5_000
    page_docs: int = 1_000


class Rect(NamedTuple):
    """Some clients of one kind over some spans of time, which lie in order."""

    kind: str
    clients: tuple[Client | None, ...]
    spans: tuple[Span, ...]


class Comparing:
    """One pass over both sides.

    Args:
        pair: The sides.
        rules: How documents are compared.
        sizes: How much at once.
        method: auto lets the stores add up where they can; read reads every document; count stays with counts and sums.
        findings: Where it goes.
    """

    def __init__(self, pair: Pair, rules: Rules, sizes: Sizes, method: Method, findings: Findings) -> None:
        self._pair = pair
        self._rules = rules
        self._sizes = sizes
        self._method = method
        self._findings = findings
        self._adds_up = dict.fromkeys(pair.left.views, method == "auto")

    def run(self, chosen: Clients, span: Span, expect: Callable[[int], None]) -> None:
        """Compare all kinds; `expect` is told how many documents there are, about.

        Raises:
            TemporaryError: A store could not be asked, or answered in part: nothing is said of the two then.
            PermanentError: A store refuses.
        """
        rects = [rect for kind in self._pair.left.views for rect in self._planned(kind, chosen, span, expect)]
        with ThreadPoolExecutor(self._sizes.parallel, "wellhead-verify") as pool:
            jobs = [pool.submit(self._check, rect) for rect in rects]
            try:
                for job in jobs:
                    job.result()
            finally:
                for job in jobs:
                    job.cancel()

    def _planned(self, kind: str, chosen: Clients, span: Span, expect: Callable[[int], None]) -> Iterator[Rect]:
        left, right = self._pair.both(lambda side: side.clients(kind, chosen, span))
        docs = {client: max(left.get(client, 0), right.get(client, 0)) for client in {**left, **right}}
        self._findings.count(kind, clients=len(docs), left=sum(left.values()), right=sum(right.values()))
        expect(sum(docs.values()))
        spans = days(span)
        for group in _grouped(docs, self._sizes.count_docs):
            pieces = -(-sum(docs[client] for client in group) // self._sizes.count_docs)
            at_once = max(1, min(-(-len(spans) // max(1, pieces)), _ADDED_CELLS_MAX // len(group)))
            for at in range(0, len(spans), at_once):
                yield Rect(kind, group, tuple(spans[at : at + at_once]))

    def _check(self, rect: Rect) -> None:
        cells = self._counts(rect)
        self._findings.count(rect.kind, slices=sum(1 for left, right in cells.values() if left.docs or right.docs))
        equal: dict[Key, int] = {}
        for key, (left, right) in cells.items():
            reasons = differing(left, right)
            if reasons:
                self._narrow_day(rect.kind, key, reasons, (left.docs, right.docs))
            elif left.docs:
                equal[key] = left.docs
        if self._method == "count":
            self._findings.done(rect.kind, sum(equal.values()), "by_count")
        elif equal:
            self._add_up(rect, equal)

    def _add_up(self, rect: Rect, docs: dict[Key, int]) -> None:
        """Compare the digests of cells whose counts are equal; of half of them at a time where they are many."""
        clients = tuple(client for client in rect.clients if any((client, span) in docs for span in rect.spans))
        spans = tuple(span for span in rect.spans if any((client, span) in docs for client in clients))
        here = {key: docs[key] for key in docs if key[0] in clients and key[1] in spans}
        total = sum(here.values())
        if self._adds_up[rect.kind] and total > self._sizes.digest_docs and (len(clients) > 1 or len(spans) > 1):
            for half in _halved(Rect(rect.kind, clients, spans)):
                inside = {key: n for key, n in here.items() if key[0] in half.clients and key[1] in half.spans}
                if inside:
                    self._add_up(half, inside)
            return
        too_many = total > self._sizes.digest_docs
        cells = None if too_many else self._digests(Rect(rect.kind, clients, spans), total)
        for key, number in here.items():
            if cells is None:
                self._narrow_day(rect.kind, key, [], (number, number))
            elif reasons := differing(*cells[key]):
                self._narrow_day(rect.kind, key, reasons, (cells[key][0].docs, cells[key][1].docs))
            else:
                self._findings.done(rect.kind, number, "by_digest")

    def _digests(self, rect: Rect, docs: int) -> dict[Key, tuple[Cell, Cell]] | None:
        """Have both stores add up; None where one of them cannot, and documents must be read."""
        if not self._adds_up[rect.kind]:
            return None
        try:
            return self._cells(rect, docs, adding=True)
        except PermanentError as error:
            self._adds_up[rect.kind] = False
            self._findings.note(f"{rect.kind}: read document by document, since a store cannot add up by itself: {error}")
            return None

    def _counts(self, rect: Rect) -> dict[Key, tuple[Cell, Cell]]:
        at_once = max(1, _COUNTED_CELLS_MAX // len(rect.clients))
        found: dict[Key, tuple[Cell, Cell]] = {}
        for at in range(0, len(rect.spans), at_once):
            found |= self._cells(rect._replace(spans=rect.spans[at : at + at_once]), 0, adding=False)
        return found

    def _cells(self, rect: Rect, docs: int, *, adding: bool) -> dict[Key, tuple[Cell, Cell]]:
        left, right = self._pair.both(lambda side: side.cells(rect.kind, rect.clients, rect.spans, docs, adding=adding))
        return {key: (left[key], right[key]) for key in left}

    def _narrow_day(self, kind: str, key: Key, reasons: Sequence[str], docs: tuple[int, int]) -> None:
        client, span = key
        hours = sorted(set(self._narrow(kind, client, span, max(docs))))
        if reasons or hours:
            self._findings.narrow(Narrowed(kind, client, span, tuple(reasons or ("content",)), docs, tuple(hours)))

    def _narrow(self, kind: str, client: Client | None, span: Span, docs: int) -> Iterator[int]:
        """Go down to documents, and yield the hours (their first moments) in which some differ."""
        if docs <= self._sizes.read_docs or span.length_ms <= 1:
            suspects, compared = compare(self._pair, self._rules, kind, client, span, page_docs=self._sizes.page_docs)
            self._findings.done(kind, compared, "by_reading")
            self._findings.suspect(suspects)
            yield from (each.at_ms // HOUR_MS * HOUR_MS for each in suspects)
            return
        rect = Rect(kind, (client,), tuple(parts(span)))
        counts = self._counts(rect)
        # A span of too many documents goes down by counts alone, until its parts can be added up.
        added_up = self._digests(rect, docs) if docs <= self._sizes.digest_docs else None
        for key, (left, right) in counts.items():
            most = max(left.docs, right.docs)
            if most and added_up is not None and not differing(left, right) and not differing(*added_up[key]):
                self._findings.done(kind, most, "by_digest")
            elif most:
                yield from self._narrow(kind, client, key[1], most)


def _grouped(docs: dict[Client | None, int], most: int) -> Iterator[tuple[Client | None, ...]]:
    """Put clients together up to `most` documents; one with more stands alone."""
    group: list[Client | None] = []
    weight = 0
    for client in sorted(docs, key=str):
        if group and (weight + docs[client] > most or len(group) >= _CLIENTS_MAX):
            yield tuple(group)
            group, weight = [], 0
        group.append(client)
        weight += docs[client]
    if group:
        yield tuple(group)


def _halved(rect: Rect) -> tuple[Rect, Rect]:
    """Cut by time where that is possible: what was written at one time lies together in a store, what is one client's does not."""
    if len(rect.spans) > 1:
        middle = len(rect.spans) // 2
        return rect._replace(spans=rect.spans[:middle]), rect._replace(spans=rect.spans[middle:])
    middle = len(rect.clients) // 2
    return rect._replace(clients=rect.clients[:middle]), rect._replace(clients=rect.clients[middle:])
