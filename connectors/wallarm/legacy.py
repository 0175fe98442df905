"""Takes a client and a span of seconds, reads it by the legacy API, gives the records by time; never skips one that stood there when it was asked for.

By `limit` and `offset` a page is asked for from the last second of the one before on, that second included, so that neither equal times at its
edge nor records that come about meanwhile move anything out of sight; an offset counts only within one second that fills a page.
By `paging` and `cursor` the vendor gives 100 records a page, the newest first; a window is read whole and then given by time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from connectors.wallarm.answer import Page
from connectors.wallarm.asking import Asking
from connectors.wallarm.decode import Decoded
from connectors.wallarm.pieces import Piece, merged, until
from connectors.wallarm.windows import Windows
from wellhead import TemporaryError, in_thread

_CURSOR_PAGE = 100


@dataclass(frozen=True, slots=True)
class Kind:
    """What is read.

    Attributes:
        name: The vendor's word for it.
        order: The field it is ordered by.
        decode: Gives the records of a page.
    """

    name: Literal["hit", "attack"]
    order: Literal["time", "last_time"]
    decode: Callable[[Page, int], Decoded]


class Legacy:
    """The API of `/v1/objects`.

    Args:
        asking: The vendor.
        kind: What is read of it.
        paging: How.
        limit: Records a page; by cursor it is the vendor's 100.
        window_s: Seconds a request spans at first.
    """

    def __init__(self, asking: Asking, kind: Kind, paging: Literal["offset", "cursor"], limit: int, window_s: int) -> None:
        self._asking = asking
        self._kind = kind
        self._paging = paging
        self._limit = limit if paging == "offset" else _CURSOR_PAGE
        self._windows = Windows(window_s)

    async def pieces(self, client: int, from_s: int, to_s: int) -> AsyncIterator[Piece]:
        """Yield what the vendor has of a client from one second to another, both included."""
        read = self._by_offset if self._paging == "offset" else self._by_cursor
        for begin_s, end_s in self._windows.over(from_s, to_s):
            async for piece in read(client, begin_s, end_s):
                yield piece
            if not self._windows.again:
                yield Piece(None, end_s)

    async def _by_offset(self, client: int, begin_s: int, end_s: int) -> AsyncIterator[Piece]:
        """Read until a page is empty: a short one may be all that the vendor gives at once."""
        pos_s, offset = begin_s, 0
        given: dict[str | bytes, int | None] = {}
        while True:
            page = await self._page(client, pos_s, end_s, {"limit": self._limit, "offset": offset})
            count = len(page.objects)
            self._windows.found(count)
            if not count:
                return
            decoded = await in_thread(self._kind.decode, page, client)
            given |= _named(decoded)
            last_s, in_order = _last(decoded.moments)
            if in_order and last_s is not None and last_s > pos_s:
                pos_s, given = last_s, {name: second for name, second in given.items() if second == last_s}
                offset = 0 if count >= self._limit else len(given)
            else:
                offset = len(given)
            over = in_order and last_s is not None and last_s > end_s
            yield Piece(until(decoded, end_s), end_s if over else pos_s)
            if over:
                return

    async def _by_cursor(self, client: int, begin_s: int, end_s: int) -> AsyncIterator[Piece]:
        parts: list[Decoded] = []
        names: set[str | bytes] = set()
        token: str | None = None
        tokens: set[str] = set()
        to_s = end_s
        while True:
            page = await self._page(client, begin_s, to_s, {"limit": self._limit, "offset": 0, "paging": True}, token)
            decoded = await in_thread(self._kind.decode, page, client)
            if self._windows.too_much(len(page.objects)):
                return
            # The last page has no cursor, and records all the same.
            parts.append(decoded)
            found, token = _named(decoded), page.follow
            if token is not None and token in tokens:
                raise TemporaryError(
                    f"{page.call}: the vendor's cursor leads back to a page that was read; the window is read again"
                )
            if token is None and (len(page.objects) < self._limit or found.keys() <= names):
                break
            if token is None:
                # A full page may be the last one, or have lost its cursor: what is older is asked for anew.
                to_s = min((moment for moment in decoded.moments if moment is not None), default=begin_s)
            else:
                tokens.add(token)
            names |= found.keys()
        yield Piece(await in_thread(merged, parts, begin_s, end_s), end_s)

    async def _page(self, client: int, from_s: int, to_s: int, paging: dict[str, Any], token: str | None = None) -> Page:
        body: dict[str, Any] = {
            "filter": {"clientid": [client] if self._kind.name == "attack" else client, "time": [[from_s, to_s]]},
            "order_by": self._kind.order,
            "order_desc": self._paging == "cursor",
            **paging,
        }
        if token is not None:
            body["cursor"] = token
        return await self._asking.page(
            f"/v1/objects/{self._kind.name}", body, "body", what=f"{self._kind.name}s of client {client}"
        )


def _last(moments: Sequence[int | None]) -> tuple[int | None, bool]:
    """Give the last second on a page, and whether the page is in the order of its seconds."""
    seconds = [moment for moment in moments if moment is not None]
    return max(seconds, default=None), all(before <= after for before, after in pairwise(seconds))


def _named(decoded: Decoded) -> dict[str | bytes, int | None]:
    """Give what names each object of a page, records and rejects, with its second."""
    named: dict[str | bytes, int | None] = dict(zip(decoded.names, decoded.seconds, strict=True))
    for reject, place in zip(decoded.rejects, decoded.reject_places, strict=True):
        named[reject.raw] = decoded.moments[place]
    return named
