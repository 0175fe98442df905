"""Takes where a page ends and what was wished, gives an opaque cursor and reads it again; never accepts one of another wish."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Final

import orjson

from wellhead.consumers.attacks.api.filters import digest
from wellhead.rest.contract import ApiError

MOST_CHARS: Final = 1000
_REFUSED: Final = "cursor: is not one of this question's; send the cursor of the last answer with the same filters, or none"

Mark = Sequence[int | str]
"""The sort values of an entry: the next page begins behind it."""


def encode(wish: str, after: Mark) -> str:
    """Give the cursor of the page behind `after`."""
    return base64.urlsafe_b64encode(orjson.dumps([digest(wish), *after])).rstrip(b"=").decode()


def decode(text: str, wish: str, kinds: Sequence[type]) -> list[int | str]:
    """Give the mark a cursor holds.

    Args:
        text: What the client sent.
        wish: What it asks for now.
        kinds: The types of the sort values.

    Raises:
        ApiError: 400: it is none, or belongs to another wish.
    """
    try:
        found = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise ApiError(400, _REFUSED) from None
    if not isinstance(found, list) or [type(each) for each in found] != [str, *kinds] or found[0] != digest(wish):
        raise ApiError(400, _REFUSED)
    return found[1:]
