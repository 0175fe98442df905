"""Takes calls of the older API, gives the JSON its clients see; objects page by limit and offset, or by a cursor that the last page lacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.wallarm.simulation.cloud import Cloud, Page
from connectors.wallarm.simulation.details import details_of, raw_of
from connectors.wallarm.simulation.filters import Filter, RefusedError
from connectors.wallarm.simulation.gate import Gate, read_body, refuse
from connectors.wallarm.simulation.paging import Paging
from connectors.wallarm.simulation.settings import Settings
from wellhead.testing.faults import Faults

HIT_ORDERS = ("time",)
ATTACK_ORDERS = ("last_time", "first_time")
_OVERLAP = 5
PAGE_FAULTS = {
    "half_json": "The JSON ends in the middle, in an answer that is otherwise whole.",
    "short_page": "The page holds half of what it could, although more is left.",
    "overlap": "The page begins with the last five objects before it.",
    "shuffled": "The objects of the page are not in order.",
    "lost_cursor": "The answer lacks the cursor, although more is left.",
    "stuck_cursor": "The answer bears the cursor that the call came with.",
}


class Legacy:
    """The endpoints under /v1/objects and /v2."""

    def __init__(
        self, settings: Settings, cloud: Callable[[], Cloud], gate: Gate, faults: Faults, now_ms: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._cloud = cloud
        self._gate = gate
        self._faults = faults
        self._now_ms = now_ms

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        posts = {
            "/v1/user": self.user,
            "/v1/objects/hit": self.hits,
            "/v2/objects/hit": self.hits,
            "/v1/objects/hit/count": self.hit_count,
            "/v1/objects/hit/details": self.details,
            "/v1/objects/hit/raw": self.raw,
            "/v1/objects/attack": self.attacks,
            "/v2/objects/attack": self.attacks,
            "/v1/objects/attack/count": self.count,
        }
        routes: list[BaseRoute] = [Route(path, self._gate.guarded(answer), methods=["POST"]) for path, answer in posts.items()]
        return [*routes, Route("/v2/hit/details", self._gate.guarded(self.details_by_query), methods=["GET"])]

    async def user(self, _request: Request) -> Response:
        """Tell whose token it is."""
        client = self._settings.clients[0]
        return JSONResponse(
            {"status": 200, "body": {"id": 17, "client_id": client, "client_name": "Invented", "enabled": True}}
        )

    async def hits(self, request: Request) -> Response:
        """List hits."""
        return await self._listed(request, HIT_ORDERS, self._cloud().hits)

    async def attacks(self, request: Request) -> Response:
        """List attacks."""
        return await self._listed(request, ATTACK_ORDERS, self._cloud().attacks)

    async def hit_count(self, request: Request) -> Response:
        """Count hits."""
        asked, now_ms = self._asked(await read_body(request)), self._now_ms()
        hits = await run_in_threadpool(lambda: sum(len(found) for _, found in self._cloud().chosen(asked, now_ms)))
        return JSONResponse({"status": 200, "body": {"hits": hits}})

    async def count(self, request: Request) -> Response:
        """Count attacks, their hits and the addresses these came from."""
        asked, now_ms = self._asked(await read_body(request)), self._now_ms()

        def counted() -> dict[str, int]:
            attacks, hits, senders = set[tuple[int, int]](), 0, set[int]()
            for renderer, found in self._cloud().chosen(asked, now_ms):
                hits += len(found)
                senders.update(found.senders.tolist())
                attacks.update((renderer.holdings.client, number) for number in set(found.attacks.tolist()))
            return {"attacks": len(attacks), "hits": hits, "ips": len(senders)}

        return JSONResponse({"status": 200, "body": await run_in_threadpool(counted)})

    async def details(self, request: Request) -> Response:
        """Give method, parameter and request line of some hits."""
        asked = self._asked(await read_body(request))
        if "id" not in asked.words and "request_id" not in asked.words:
            raise RefusedError("filter needs id or request_id")
        if len(asked.words.get("id", ())) > self._settings.page_max:
            raise RefusedError(f"at most {self._settings.page_max} ids")
        body = await run_in_threadpool(lambda: list(details_of(self._cloud(), asked, self._now_ms())))
        return JSONResponse({"status": 200, "body": body})

    async def details_by_query(self, request: Request) -> Response:
        """Give them of one hit."""
        asked = Filter.read({"id": [request.query_params.get("id", "")]}, self._settings.clients)
        body = await run_in_threadpool(lambda: list(details_of(self._cloud(), asked, self._now_ms())))
        return JSONResponse({"status": 200, "body": body[0]}) if body else refuse(404, "no such hit")

    async def raw(self, request: Request) -> Response:
        """Give the request of one hit as it was sent."""
        asked = self._asked(await read_body(request))
        text = await run_in_threadpool(lambda: raw_of(self._cloud(), asked, self._now_ms()))
        return refuse(404, "no such hit") if text is None else Response(text, media_type="text/plain")

    def _asked(self, body: dict[str, Any]) -> Filter:
        asked = Filter.read(body.get("filter"), self._settings.clients)
        self._gate.require(asked.clients)
        return asked

    async def _listed(
        self, request: Request, orders: tuple[str, ...], give: Callable[[Filter, Paging, int], Page]
    ) -> Response:  # fmt: skip
        body = await read_body(request)
        asked = self._asked(body)
        paging = Paging.read(body, self._settings, orders)
        now_ms = self._now_ms()
        page = await run_in_threadpool(give, asked, paging, now_ms)
        before = Page([], None)
        if paging.offset and self._faults.take("overlap"):
            before = await run_in_threadpool(give, asked, paging.back(_OVERLAP), now_ms)
        return Response(self._written(paging, page, before, body.get("cursor")), media_type="application/json")

    def _written(self, paging: Paging, page: Page, before: Page, given: object) -> bytes:
        texts, cursor = [*before.texts, *page.texts][: paging.limit], page.cursor
        if len(texts) > 1 and not paging.is_by_cursor and self._faults.take("short_page"):
            texts = texts[: len(texts) // 2]
        if len(texts) > 1 and self._faults.take("shuffled"):
            texts = texts[1::2] + texts[::2]
        if cursor is not None and self._faults.take("lost_cursor"):
            cursor = None
        if cursor is not None and given and self._faults.take("stuck_cursor"):
            cursor = str(given)
        tail = b"" if cursor is None else b',"cursor":' + orjson.dumps(cursor)
        text = b'{"status":200,"body":[' + b",".join(texts) + b"]" + tail + b"}"
        return text[: len(text) // 2] if self._faults.take("half_json") else text
