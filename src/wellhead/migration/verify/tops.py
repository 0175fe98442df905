"""Takes both sides and a span, gives where their most frequent values differ; never calls a guess of a store a difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wellhead.migration.copy.clients import Clients
from wellhead.migration.verify.fields import cut
from wellhead.migration.verify.pair import Pair
from wellhead.migration.verify.side import Side
from wellhead.migration.verify.spans import Span

# What each shard gives of its own ranking: so many more that the sums over shards are exact but in freak cases.
_SHARD_SIZE = 10_000


@dataclass(frozen=True, slots=True)
class TopDifference:
    """A value that one side counts more often than the other.

    Attributes:
        kind: hits or attacks.
        field: Which field's values are ranked.
        value: The value, cut.
        left: How often the source has it; None where it is not among its most frequent.
        right: How often the target has it, likewise.
    """

    kind: str
    field: str
    value: str
    left: int | None
    right: int | None

    def fields(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return {"kind": self.kind, "field": self.field, "value": self.value, "from": self.left, "to": self.right}


@dataclass(frozen=True, slots=True)
class _Ranking:
    """The most frequent values; `is_exact` unless shards may know better, `is_whole` where no other value exists."""

    counts: Mapping[str, int]
    is_exact: bool
    is_whole: bool

    @property
    def lowest(self) -> int:
        return 0 if self.is_whole else min(self.counts.values(), default=0)


def compare(pair: Pair, kind: str, chosen: Clients, span: Span, top: int) -> tuple[list[TopDifference], list[str]]:
    """Compare the `top` most frequent values of each ranked field.

    Returns:
        The differences, and what could only be guessed by a store.
    """
    left, right = pair.both(lambda side: _rankings(side, kind, chosen, span, top))
    found: list[TopDifference] = []
    guessed: list[str] = []
    for name in left:
        if not (left[name].is_exact and right[name].is_exact):
            guessed.append(
                f"{kind}: the ranking of {name} is an estimate, as it has too many values for one answer; not compared"
            )
            continue
        found += _differing(kind, name, left[name], right[name])
    return found, guessed


def _rankings(side: Side, kind: str, chosen: Clients, span: Span, top: int) -> dict[str, _Ranking]:
    view = side.views[kind]
    query = view.query(span)
    if view.client is not None:
        query["bool"]["filter"] += chosen.query(view.client)
    elif not chosen.is_all:
        return {}
    asked = {
        name: {"terms": {"field": own, "size": top, "shard_size": _SHARD_SIZE, "order": [{"_count": "desc"}, {"_key": "asc"}]}}
        for name, own in view.tops.items()
    }
    answer = side.asking.added_up(view.pattern, {"size": 0, "query": query, "aggs": asked}, 0)
    return {name: _ranking(answer.get(name, {"buckets": []})) for name in view.tops}


def _ranking(found: Mapping[str, Any]) -> _Ranking:
    counts = {str(bucket["key"]): int(bucket["doc_count"]) for bucket in found["buckets"]}
    return _Ranking(counts, not found.get("doc_count_error_upper_bound"), not found.get("sum_other_doc_count"))


def _differing(kind: str, name: str, left: _Ranking, right: _Ranking) -> list[TopDifference]:
    """Compare what stands above the last place of both: who shares the last place is left to chance."""
    found = []
    for value in sorted({*left.counts, *right.counts}):
        ours, theirs = left.counts.get(value), right.counts.get(value)
        if (
            ours == theirs
            or (ours is None and (theirs or 0) <= left.lowest)
            or (theirs is None and (ours or 0) <= right.lowest)
        ):
            continue
        found.append(TopDifference(kind, name, cut(value), ours, theirs))
    return found
