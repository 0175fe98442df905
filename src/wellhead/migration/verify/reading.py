"""Takes both sides and one client's span, gives the documents that differ in it; never says they differ for good."""

from __future__ import annotations

from collections.abc import Iterator

from wellhead.migration.copy.clients import Client
from wellhead.migration.verify.document import Document, same
from wellhead.migration.verify.findings import Suspect
from wellhead.migration.verify.pair import Pair
from wellhead.migration.verify.rules import Rules
from wellhead.migration.verify.spans import Span


def compare(
    pair: Pair, rules: Rules, kind: str, client: Client | None, span: Span, *, page_docs: int
) -> tuple[list[Suspect], int]:
    """Read a span on both sides at once.

    Returns:
        The documents that differ, and how many were compared.

    Raises:
        TemporaryError: A side could not be read whole.
    """
    left, right = pair.both(lambda side: list(side.read(kind, client, span, page_docs)))
    time = pair.right.views[kind].time
    found = [Suspect(kind, each.id, client, _moment(each, time, span)) for each in _differing(left, right, rules)]
    return found, max(len(left), len(right))


def _moment(document: Document, time: str, span: Span) -> int:
    at_ms = document.content.get(time)
    return at_ms if isinstance(at_ms, int) and span.first_ms <= at_ms < span.end_ms else span.first_ms


def _differing(left: list[Document], right: list[Document], rules: Rules) -> Iterator[Document]:
    theirs: dict[str, list[Document]] = {}
    for each in right:
        theirs.setdefault(each.id, []).append(each)
    ours: dict[str, int] = {}
    for each in left:
        ours[each.id] = ours.get(each.id, 0) + 1
        if not any(same(each, other, rules) for other in theirs.get(each.id, ())):
            yield each
    # One id in two indices, or on one side only.
    yield from (copies[0] for each, copies in theirs.items() if ours.get(each, 0) != len(copies))
