"""Takes a checked wish, gives the search request that answers it, the same for every product and version; never sends it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

from wellhead.consumers.attacks.api.filters import Filters, HitFilters

Json = dict[str, Any]
Sort = Literal["last_time", "id"]
By = Literal[
    "client", "day", "type", "domain", "path", "rule", "method", "parameter", "state", "ip", "country", "status_code", "block_status"
]  # fmt: skip

DAY_MS: Final = 86_400_000
MOST_ATTACKS_OF_AN_ADDRESS: Final = 10_000
# What each shard gives of a ranking: ten times what is shown at most, so that the sums over shards are exact in all but freak cases.
_SHARD_SIZE: Final = 10_000
_SHARED: Final = ("type", "domain", "path", "rule", "method", "parameter")
ATTACK_FIELDS: Final[dict[str, str]] = {
    "client": "client_id", "day": "first_time", "state": "state", **{name: name for name in _SHARED},
}  # fmt: skip
HIT_FIELDS: Final[dict[str, str]] = {
    "client": "client_id", "day": "time", "ip": "ip", "country": "remote_country", "status_code": "status_code",
    "block_status": "block_status", **{name: name for name in _SHARED},
}  # fmt: skip
ATTACK_SORTS: Final[dict[Sort, tuple[tuple[str, type], ...]]] = {
    "last_time": (("last_time", int), ("id", str)),
    "id": (("id", str),),
}
HIT_SORT: Final[tuple[tuple[str, type], ...]] = (("time", int), ("id", str))


def page_request(query: Json, sort: Sequence[tuple[str, type]], after: Sequence[Any] | None, limit: int) -> Json:
    """Give the request for a page, newest first, and one entry beyond it that tells whether there is more."""
    body: Json = {
        "query": query,
        "size": limit + 1,
        "track_total_hits": False,
        # A month without documents has no mapping yet.
        "sort": [{name: {"order": "desc", "unmapped_type": "keyword" if kind is str else "date"}} for name, kind in sort],
    }
    return body if after is None else {**body, "search_after": list(after)}


def attacks_query(filters: Filters, ids: Sequence[str] | None = None, *, begun: bool = False) -> Json:
    """Give the query of attacks.

    Args:
        filters: Which; `ip` is not looked at, since an attack names only its ten busiest addresses: `ids` stands for it.
        ids: Only these, and those that others of these were merged into; None for no such bound.
        begun: Count an attack to the span in which it began, instead of every span it touches.
    """
    found = _shared(filters)
    if begun:
        found += _span("first_time", filters)
    else:
        if filters.from_ms is not None:
            found.append({"range": {"last_time": {"gte": filters.from_ms}}})
        if filters.to_ms is not None:
            found.append({"range": {"first_time": {"lt": filters.to_ms}}})
    if ids is not None:
        found.append({"bool": {"should": [_any("id", ids), _any("merged", ids)], "minimum_should_match": 1}})
    if filters.state:
        return {"bool": {"filter": [*found, _any("state", filters.state)]}}
    return {"bool": {"filter": found, "must_not": [_any("state", ["merged"])]}}


def hits_query(filters: HitFilters, attack_ids: Sequence[str] | None = None) -> Json:
    """Give the query of hits, of some attacks alone where `attack_ids` says so."""
    found = [*_shared(filters), *_span("time", filters)]
    if filters.ip:
        found.append(_any("ip", filters.ip))
    if attack_ids is not None:
        found.append(_any("attack_id", attack_ids))
    return {"bool": {"filter": found}}


def ids_request(filters: HitFilters) -> Json:
    """Give the request for the ids of the attacks that the addresses of a wish took part in, within its clients and span."""
    only = HitFilters(client=filters.client, from_ms=filters.from_ms, to_ms=filters.to_ms, ip=filters.ip)
    ranked = {"terms": {"field": "attack_id", "size": MOST_ATTACKS_OF_AN_ADDRESS + 1, "order": {"_key": "asc"}}}
    return {"query": hits_query(only), "size": 0, "track_total_hits": False, "aggs": {"by": ranked}}


def named_request(ids: Sequence[str], *, with_merged: bool = False) -> Json:
    """Give the request for attacks by id; with `with_merged` only for what of them others were merged into."""
    found = [_any("id", ids), *([{"exists": {"field": "merged"}}] if with_merged else [])]
    return {"query": {"bool": {"filter": found}}, "size": len(ids), "track_total_hits": False}


def count_request(query: Json, field: str | None, top: int, keys: Sequence[Any] | None = None) -> Json:
    """Give the request for how many there are, in all and by a field.

    Args:
        query: Which.
        field: What they are counted by: a time means by day (UTC); None for no field.
        top: Most values; of days all are given.
        keys: Only these values.
    """
    body: Json = {"query": query, "size": 0, "track_total_hits": True}
    if field is None:
        return body
    if field in ("time", "first_time"):
        # A histogram of numbers, since the products disagree on how a calendar's is written.
        return {**body, "aggs": {"by": {"histogram": {"field": field, "interval": DAY_MS, "min_doc_count": 1}}}}
    ranked: Json = {"field": field, "size": top, "shard_size": _SHARD_SIZE, "order": [{"_count": "desc"}, {"_key": "asc"}]}
    return {**body, "aggs": {"by": {"terms": ranked if keys is None else {**ranked, "include": list(keys)}}}}


def _shared(filters: HitFilters) -> list[Json]:
    found = [
        _any(field, values)
        for field, values in (
            ("client_id", filters.client),
            ("type", filters.type),
            ("domain", filters.domain),
            ("path", filters.path),
            ("rule", filters.rule),
        )
        if values
    ]
    return found if filters.path_prefix is None else [*found, {"prefix": {"path": filters.path_prefix}}]


def _span(field: str, filters: HitFilters) -> list[Json]:
    bounds = {"gte": filters.from_ms, "lt": filters.to_ms}
    given = {word: value for word, value in bounds.items() if value is not None}
    return [{"range": {field: given}}] if given else []


def _any(field: str, values: Sequence[Any]) -> Json:
    return {"terms": {field: list(values)}}
