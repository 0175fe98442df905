"""Takes a client's hits of a span, gives them in groups by what the newer API can group by, cut by the day; never a group without hits."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from connectors.wallarm.simulation.catalogue import COUNTRIES, address
from connectors.wallarm.simulation.filters import RefusedError
from connectors.wallarm.simulation.render import Place, Renderer
from connectors.wallarm.simulation.rule import Hits
from connectors.wallarm.simulation.settings import DAY_SECS

FIELDS = ("attack_type", "host", "path", "method", "parameter", "source_ip", "status_code", "block_status", "attack")
PRESETS: Mapping[str, tuple[str, ...]] = {
    "none": ("attack",),
    "type": ("attack_type",),
    "default": ("attack_type", "parameter", "host"),
    "source_ip": ("source_ip",),
}
OPERATORS = ("=", "!=", "in")
_CELL = tuple[int, int, int, int, int, int]
"""What the hits of a cell share: day, campaign, key, attack, sender and status."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which hits, in which groups.

    Attributes:
        by: The fields to group by; the day always comes first.
        where: The filter tree as it was sent; None for all.
        from_secs: The first epoch second.
        to_secs: The one after the last.
    """

    by: tuple[str, ...]
    where: Mapping[str, Any] | None
    from_secs: int
    to_secs: int


@dataclass(frozen=True, slots=True)
class Group:
    """The hits of one row."""

    day: int
    values: tuple[str, ...]
    hits: Hits


def groups_of(renderer: Renderer, query: Query, now_ms: int) -> list[Group]:
    """Give the groups, the newest day first and within it the largest."""
    found: dict[tuple[int, tuple[str, ...]], list[Hits]] = {}
    for cell, hits in _cells(renderer, query, now_ms):
        told = _told(renderer, cell)
        if query.where is None or is_met(query.where, told):
            found.setdefault((cell[0], tuple(told[field] for field in query.by)), []).append(hits)
    groups = [Group(day, values, _by_time(Hits.joined(parts))) for (day, values), parts in found.items()]
    return sorted(groups, key=lambda group: (-group.day, -len(group.hits), group.values))


def _cells(renderer: Renderer, query: Query, now_ms: int) -> Iterator[tuple[_CELL, Hits]]:
    spans = ((query.from_secs, query.to_secs - 1),)
    for block in renderer.holdings.blocks(now_ms, spans):
        hits = renderer.holdings.seen(block, now_ms, spans)
        columns = np.stack([hits.times // DAY_SECS, hits.campaigns, hits.keys, hits.attacks, hits.senders, hits.statuses])
        cells, whose = np.unique(columns, axis=1, return_inverse=True)
        order = np.argsort(whose, kind="stable")
        ends = np.cumsum(np.bincount(whose, minlength=cells.shape[1]))
        for number, end in enumerate(ends.tolist()):
            begin = int(ends[number - 1]) if number else 0
            day, campaign, key, attack, sender, status = cells[:, number].tolist()
            yield (day, campaign, key, attack, sender, status), hits.pick(order[begin:end])


def _told(renderer: Renderer, cell: _CELL) -> dict[str, str]:
    """Give what the hits of a cell have in each field."""
    _, campaign, key, attack, sender, status = cell
    place = renderer.places[campaign][key]
    return {
        "attack_type": place.type,
        "host": place.domain,
        "path": place.path,
        "method": place.method,
        "parameter": place.parameter,
        "source_ip": address(sender),
        "status_code": str(status),
        "block_status": status_of(place),
        "attack": str(attack),
    }


def status_of(place: Place) -> str:
    """Give what is done with requests to a place, in the vendor's word."""
    return "blocked" if place.blocked else "monitored"


def _by_time(hits: Hits) -> Hits:
    return hits.pick(np.lexsort((hits.numbers, hits.times)))


def is_met(where: Mapping[str, Any], told: Mapping[str, str]) -> bool:
    """Say whether values meet a filter tree.

    Raises:
        RefusedError: The tree is none.
    """
    if where.get("kind") == "group" and isinstance(where.get("children"), list) and where.get("op") in ("and", "or"):
        met = [is_met(child, told) for child in where["children"]]
        return all(met) if where["op"] == "and" else any(met)
    if where.get("kind") != "condition" or where.get("field") not in FIELDS or where.get("op") not in OPERATORS:
        raise RefusedError("where must be a condition or a group; see the schema for fields and operators")
    is_among = told[where["field"]] in [str(value) for value in where.get("values", [])]
    return is_among is (where["op"] != "!=")


def row_of(renderer: Renderer, query: Query, group: Group) -> dict[str, Any]:
    """Write a group as a row, with every metric there is."""
    hits = group.hits
    pairs = sorted({(c, k) for c, k in zip(hits.campaigns.tolist(), hits.keys.tolist(), strict=True)})
    places = [renderer.places[campaign][key] for campaign, key in pairs]
    senders = set(hits.senders.tolist())
    statuses = {status_of(place) for place in places}
    blocked = sum(renderer.places[c][k].blocked for c, k in zip(hits.campaigns.tolist(), hits.keys.tolist(), strict=True))
    shown = {field: value for field, value in zip(query.by, group.values, strict=True) if field != "attack"}
    return {
        "id": packed({"client": renderer.holdings.client, "day": group.day, "values": group.values, "query": _plain(query)}),
        "day": datetime.fromtimestamp(group.day * DAY_SECS, UTC).date().isoformat(),
        **shown,
        "attack_name": f"{places[0].type} on {places[0].domain}",
        "attack_types": sorted({place.type for place in places}),
        "hosts": sorted({place.domain for place in places}),
        "paths": sorted({place.path for place in places}),
        "methods": sorted({place.method for place in places}),
        "countries": sorted({COUNTRIES[sender % len(COUNTRIES)] or "" for sender in senders}),
        "status_codes": sorted(set(hits.statuses.tolist())),
        "requests_count": len(set(hits.requests.tolist())),
        "attack_vectors_count": len(hits),
        "blocked_count": blocked,
        "unique_ips": len(senders),
        "unique_parameters": len({place.parameter for place in places}),
        "status": statuses.pop() if len(statuses) == 1 else "Partially Blocked",
        "min_request_time": int(hits.times[0]) * 1_000,
        "max_request_time": int(hits.times[-1]) * 1_000,
    }


def group_of(renderers: Mapping[int, Renderer], identifier: object, now_ms: int) -> tuple[Renderer, Hits]:
    """Give the hits of the group that a row's id names; none where they are gone.

    Raises:
        RefusedError: It is no row's id.
    """
    told = unpacked(identifier, "group_id")
    try:
        renderer, query = renderers[told["client"]], Query(**told["query"])
        query = Query(tuple(query.by), query.where, query.from_secs, query.to_secs)
        day, values = int(told["day"]), tuple(told["values"])
    except (KeyError, TypeError) as error:
        raise RefusedError("group_id is not valid") from error
    for group in groups_of(renderer, query, now_ms):
        if (group.day, group.values) == (day, values):
            return renderer, group.hits
    return renderer, renderer.holdings.seen(0, now_ms).pick(slice(0, 0))


def _plain(query: Query) -> dict[str, Any]:
    return {"by": list(query.by), "where": query.where, "from_secs": query.from_secs, "to_secs": query.to_secs}


def packed(told: Mapping[str, Any]) -> str:
    """Give an opaque text that holds some values."""
    return b64encode(json.dumps(told, separators=(",", ":")).encode()).decode()


def unpacked(text: object, name: str) -> dict[str, Any]:
    """Read what `packed` wrote.

    Raises:
        RefusedError: It did not write that.
    """
    try:
        told = json.loads(b64decode(str(text), validate=True))
    except ValueError as error:
        raise RefusedError(f"{name} is not valid") from error
    if not isinstance(told, dict):
        raise RefusedError(f"{name} is not valid")
    return told
