"""Takes the paging words of a legacy call, gives which objects of an ordered reading it asks for, and the cursor to the next; never reads on for nothing."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, replace

from connectors.wallarm.simulation.filters import RefusedError
from connectors.wallarm.simulation.settings import Settings

CURSOR_PAGE = 100


@dataclass(frozen=True, slots=True)
class Paging:
    """How a call pages.

    Attributes:
        limit: Most objects it gives.
        offset: How many are passed over.
        newest_first: The order by time.
        order_by: By which time.
        is_by_cursor: Whether the answer bears a cursor while more is left.
        after: Where the cursor stands: a client, a time in epoch seconds and a number; None at the beginning.
    """

    limit: int
    offset: int
    newest_first: bool
    order_by: str
    is_by_cursor: bool = False
    after: tuple[int, int, int] | None = None

    def back(self, many: int) -> Paging:
        """Give the paging of the objects just before it."""
        many = min(many, self.offset)
        return replace(self, limit=many, offset=self.offset - many)

    @classmethod
    def read(cls, body: dict[str, object], settings: Settings, orders: tuple[str, ...]) -> Paging:
        """Read it from a body; the first of `orders` is meant where the call names none."""
        order_by = body.get("order_by", orders[0])
        if order_by not in orders:
            raise RefusedError(f"order_by must be one of {', '.join(orders)}")
        if body.get("paging"):
            return cls(
                CURSOR_PAGE, 0, newest_first=True, order_by=orders[0], is_by_cursor=True, after=_after(body.get("cursor"))
            )
        limit, offset = body.get("limit", CURSOR_PAGE), body.get("offset", 0)
        if not isinstance(limit, int) or not 0 <= limit <= settings.page_max:
            raise RefusedError(f"limit must be between 0 and {settings.page_max}")
        if not isinstance(offset, int) or offset < 0:
            raise RefusedError("offset must be a number, 0 or more")
        if settings.offset_max is not None and offset + limit > settings.offset_max:
            raise RefusedError(f"offset plus limit must be at most {settings.offset_max}")
        return cls(limit, offset, newest_first=bool(body.get("order_desc", False)), order_by=str(order_by))


def cursor_of(client: int, at_secs: int, number: int) -> str:
    """Give the pointer to an object."""
    return base64.b64encode(json.dumps([client, at_secs, number]).encode()).decode()


def _after(cursor: object) -> tuple[int, int, int] | None:
    if cursor in (None, ""):
        return None
    try:
        client, at_secs, number = json.loads(base64.b64decode(str(cursor), validate=True))
        return int(client), int(at_secs), int(number)
    except (binascii.Error, ValueError, TypeError) as error:
        raise RefusedError("cursor is not valid") from error
