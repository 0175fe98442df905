"""Takes a client and a span of seconds, reads it by the aggregation API, gives the records by time; never follows a cursor with another body.

The API gives groups, and the attack vectors of each group; a group is known by a text that only the vendor understands. A window is read
whole: hits are all vectors of its groups by type, attacks are its rows without grouping, which the vendor cuts by the day.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal

from connectors.wallarm.answer import Page
from connectors.wallarm.asking import Asking
from connectors.wallarm.decode import Decoded
from connectors.wallarm.grouped import decode_attacks
from connectors.wallarm.pieces import Piece, merged
from connectors.wallarm.vectors import decode_vectors
from connectors.wallarm.windows import Windows
from wellhead import TemporaryError, in_thread

_ROWS, _VECTORS = 100, 1000
_DAY_S = 86_400
_SELECT = (
    "attack_name", "attack_types", "hosts", "paths", "methods", "countries", "status_codes", "requests_count", "attack_vectors_count",
    "blocked_count", "unique_ips", "unique_parameters", "status", "min_request_time", "max_request_time",
)  # fmt: skip


class Aggregated:
    """The API of `/v1/client/ID/attack-vectors`.

    Args:
        asking: The vendor.
        kind: What is read of it.
        window_s: Seconds a query spans at first.
    """

    def __init__(self, asking: Asking, kind: Literal["hit", "attack"], window_s: int) -> None:
        self._asking = asking
        self._kind = kind
        self._windows = Windows(window_s)

    async def pieces(self, client: int, from_s: int, to_s: int) -> AsyncIterator[Piece]:
        """Yield what the vendor has of a client from one second to another, both included."""
        read = self._vectors if self._kind == "hit" else self._attacks
        for begin_s, end_s in self._windows.over(from_s, to_s):
            parts = await read(client, begin_s, end_s)
            if not self._windows.again:
                yield Piece(await in_thread(merged, parts, begin_s, end_s), end_s)

    async def _vectors(self, client: int, begin_s: int, end_s: int) -> list[Decoded]:
        body = {
            "group_by": ["attack_type"],
            "select": ["attack_vectors_count"],
            "time_range": _range(begin_s, end_s),
            "limit": _ROWS,
        }
        parts: list[Decoded] = []
        async for rows in self._followed(client, "security-agg/query", body):
            for row in rows.objects:
                if type(row) is not dict or type(row.get("id")) is not str:
                    raise TemporaryError(
                        f"{rows.call}: a row has no id to ask for its attack vectors with; the window is read again"
                    )
                async for page in self._followed(client, "by-group", {"group_id": row["id"], "limit": _VECTORS}):
                    parts.append(await in_thread(decode_vectors, page, client))
                    if self._windows.too_much(len(page.objects)):
                        return []
        return parts

    async def _attacks(self, client: int, begin_s: int, end_s: int) -> list[Decoded]:
        """Read the rows of the days a window touches: what the vendor counts in a row is what lies in the span it is asked for."""
        body = {"preset": "none", "select": _SELECT, "limit": _ROWS}
        parts: list[Decoded] = []
        for day_s in range(begin_s // _DAY_S * _DAY_S, end_s + 1, _DAY_S):
            span = {"time_range": _range(day_s, min(day_s + _DAY_S - 1, end_s))}
            async for page in self._followed(client, "security-agg/query", body | span):
                parts += [await in_thread(decode_attacks, page, client)]
        return parts

    async def _followed(self, client: int, path: str, body: dict[str, Any]) -> AsyncIterator[Page]:
        """Yield pages until one has no cursor; that one, too."""
        tokens: set[str] = set()
        page = await self._page(client, path, body)
        while True:
            yield page
            token = page.follow
            if token is None:
                return
            if token in tokens:
                raise TemporaryError(
                    f"{page.call}: the vendor's cursor leads back to a page that was read; the window is read again"
                )
            tokens.add(token)
            page = await self._page(client, path, body | {"cursor": token})

    async def _page(self, client: int, path: str, body: dict[str, Any]) -> Page:
        return await self._asking.page(f"/v1/client/{client}/attack-vectors/{path}", body, "data", what=f"client {client}")


def _range(from_s: int, to_s: int) -> str:
    """Write a span as the vendor wants it; its end is left out there, so one more second is asked for."""
    return f"{from_s}-{to_s + 1}"
