"""Takes hits as columns, gives each as an attack vector of the newer API; the same hit under other names, and under an id of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from connectors.wallarm.simulation.render import Renderer
from connectors.wallarm.simulation.rule import Hits


def vector_id(renderer: Renderer, number: int, at_secs: int) -> str:
    """Give the 64 hexadecimal digits that name a hit there."""
    return hashlib.sha256(":".join(renderer.holdings.hit_keys.of(number, at_secs)).encode()).hexdigest()


def vectors_of(renderer: Renderer, hits: Hits) -> Iterator[dict[str, Any]]:
    """Write hits so."""
    columns = zip(
        renderer.sound(hits), hits.numbers.tolist(), hits.times.tolist(), hits.campaigns.tolist(), hits.keys.tolist(), strict=True
    )  # fmt: skip
    for told, number, time, campaign, key in columns:
        place = renderer.places[campaign][key]
        is_v6 = ":" in told["ip"]
        yield {
            "vector_id": vector_id(renderer, number, time),
            "request_id": told["request_id"],
            "client_id": renderer.holdings.client,
            "application_id": -1,
            "type": place.type,
            "point": json.dumps(place.point, separators=(",", ":")),
            "value": told["value"],
            "stamps": told["stamps"],
            "stamps_hash": told["stamps_hash"],
            "host": place.domain,
            "path": place.path,
            "normalized_host": place.domain,
            "normalized_path": place.path,
            "scheme": "https",
            "method": place.method,
            "protocol": "HTTP/1.1",
            "remote_addr4": "" if is_v6 else told["ip"],
            "remote_addr6": told["ip"] if is_v6 else "",
            "response_status_code": told["statuscode"],
            "request_time": time * 1_000 + number % 1_000,
            "block_status": told["block_status"],
            "known_attack": "",
            "node_uuid": told["node_uuid"],
            "state": "NOT FILLED",
        }
