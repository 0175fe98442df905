"""Takes calls of the newer API, gives groups of attack vectors and the vectors of a group; a cursor counts only with the body it was given for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.wallarm.simulation.cloud import Cloud
from connectors.wallarm.simulation.filters import Filter, RefusedError
from connectors.wallarm.simulation.gate import Gate, read_body
from connectors.wallarm.simulation.groups import (
    FIELDS,
    OPERATORS,
    PRESETS,
    Query,
    group_of,
    groups_of,
    packed,
    row_of,
    unpacked,
)
from connectors.wallarm.simulation.holdings import FOREVER
from connectors.wallarm.simulation.settings import DAY_SECS
from connectors.wallarm.simulation.vectors import vectors_of
from wellhead.testing.faults import Faults

_ROWS_MAX, _VECTORS_MAX = 100, 1_000
_LONGEST_SECS = 184 * DAY_SECS
_RELATIVE = re.compile(r"-?(\d+)([hd])")
_ABSOLUTE = re.compile(r"(\d+)-(\d+)")
_BASE = "/v1/client/{client:int}/attack-vectors"


class Aggregation:
    """The endpoints under /v1/client/ID/attack-vectors."""

    def __init__(self, cloud: Callable[[], Cloud], gate: Gate, faults: Faults, now_ms: Callable[[], int]) -> None:
        self._cloud = cloud
        self._gate = gate
        self._faults = faults
        self._now_ms = now_ms

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        guarded = self._gate.guarded
        return [
            Route(f"{_BASE}/security-agg/query/schema", guarded(self.schema), methods=["GET"]),
            Route(f"{_BASE}/security-agg/query", guarded(self.query), methods=["POST"]),
            Route(f"{_BASE}/by-group", guarded(self.by_group), methods=["POST"]),
            Route(f"{_BASE}/by-request", guarded(self.by_request), methods=["POST"]),
        ]

    async def schema(self, request: Request) -> Response:
        """Tell what can be asked for."""
        self._client(request)
        presets = {name: list(fields) for name, fields in PRESETS.items()}
        return JSONResponse(
            {"fields": [field for field in FIELDS if field != "attack"], "operators": OPERATORS, "presets": presets}
        )

    async def query(self, request: Request) -> Response:
        """Give groups, as rows."""
        client, body, now_ms = self._client(request), await read_body(request), self._now_ms()
        limit, skip = _paging(body, _ROWS_MAX)
        query, renderer = _query(body, now_ms), self._cloud().renderers[client]
        groups = await run_in_threadpool(groups_of, renderer, query, now_ms)
        rows = [_selected(row_of(renderer, query, group), body.get("select")) for group in groups[skip : skip + limit]]
        following = _cursor(body, skip + limit) if skip + limit < len(groups) else None
        before = _cursor(body, max(0, skip - limit)) if skip else None
        return self._answer({"data": rows, "next_cursor": following, "prev_cursor": before})

    async def by_group(self, request: Request) -> Response:
        """Give the vectors of a group, the newest first."""
        client, body = self._client(request), await read_body(request)
        limit, skip = _paging(body, _VECTORS_MAX)
        renderer, hits = await run_in_threadpool(group_of, self._cloud().renderers, body.get("group_id"), self._now_ms())
        self._gate.require([renderer.holdings.client])
        if renderer.holdings.client != client:
            raise RefusedError("group_id is another client's")
        newest_first = hits.pick(slice(None, None, -1))
        data = await run_in_threadpool(lambda: list(vectors_of(renderer, newest_first.pick(slice(skip, skip + limit)))))
        return self._answer({"data": data, **_more(body, skip + limit, len(hits))})

    async def by_request(self, request: Request) -> Response:
        """Give the vectors of a request."""
        client, body = self._client(request), await read_body(request)
        limit, skip = _paging(body, _VECTORS_MAX)
        asked = Filter((client,), FOREVER, {"request_id": (body.get("request_id"),)})
        found = await run_in_threadpool(
            lambda: [
                told for renderer, hits in self._cloud().chosen(asked, self._now_ms()) for told in vectors_of(renderer, hits)
            ]
        )
        return self._answer({"data": found[skip : skip + limit], **_more(body, skip + limit, len(found))})

    def _client(self, request: Request) -> int:
        client = int(request.path_params["client"])
        self._gate.require([client])
        return client

    def _answer(self, told: dict[str, Any]) -> Response:
        text = orjson.dumps(told)
        return Response(text[: len(text) // 2] if self._faults.take("half_json") else text, media_type="application/json")


def _query(body: dict[str, Any], now_ms: int) -> Query:
    by, where = body.get("group_by"), body.get("where")
    if by is None:
        by = PRESETS.get(body.get("preset", "default"))
        if by is None:
            raise RefusedError(f"preset must be one of {', '.join(PRESETS)}")
    if not isinstance(by, list | tuple) or not set(by) <= set(FIELDS):
        raise RefusedError("group_by must be a list of fields of the schema")
    if where is not None and not isinstance(where, dict):
        raise RefusedError("where must be a condition or a group")
    from_secs, to_secs = _span(body.get("time_range", "24h"), now_ms // 1_000)
    return Query(tuple(by), where, from_secs, to_secs)


def _span(told: object, now_secs: int) -> tuple[int, int]:
    """Read a time range: so many hours or days until now, or two epoch seconds, the second of them left out."""
    relative, absolute = _RELATIVE.fullmatch(str(told)), _ABSOLUTE.fullmatch(str(told))
    if relative is not None:
        from_secs, to_secs = now_secs - int(relative[1]) * (3_600 if relative[2] == "h" else DAY_SECS), now_secs + 1
    elif absolute is not None:
        from_secs, to_secs = int(absolute[1]), int(absolute[2])
    else:
        raise RefusedError("time_range must be such as -24h, -7d or FROM-TO in epoch seconds")
    if to_secs - from_secs > _LONGEST_SECS:
        raise RefusedError("time_range must be 6 months at most")
    return from_secs, to_secs


def _selected(row: dict[str, Any], select: object) -> dict[str, Any]:
    if not isinstance(select, list):
        return row
    kept = {"id", "day", *select, *FIELDS}
    return {name: value for name, value in row.items() if name in kept}


def _paging(body: dict[str, Any], most: int) -> tuple[int, int]:
    """Give the limit, and how many objects the cursor passes over."""
    limit = body.get("limit", _ROWS_MAX)
    if not isinstance(limit, int) or not 1 <= limit <= most:
        raise RefusedError(f"limit must be between 1 and {most}")
    if body.get("cursor") in (None, ""):
        return limit, 0
    told = unpacked(body["cursor"], "cursor")
    if told.get("body") != _digest(body):
        raise RefusedError("cursor does not belong to this request")
    return limit, int(told.get("skip", 0))


def _cursor(body: dict[str, Any], skip: int) -> str:
    return packed({"body": _digest(body), "skip": skip})


def _more(body: dict[str, Any], skip: int, count: int) -> dict[str, Any]:
    return {"has_more": True, "cursor": _cursor(body, skip)} if skip < count else {"has_more": False}


def _digest(body: dict[str, Any]) -> str:
    rest = {name: value for name, value in body.items() if name != "cursor"}
    return hashlib.sha256(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
