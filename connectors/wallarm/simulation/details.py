"""Takes hits that a call names, gives what the vendor tells only when asked for each: method, parameter and the request itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.wallarm.simulation.cloud import Cloud
from connectors.wallarm.simulation.filters import Filter
from connectors.wallarm.simulation.render import Place, Renderer
from connectors.wallarm.simulation.rule import Hits


def details_of(cloud: Cloud, asked: Filter, now_ms: int) -> Iterator[dict[str, Any]]:
    """Give the details of the hits that are asked for."""
    for renderer, hits in _named(cloud, asked, now_ms):
        for told, place in zip(renderer.told(hits), _places(renderer, hits), strict=True):
            headers = {"HOST": place.domain, "USER-AGENT": "curl/8.5.0", "X-FORWARDED-FOR": told["ip"]}
            yield {
                "id": told.get("id"),
                "request_id": told.get("request_id"),
                "parameter": place.parameter,
                "raw": {"method": place.method, "uri": place.path, "proto": "1.1", "headers": headers},
            }


def raw_of(cloud: Cloud, asked: Filter, now_ms: int) -> str | None:
    """Give the request of the first hit that is asked for; None where there is none."""
    for renderer, hits in _named(cloud, asked, now_ms):
        place = next(iter(_places(renderer, hits)))
        value = next(renderer.told(hits)).get("value", "")
        return f"{place.method} {place.path} HTTP/1.1\r\nHost: {place.domain}\r\nUser-Agent: curl/8.5.0\r\n\r\n{value}"
    return None


def _named(cloud: Cloud, asked: Filter, now_ms: int) -> Iterator[tuple[Renderer, Hits]]:
    """Give the hits; those named by their ids without looking through all."""
    if "id" not in asked.words:
        yield from cloud.chosen(asked, now_ms)
        return
    for renderer in (cloud.renderers[client] for client in asked.clients):
        for identifier in asked.words["id"]:
            number = renderer.holdings.hit_keys.number(identifier)
            hits = renderer.holdings.one(-1 if number is None else number, now_ms)
            mask: NDArray[np.bool_] | None = asked.mask(hits, renderer)
            if len(hits) and (mask is None or mask.all()):
                yield renderer, hits


def _places(renderer: Renderer, hits: Hits) -> Iterator[Place]:
    for campaign, key in zip(hits.campaigns.tolist(), hits.keys.tolist(), strict=True):
        yield renderer.places[campaign][key]
