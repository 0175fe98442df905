"""Replays the recorded exchanges of a real Kafka Connect, adapted to a connector of ours, against any server.

The recorded facts stand in `tests/unit/rest/golden/exchanges.json`: what was asked, what Connect answered, and where ours is
deliberately another answer, by which of `wellhead.rest.differences` and what it is. In what is expected, `<text>` inside a text
stands for any text, and these alone for more: `<any>`, `<number>`, `<cursor>`; mappings may have `<more>` (further keys are
fine), `<each>` (what every item of a list is), `<values>` (what every value is), `<contains>` (items among others), `<set>` (in
any order).
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

FILE = Path(__file__).parents[1] / "unit/rest/golden/exchanges.json"
_ANYTHING = re.compile(r"<[a-z][a-z ]*>", re.IGNORECASE)


def exchanges(fill: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Give the exchanges in order, with `{vendor}`, `{username}`, `{password}`, `{wrong_password}` and `{prefix}` filled in."""
    text = FILE.read_text()
    for place, value in (fill or {}).items():
        text = text.replace("{" + place + "}", value)
    found: list[dict[str, Any]] = json.loads(text)
    return found


def expected(exchange: Mapping[str, Any]) -> dict[str, Any]:
    """Give what ours is to answer: what Connect did, where nothing says otherwise."""
    return {**exchange["recorded"], **exchange.get("ours", {})}


async def replay(client: httpx.AsyncClient, fill: Mapping[str, str], *, patience_secs: float = 0) -> list[str]:
    """Send every exchange in order, give what was not as expected.

    Args:
        client: Its base URL is the server.
        fill: The vendor's address, user and passwords, and what stands before every topic.
        patience_secs: How long an answer that tells of something under way is asked for again.
    """
    wrong = []
    for exchange in exchanges(fill):
        given_up = time.monotonic() + (patience_secs if exchange.get("eventually") else 0)
        while differs := await _differs(client, exchange):
            if time.monotonic() >= given_up:
                wrong.append(f"{exchange['id']}: {differs}")
                break
            await asyncio.sleep(0.1)
    return wrong


async def _differs(client: httpx.AsyncClient, exchange: Mapping[str, Any]) -> str:
    asked, wanted = exchange["request"], expected(exchange)
    body = asked.get("body")
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode() if body is not None else None
    headers = {"content-type": asked["content_type"]} if "content_type" in asked else {}
    answer = await client.request(asked["method"], asked["path"], content=content, headers=headers)
    if answer.status_code != wanted["status"]:
        return f"status {answer.status_code} instead of {wanted['status']}: {answer.text}"
    told = {name: value for name, value in answer.headers.items() if name in {"location", "content-type"}}
    wanted_headers = {
        name: value.replace("<base>", str(client.base_url).rstrip("/")) for name, value in wanted["headers"].items()
    }
    if told != wanted_headers:
        return f"headers {told} instead of {wanted_headers}"
    return mismatch(wanted["body"], answer.json() if answer.content else None)


def mismatch(wanted: Any, got: Any, where: str = "body") -> str:
    """Give the first place where `got` is not what is wanted, or nothing."""
    if isinstance(wanted, str) and _ANYTHING.search(wanted):
        return "" if _stands_for(wanted, got) else f"{where}: {got!r} instead of {wanted!r}"
    if isinstance(wanted, dict) and "<set>" in wanted:
        return "" if sorted(wanted["<set>"]) == sorted(got) else f"{where}: {got!r} instead of {wanted!r}"
    if isinstance(wanted, dict) and "<each>" in wanted:
        return _in_list(wanted, got, where)
    if isinstance(wanted, dict) and "<values>" in wanted and isinstance(got, dict):
        return next(filter(None, (mismatch(wanted["<values>"], got[key], f"{where}.{key}") for key in got)), "")
    if isinstance(wanted, dict) and isinstance(got, dict):
        keys = wanted.keys() - {"<more>"}
        if keys - got.keys() or ("<more>" not in wanted and got.keys() - keys):
            return f"{where}: keys {sorted(got)} instead of {sorted(keys)}"
        return next(filter(None, (mismatch(wanted[key], got[key], f"{where}.{key}") for key in keys)), "")
    if isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        return next(
            filter(None, (mismatch(*pair, f"{where}[{at}]") for at, pair in enumerate(zip(wanted, got, strict=True)))), ""
        )
    return "" if type(wanted) is type(got) and wanted == got else f"{where}: {got!r} instead of {wanted!r}"


def _stands_for(wanted: str, got: Any) -> bool:
    if wanted == "<any>":
        return True
    if wanted == "<number>":
        return isinstance(got, int)
    if wanted == "<cursor>":
        return isinstance(got, dict) and bool(got)
    pattern = "(.|\n)+".join(map(re.escape, _ANYTHING.split(wanted)))
    return isinstance(got, str) and re.fullmatch(pattern, got) is not None


def _in_list(wanted: Mapping[str, Any], got: Any, where: str) -> str:
    if not isinstance(got, list) or not got:
        return f"{where}: {got!r} instead of a list"
    odd = next(filter(None, (mismatch(wanted["<each>"], item, where) for item in got)), "")
    missing = [each for each in wanted.get("<contains>", ()) if all(mismatch(each, item) for item in got)]
    return odd or (f"{where}: none is {missing[0]}" if missing else "")
