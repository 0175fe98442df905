"""Takes a store's raw answer, gives what the API says of it, the same for every product and version; never takes a part for the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from wellhead.consumers.attacks.api.requests import By, Json
from wellhead.errors import TemporaryError

Tally = tuple[int, list[tuple[Any, int]], bool]
"""How many there are in all, how many of each value, and whether the store was sure of the values."""


def whole(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give a store's answer back.

    Raises:
        TemporaryError: Some of its shards did not answer, so what it says is not all there is.
    """
    shards = raw.get("_shards", {})
    if raw.get("timed_out") or shards.get("failed"):
        told = (
            f"{shards.get('failed', 0)} of {shards.get('total', 0)} shards failed"
            if shards.get("failed")
            else "it ran out of time"
        )
        raise TemporaryError(f"the store answered only in part: {told}; ask again, and look at its cluster health")
    return raw


def documents(raw: Mapping[str, Any]) -> list[Json]:
    """Give the documents found, in the store's order."""
    return [hit["_source"] for hit in whole(raw)["hits"]["hits"]]


def page(raw: Mapping[str, Any], limit: int) -> tuple[list[Json], list[Any] | None]:
    """Give at most `limit` documents, and the sort values of the last one where there are more."""
    found = whole(raw)["hits"]["hits"]
    after = found[limit - 1]["sort"] if len(found) > limit else None
    return [hit["_source"] for hit in found[:limit]], after


def keys(raw: Mapping[str, Any]) -> list[Any]:
    """Give the values a ranking found."""
    return [bucket["key"] for bucket in whole(raw).get("aggregations", {}).get("by", {}).get("buckets", ())]


def total(raw: Mapping[str, Any]) -> int:
    """Give how many documents match; newer products say it as an object."""
    found = whole(raw)["hits"]["total"]
    return int(found["value"] if isinstance(found, Mapping) else found)


def tally(raw: Mapping[str, Any], by: By | None) -> Tally:
    """Give what a request for counts found."""
    ranked = whole(raw).get("aggregations", {}).get("by", {})
    counted = [
        (_day(bucket["key"]) if by == "day" else bucket["key"], bucket["doc_count"]) for bucket in ranked.get("buckets", ())
    ]
    return total(raw), counted, not ranked.get("doc_count_error_upper_bound")


def counts(by: By | None, top: int, attacks: Tally | None, hits: Tally | None) -> Json:
    """Give the answer to a question for counts, of attacks, of hits or of both; a side that was not asked is null."""
    sides = {"attacks": attacks, "hits": hits}
    of = {name: dict(side[1]) for name, side in sides.items() if side is not None}
    leading = of.get("hits", of.get("attacks", {}))
    values = {value for counted in of.values() for value in counted}
    if by == "day":
        shown: Sequence[Any] = sorted(values, reverse=True)[:top]
    else:
        shown = sorted(values, key=lambda value: (-leading.get(value, 0), value))[:top]
    listed = [{"value": value, **{name: of[name].get(value, 0) if name in of else None for name in sides}} for value in shown]
    answer: Json = {"by": by, **{name: None if side is None else side[0] for name, side in sides.items()}}
    if by is None:
        return answer
    others = {
        name: None if side is None else side[0] - sum(of[name].get(value, 0) for value in shown) for name, side in sides.items()
    }
    return {**answer, "counts": listed, "others": others, "exact": all(side is None or side[2] for side in sides.values())}


def _day(moment_ms: float) -> str:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).date().isoformat()
