"""Takes both sides and a random source, gives the sampled documents that differ; never trusts what a store adds up."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from wellhead.migration.copy.clients import Clients
from wellhead.migration.verify.document import Document, same
from wellhead.migration.verify.findings import Suspect
from wellhead.migration.verify.pair import Pair
from wellhead.migration.verify.rules import Rules
from wellhead.migration.verify.side import Side
from wellhead.migration.verify.spans import Span

# A sample is taken in so many places of the span, a run of neighbours at each.
_PLACES = 8


def compare(
    pair: Pair, rules: Rules, kind: str, chosen: Clients, span: Span, *, wanted: int, random: Random
) -> tuple[list[Suspect], int]:
    """Take whole documents of each side at random and compare each with its twin on the other, id, version and index too.

    Returns:
        Those that differ, and how many were compared.
    """
    starts = [random.randrange(span.first_ms, span.end_ms) for _ in range(_PLACES)]
    picked = pair.both(lambda side: _picked(side, kind, chosen, span, starts, size=-(-wanted // (2 * _PLACES))))
    ids = list(dict.fromkeys(each.id for side in picked for each in side))[:wanted]
    left, right = pair.both(lambda side: side.documents(kind, ids))
    time = pair.right.views[kind].time
    found: list[Suspect] = []
    for each in ids:
        ours, theirs = left.get(each, []), right.get(each, [])
        if len(ours) != len(theirs) or not all(any(same(one, other, rules) for other in theirs) for one in ours):
            document = (ours or theirs)[0]
            at_ms, client = document.content.get(time), document.content.get(pair.right.views[kind].client or "")
            found.append(Suspect(kind, each, client, at_ms if isinstance(at_ms, int) else span.first_ms))
    return found, len(ids)


def _picked(side: Side, kind: str, chosen: Clients, span: Span, starts: Sequence[int], *, size: int) -> list[Document]:
    view = side.views[kind]
    found: list[Document] = []
    for start_ms in starts:
        query = view.query(Span(start_ms, span.end_ms))
        if view.client is not None:
            query["bool"]["filter"] += chosen.query(view.client)
        elif not chosen.is_all:
            return found
        found += side.matching(kind, query, size, [{view.time: "asc"}])
    return found
