"""Takes HTTP calls of the intelligence endpoint, gives the JSON its clients see, never an indicator that is not visible yet."""

from __future__ import annotations

import hmac
import threading
from collections import Counter
from collections.abc import Callable
from random import Random
from urllib.parse import urlencode

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from connectors.threatstream.simulation.holdings import Entry, Holdings, Page
from connectors.threatstream.simulation.query import Ask, RefusedError, read_ask
from connectors.threatstream.simulation.quota import Quota
from connectors.threatstream.simulation.rule import Moment
from connectors.threatstream.simulation.settings import Settings
from wellhead.testing.faults import Faults

PATH = "/api/v2/intelligence/"
FOREIGN_HOST = "https://elsewhere.example"
_PLACES = ("update_id__gt", "update_id__gte", "search_after", "from_update_id", "offset")
_OVERLAP = 5

VENDOR_FAULTS = {
    "half_json": "The JSON ends in the middle, in an answer that is otherwise whole.",
    "html_page": "The answer is 200 with a page of HTML that says that the service is being maintained.",
    "embedded_429": "The answer is 207, with a 429 among its errors and no objects.",
    "bare_429": "The answer is 429 without Retry-After.",
    "stuck_next": "meta.next holds the place that the call came with.",
    "stale_page": "The page holds only indicators that the call's place has passed, and meta.next goes on all the same.",
    "overlap": "The page begins with the last five indicators before the call's place.",
    "shuffled": "The indicators of the page are not in order.",
    "lost_next": "meta.next is null although more is left.",
    "empty_page": "The page is empty and the last one, although more is left.",
    "foreign_next": "meta.next leads to another host.",
}
_FACES = ("stuck_next", "stale_page", "overlap", "shuffled", "lost_next", "empty_page", "foreign_next")


class Api:
    """The endpoint, with the quota and the tally of calls by type."""

    def __init__(self, settings: Settings, holdings: Holdings, faults: Faults, at: Callable[[], Moment]) -> None:
        self.quota = Quota(settings)
        self.calls: Counter[str] = Counter()
        self._settings = settings
        self._holdings = holdings
        self._faults = faults
        self._at = at
        self._lock = threading.Lock()

    async def intelligence(self, request: Request) -> Response:
        """Answer `GET /api/v2/intelligence/`."""
        if not self._is_user(request):
            return JSONResponse({"error": "invalid username or api key"}, 401)
        at = self._at()
        left = self.quota.take(at.now_ms)
        headers = self.quota.headers(left)
        if left is not None and not left.is_in:
            return self.too_many(left.reset_secs, headers, embedded=self._settings.quota_form == "207")
        params = dict(request.query_params)
        with self._lock:
            self.calls[params.get("type", "(all)")] += 1
        if spoiled := self._spoiled(headers):
            return spoiled
        try:
            ask = read_ask(params, self._settings, self._holdings.update_ids)
        except RefusedError as refused:
            return JSONResponse({"error": str(refused)}, 400, headers=headers)
        body = await run_in_threadpool(self._body, ask, at, f"{request.url.scheme}://{request.url.netloc}")
        return Response(body, media_type="application/json", headers=headers)

    def too_many(self, wait_secs: int, headers: dict[str, str], *, embedded: bool = False, bare: bool = False) -> Response:
        """Give the answer to a call too many."""
        if self._settings.retry_after and not bare:
            headers = headers | {"Retry-After": str(wait_secs)}
        if embedded:
            errors = [{"code": 429, "message": "API rate limit exceeded"}]
            return JSONResponse({"errors": errors, "meta": {}, "resources": []}, 207, headers=headers)
        return JSONResponse({"error": "API rate limit exceeded"}, 429, headers=headers)

    def _is_user(self, request: Request) -> bool:
        expected = f"{self._settings.username}:{self._settings.api_key}"
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "apikey":
            given = f"{request.query_params.get('username', '')}:{request.query_params.get('api_key', '')}"
        return hmac.compare_digest(expected.encode(), given.strip().encode())

    def _spoiled(self, headers: dict[str, str]) -> Response | None:
        wait_secs = self._settings.retry_after_secs
        match self._faults.first(("embedded_429", "bare_429", "html_page")):
            case "embedded_429":
                return self.too_many(wait_secs, headers, embedded=True)
            case "bare_429":
                return self.too_many(wait_secs, headers, bare=True)
            case "html_page":
                return HTMLResponse("<html><body><h1>We are back soon</h1></body></html>", 200, headers=headers)
        return None

    def _body(self, ask: Ask, at: Moment, base: str) -> bytes:
        page = self._holdings.page(ask, at)
        fault = self._faults.first(_FACES) or ""
        entries = self._shown(ask, at, page, fault)
        following = self._next(ask, page, fault, base)
        meta = {"limit": ask.limit, "offset": ask.offset, "total_count": page.total, "took": 17, "next": following}
        body = b'{"meta":%b,"objects":[%b]}' % (orjson.dumps(meta), b",".join([entry.text for entry in entries]))
        return body[: len(body) // 2] if self._faults.take("half_json") else body

    def _shown(self, ask: Ask, at: Moment, page: Page, fault: str) -> list[Entry]:
        if fault == "empty_page":
            return []
        if fault == "stale_page":
            return self._holdings.last_before(ask, at, ask.limit)
        if fault == "overlap":
            return (self._holdings.last_before(ask, at, _OVERLAP) + page.entries)[: ask.limit]
        if fault == "shuffled":
            return Random(len(page.entries)).sample(page.entries, len(page.entries))  # noqa: S311 - chance that must repeat
        return page.entries

    def _next(self, ask: Ask, page: Page, fault: str, base: str) -> str | None:
        """Give meta.next: None on the last page."""
        if fault in ("lost_next", "empty_page") or page.total <= ask.offset + len(page.entries) or not page.entries:
            return None
        place = self._place(ask, page, fault)
        keep = {name: value for name, value in ask.params.items() if name not in _PLACES}
        if ask.by_uid and self._settings.next_token == "search_after":  # noqa: S105 - a parameter's name
            # As the vendor does: the query as it came, and the place beside it.
            keep = {name: value for name, value in ask.params.items() if name not in ("search_after", "offset")}
        path = f"{PATH}?{urlencode(keep | place)}"
        if fault == "foreign_next":
            return FOREIGN_HOST + path
        return base + path if self._settings.next_form == "absolute" else path

    def _place(self, ask: Ask, page: Page, fault: str) -> dict[str, str]:
        last = page.entries[-1]
        if not ask.by_uid:
            return {"search_after": f"{last.modified_ms},{last.id}"}
        uid = {"stuck_next": ask.cursor, "stale_page": ask.cursor + 1}.get(fault, last.uid)
        if fault == "overlap":
            uid = page.entries[: ask.limit - _OVERLAP][-1].uid if len(page.entries) > ask.limit - _OVERLAP > 0 else last.uid
        return {self._settings.next_token: str(uid)}
