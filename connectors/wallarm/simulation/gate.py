"""Takes every call of the API, lets in those of the one user within the rate, gives the others the refusal their clients know."""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from connectors.wallarm.simulation.filters import RefusedError
from connectors.wallarm.simulation.settings import Settings
from wellhead.testing.faults import Faults

Answer = Callable[[Request], Awaitable[Response]]
GATE_FAULTS = {
    "bare_429": "The answer is 429 without Retry-After.",
    "embedded_500": "The answer is 200, and its envelope says 500.",
    "html_page": "The answer is 200 with a page of HTML that says that the service is being maintained.",
}
_MS_PER_SEC = 1_000


class ForbiddenError(Exception):
    """The call is answered 403."""


class Gate:
    """Who may ask, how often, and the tally of calls by path."""

    def __init__(self, settings: Settings, faults: Faults, now_ms: Callable[[], int]) -> None:
        self.calls: Counter[str] = Counter()
        self._settings = settings
        self._faults = faults
        self._now_ms = now_ms
        self._second = 0
        self._used = 0

    def guarded(self, answer: Answer) -> Answer:
        """Give an endpoint that only the user reaches, and that answers what is wrong with a call."""

        async def guarded(request: Request) -> Response:
            if not self._is_user(request):
                return refuse(401, "not authorized: unknown token")
            if not self._is_within_rate():
                return self.too_many(1)
            self.calls[request.url.path] += 1
            if spoiled := self._spoiled():
                return spoiled
            try:
                return await answer(request)
            except RefusedError as refused:
                return refuse(400, str(refused))
            except ForbiddenError as forbidden:
                return refuse(403, str(forbidden))

        return guarded

    def require(self, clients: Iterable[int]) -> None:
        """Refuse clients that the token may not read.

        Raises:
            ForbiddenError: There is one.
        """
        for client in clients:
            if client not in self._settings.clients:
                raise ForbiddenError(f"access to client {client} is denied")

    def too_many(self, wait_secs: int, *, bare: bool = False) -> Response:
        """Give the answer to a call too many."""
        told = self._settings.retry_after and not bare
        return refuse(429, "too many requests", {"Retry-After": str(wait_secs)} if told else None)

    def _is_user(self, request: Request) -> bool:
        headers, settings = request.headers, self._settings
        if hmac.compare_digest(headers.get("X-WallarmAPI-Token", "").encode(), settings.token.encode()):
            return True
        given = f"{headers.get('X-WallarmAPI-UUID', '')}:{headers.get('X-WallarmAPI-Secret', '')}"
        return hmac.compare_digest(given.encode(), f"{settings.uuid}:{settings.secret}".encode())

    def _is_within_rate(self) -> bool:
        second = self._now_ms() // _MS_PER_SEC
        self._used = self._used + 1 if second == self._second else 1
        self._second = second
        return self._settings.requests_per_sec is None or self._used <= self._settings.requests_per_sec

    def _spoiled(self) -> Response | None:
        match self._faults.first(GATE_FAULTS):
            case "bare_429":
                return self.too_many(1, bare=True)
            case "embedded_500":
                return JSONResponse({"status": 500, "body": "internal error"})
            case "html_page":
                return HTMLResponse("<html><body><h1>We are back soon</h1></body></html>")
        return None


def refuse(status: int, told: object, headers: dict[str, str] | None = None) -> JSONResponse:
    """Give an error in the vendor's envelope."""
    return JSONResponse({"status": status, "body": told}, status, headers=headers)


async def read_body(request: Request) -> dict[str, Any]:
    """Give the object that a call's body holds.

    Raises:
        RefusedError: It holds none.
    """
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise RefusedError("the body is not JSON") from error
    if not isinstance(body, dict):
        raise RefusedError("the body must be an object")
    return body
