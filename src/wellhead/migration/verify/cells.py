"""Takes a view, clients and spans, gives the question that counts and adds up each of them at once, and reads its answer; never asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wellhead.migration.copy.clients import Client, number_of
from wellhead.migration.verify import digest
from wellhead.migration.verify.digest import Digest
from wellhead.migration.verify.spans import Span
from wellhead.migration.verify.view import View, month_of

_TYPES_MAX = 1_000
_INDICES_MAX = 1_000
_SUM_TOLERANCE = 1e-9

Key = tuple[Client | None, Span]


@dataclass(frozen=True, slots=True)
class Cell:
    """What one side says of one client and span without giving a document.

    Attributes:
        docs: How many there are.
        types: How many of each type.
        months: How many in each month's index.
        sums: Sums of numbers.
        digest: What their contents add up to; None where nobody asked.
    """

    docs: int = 0
    types: Mapping[str, int] = field(default_factory=dict)
    months: Mapping[str, int] = field(default_factory=dict)
    sums: Mapping[str, float] = field(default_factory=dict)
    digest: Digest | None = None


def differing(left: Cell, right: Cell) -> list[str]:
    """Name what two cells differ in; nothing where they are equal."""
    found = [
        name
        for name, one, other in (
            ("count", left.docs, right.docs),
            ("types", left.types, right.types),
            ("months", left.months, right.months),
        )
        if one != other
    ]
    if left.digest is not None and right.digest is not None and left.digest != right.digest:
        found.append("content")
    return found + [f"sum of {name}" for name, value in left.sums.items() if not _close(value, right.sums.get(name, 0.0))]


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= _SUM_TOLERANCE * max(abs(one), abs(other))


def question(view: View, clients: Sequence[Client | None], spans: Sequence[Span]) -> dict[str, Any]:
    """Give the body of the search that counts in the cells of `clients` and `spans`, which lie in order."""
    inside: dict[str, Any] = {
        "types": {"terms": {"field": view.type, "size": _TYPES_MAX, "shard_size": _TYPES_MAX}},
        **{f"sum {name}": {"sum": {"field": own}} for name, own in view.sums.items()},
    }
    if view.tells_months:
        inside["months"] = {"terms": {"field": "_index", "size": _INDICES_MAX}}
    ranges = [{"key": str(at), **_bounds(view, span)} for at, span in enumerate(spans)]
    by_span = {"spans": {"range": {"field": view.time, "keyed": True, "ranges": ranges}, "aggs": inside}}
    body = _chosen(view, clients, spans)
    if not tells_clients(view, clients):
        return body | {"aggs": by_span}
    by_client = {"terms": {"field": view.client, "size": len(clients), "shard_size": len(clients)}, "aggs": by_span}
    return body | {"aggs": {"clients": by_client}}


def adding_question(
    view: View, clients: Sequence[Client | None], spans: Sequence[Span], adding: Mapping[str, Any]
) -> dict[str, Any]:
    """Give the body of the search that adds up the cells' contents by the digest's aggregation, without any bucket."""
    return _chosen(view, clients, spans) | {"aggs": {digest.NAME: dict(adding)}}


def _chosen(view: View, clients: Sequence[Client | None], spans: Sequence[Span]) -> dict[str, Any]:
    return {"size": 0, "query": view.query(Span(spans[0].first_ms, spans[-1].end_ms), clients)}


def tells_clients(view: View, clients: Sequence[Client | None]) -> bool:
    """Say whether a document itself names which of the clients it belongs to; otherwise they are asked for one by one."""
    return view.client is not None and None not in clients


def _bounds(view: View, span: Span) -> dict[str, int]:
    bounds = view.bounds(span)
    return {"from": bounds["gte"], "to": bounds["lt"]}


def read(view: View, clients: Sequence[Client | None], spans: Sequence[Span], answer: Mapping[str, Any]) -> dict[Key, Cell]:
    """Read the counts of the answer; every client and span has a cell, be it empty.

    Raises:
        ValueError: The answer leaves out values: it is too large to be compared.
    """
    if "spans" in answer:
        (client,) = clients
        return {(client, span): _cell(view, answer["spans"]["buckets"][str(at)]) for at, span in enumerate(spans)}
    found = answer.get("clients", {"buckets": []})["buckets"]
    by_client = {number_of(bucket["key"]): bucket["spans"]["buckets"] for bucket in found}
    cells: dict[Key, Cell] = {}
    for client in clients:
        buckets = by_client.get(client, {})
        cells |= {(client, span): _cell(view, buckets.get(str(at), {})) for at, span in enumerate(spans)}
    return cells


def read_added_up(
    view: View, clients: Sequence[Client | None], spans: Sequence[Span], answer: Mapping[str, Any]
) -> dict[Key, Cell]:
    """Read the digests of the answer; every client and span has a cell, with nothing but the number of its documents beside."""
    added_up = digest.read(answer.get(digest.NAME, {}))
    found = {(number_of(own), at): each for (own, at), each in added_up.items()}
    cells: dict[Key, Cell] = {}
    for client in clients:
        own = client if tells_clients(view, clients) else digest.NOBODY
        for at, span in enumerate(spans):
            each = found.get((own, at), digest.NOTHING)
            cells[client, span] = Cell(each.docs, digest=each)
    return cells


def _cell(view: View, bucket: Mapping[str, Any]) -> Cell:
    docs = int(bucket.get("doc_count", 0))
    if not docs:
        return Cell(sums=dict.fromkeys(view.sums, 0.0))
    months: Counter[str] = Counter()
    for key, count in _counts(bucket.get("months", {})).items():
        months[month_of(key)] += count
    return Cell(
        docs=docs,
        types=_counts(bucket["types"]),
        months=dict(months),
        sums={name: float(bucket[f"sum {name}"]["value"] or 0.0) for name in view.sums},
    )


def _counts(terms: Mapping[str, Any]) -> dict[str, int]:
    if terms.get("sum_other_doc_count"):
        raise ValueError(f"more than {_TYPES_MAX} different values in one client's span")
    return {str(bucket["key"]): int(bucket["doc_count"]) for bucket in terms.get("buckets", ())}
