"""Takes the rules and a layout, gives the aggregation by which a store adds up its documents itself; never reads one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from wellhead.migration.copy.mapping import Layout
from wellhead.migration.verify.rules import Rules

NAME = "digest"
_BITS = 2**64 - 1


class Digest(NamedTuple):
    """What the fields of some documents add up to; two such are equal if the documents are, whatever their order.

    `_id` and `_version` are not in it, as a store would have to look them up one by one; the documents' own `id` and `version` are.
    """

    docs: int
    total: int
    xor: int

    def plus(self, docs: int, total: int, xor: int) -> Digest:
        """Give both together; sums overflow as those of the store do."""
        return Digest(self.docs + docs, (self.total + total) & _BITS, (self.xor ^ xor) & _BITS)


NOTHING = Digest(0, 0, 0)
"""What no document adds up to."""
NOBODY = ""
"""Under which name the digest of a question for one client alone stands."""


class Place(NamedTuple):
    """Where a document belongs, as the store's own fields say.

    Attributes:
        client: Field of the client; None where the question is for one client alone.
        time: Field of the time.
        firsts: Where spans, which lie in order, begin, in the unit of that field.
        joda: Whether the store has dates of Elasticsearch 6.
    """

    client: str | None
    time: str
    firsts: list[int]
    joda: bool


def aggregation(rules: Rules, layout: Layout | None, place: Place) -> dict[str, Any]:
    """Give the aggregation; `layout` translates the documents of the source, None takes them as they are."""
    params: dict[str, Any] = {
        "drop": [] if layout is None else list(layout.drop),
        "rename": {} if layout is None else layout.rename,
        "convert": {} if layout is None else layout.convert,
        "constant": {} if layout is None else layout.constant,
        "ignored": sorted(rules.ignored),
        "unordered": sorted(rules.unordered),
        "times": sorted(rules.times),
        **place._asdict(),
    }
    return {
        "scripted_metric": {
            "params": params,
            "init_script": _INIT,
            "map_script": _script(),
            "combine_script": _COMBINE,
            "reduce_script": _REDUCE,
        }
    }


_INIT = (
    "state.clients = new HashMap(); long[] firsts = new long[params.firsts.size()]; "
    "for (int i = 0; i < firsts.length; ++i) { firsts[i] = ((Number) params.firsts.get(i)).longValue(); } state.firsts = firsts;"
)
# Rows of client, span, documents, sum and xor; between nodes only lists of plain values travel in every version.
_COMBINE = (
    "List rows = new ArrayList(); for (def each : state.clients.entrySet()) { long[] sums = (long[]) each.getValue(); "
    "for (int i = 0; i < sums.length; i += 3) { if (sums[i] > 0L) { "
    "rows.add([each.getKey(), i / 3, sums[i], sums[i + 1], sums[i + 2]]); } } } return rows;"
)
# A part of its own for each shard: few, and the caller adds them up.
_REDUCE = "List rows = new ArrayList(); for (def part : states) { if (part != null) { rows.addAll(part); } } return rows;"


@cache
def _script() -> str:
    return Path(__file__).with_name("digest.painless").read_text(encoding="utf-8")


def read(answer: Mapping[str, Any]) -> dict[tuple[Any, int], Digest]:
    """Read the answer: what each client's documents add up to, by the client as the store names it and the span's number; what holds none is not there."""
    found: dict[tuple[Any, int], Digest] = {}
    for client, span, *numbers in answer.get("value") or ():
        found[client, span] = found.get((client, span), NOTHING).plus(*map(int, numbers))
    return found
