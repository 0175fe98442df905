"""Takes HTTP requests to the reporting portal, gives the bodies and status codes its clients see, never keeps an archive in memory."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from connectors.wss.simulation.settings import Settings
from connectors.wss.simulation.tenant import Ask, Delivery, Refusal, Tenant
from connectors.wss.simulation.tokens import NONE
from wellhead.testing.faults import Faults
from wellhead.testing.front import EXCHANGE, Exchange

BROKEN_BODY_BYTES = 203
TOO_MANY_REQUESTS = 429
BROKEN_ZIP = b"PK\x03\x04\x14\x00\x00\x00\x00\x00" + bytes(BROKEN_BODY_BYTES)


class Portal:
    """The sync endpoint, for all tenants."""

    def __init__(
        self, settings: Settings, tenants: Callable[[], Mapping[str, Tenant]], faults: Faults, now_ms: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._tenants = tenants
        self._faults = faults
        self._now_ms = now_ms

    async def sync(self, request: Request) -> Response:
        """Answer `GET /reportpod/logs/sync`."""
        tenant = self._tenant_of(request)
        if tenant is None:
            return PlainTextResponse("wrong API credentials", 401)
        ask = read_ask(request.query_params)
        if isinstance(ask, Refusal):
            return refuse(ask, self._settings)
        answer = tenant.answer(ask, self._now_ms(), self._faults)
        if isinstance(answer, Refusal):
            return refuse(answer, self._settings)
        self._follow(tenant, answer, request.scope[EXCHANGE])
        headers = {"Content-Disposition": f'attachment; filename="{answer.archive.file_name}"'} if answer.archive else {}
        return StreamingResponse(body_of(answer), headers=headers, media_type="application/zip")

    async def list(self, request: Request) -> Response:
        """Answer `GET /reportpod/logs/list`, which leaves downloads and `done` as they are; empty, for what stands in an entry is not known."""
        if self._tenant_of(request) is None:
            return PlainTextResponse("wrong API credentials", 401)
        return JSONResponse([])

    def _tenant_of(self, request: Request) -> Tenant | None:
        user = request.headers.get("X-APIUsername") or request.query_params.get("apiUsername", "")
        password = request.headers.get("X-APIPassword") or request.query_params.get("apiPassword", "")
        expected = self._settings.tenants.get(user)
        if expected is None or not hmac.compare_digest(expected.encode(), password.encode()):
            return None
        return self._tenants()[user]

    def _follow(self, tenant: Tenant, answer: Delivery, exchange: Exchange) -> None:
        """Count the download, and move the tenant's state once it went out whole."""

        def ended() -> None:
            tenant.downloads -= 1

        tenant.downloads += 1
        exchange.on_end.append(ended)
        exchange.on_delivered.append(lambda: tenant.delivered(answer, self._now_ms()))


def read_ask(params: Mapping[str, str]) -> Ask | Refusal:
    """Read the query of a request, or say what is wrong with its syntax."""
    dates: list[int] = []
    for name in ("startDate", "endDate"):
        text = params.get(name, "")
        if not (text.isascii() and text.isdigit()):
            return Refusal(400, f"{name} must be epoch milliseconds")
        dates.append(int(text))
    return Ask(dates[0], dates[1], params.get("token") or NONE)


def body_of(answer: Delivery) -> Iterator[bytes]:
    """Give the body: a ZIP or none, then the trailer, unless a fault has it otherwise."""
    trailer = answer.trailer
    if answer.flaw == "broken_zip":
        yield BROKEN_ZIP[: BROKEN_BODY_BYTES - len(trailer)]
    if answer.archive:
        yield from answer.archive.pieces(cut=answer.flaw == "abort")
    if answer.flaw == "half_trailer":
        yield trailer[: len(trailer) // 2]
    elif answer.flaw != "no_trailer":
        yield trailer


def refuse(refusal: Refusal, settings: Settings) -> Response:
    """Give an answer without logs; a 429 says when to come back where the settings have it."""
    wait = refusal.retry_after_secs
    form = settings.retry_after_form if refusal.status == TOO_MANY_REQUESTS else "header"
    headers = {} if wait is None or form == "trailer" else {"Retry-After": str(wait)}
    body = refusal.message + "\r\n"
    if wait is not None and form != "header":
        body += f"Retry-After: {wait}\r\n"
    return PlainTextResponse(body, refusal.status, headers=headers)
