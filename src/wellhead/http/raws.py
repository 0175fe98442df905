"""Takes the text of a page, gives each of its objects as the vendor sent it, byte for byte; never reads a page that is not JSON.

Only a page with a broken object on it is read this way, since it is far slower than parsing it.
"""

from __future__ import annotations

import json
import re

_BLANK = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def raw_objects(text: str, name: str) -> list[str]:
    """Give the text of every item of the list that stands under `name` at the top level.

    >>> raw_objects('{"status": 200, "body": [{"id": 1.0}, 7]}', "body")
    ['{"id": 1.0}', '7']
    """
    found: list[str] = []
    at = _skip(text, 0) + 1
    while text[(at := _skip(text, at))] != "}":
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
        if key == name and text[at] == "[":
            found, at = _items(text, at)
        else:
            _, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        at += text[at] == ","
    return found


def _items(text: str, at: int) -> tuple[list[str], int]:
    items = []
    at = _skip(text, at + 1)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        items.append(text[at:end])
        at = _skip(text, end)
        at = _skip(text, at + (text[at] == ","))
    return items, at + 1


def _skip(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return at if blank is None else blank.end()
