"""Takes every request before the API sees it, gives it on with its caller, or refuses it; never lets anybody in unasked."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wellhead.rest.access import Access, is_loopback
from wellhead.rest.answers import of_error
from wellhead.rest.contract import ApiError, Caller

REQUEST_SECS: Final = 90.0  # as Connect
PROBES: Final = frozenset({"/health", "/ready", "/live", "/metrics"})
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Gate:
    """ASGI middleware: rate, size, origin, identity; then HEAD and trailing slashes as Connect's server has them.

    Probes pass with nothing but these last two: they hold no secret and change nothing.
    """

    def __init__(self, app: ASGIApp, access: Access, request_secs: float = REQUEST_SECS) -> None:
        self._app = app
        self._access = access
        self._request_secs = request_secs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answering = _Answering(send, is_head=scope["method"] == "HEAD")
        try:
            await self._pass(_plain(scope), receive, answering)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer and the log the reason
            if not answering.has_begun:
                answer = of_error(error)
                if answer.status_code == 401:  # noqa: PLR2004 - the status that asks for a name
                    for challenge in self._access.challenges():
                        answer.headers.append("www-authenticate", challenge)
                await answer(scope, receive, answering)

    async def _pass(self, scope: Scope, receive: Receive, send: _Answering) -> None:
        if scope["path"] not in PROBES:
            if b"%2f" in scope.get("raw_path", b"").lower():
                raise ApiError(400, "Ambiguous URI path separator")
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            scope["state"]["caller"] = await self._caller(scope, headers)
            receive = _Bounded(receive, self._access.settings.rest_max_body_bytes, headers.get("content-length", ""))
        try:
            async with asyncio.timeout(self._request_secs) as bound:
                await self._app(scope, receive, send)
        except TimeoutError as error:
            if not bound.expired():
                raise
            message = f"Request timed out after {self._request_secs:g} s; what it asked for may still happen"
            raise ApiError(500, message) from error

    async def _caller(self, scope: Scope, headers: Mapping[str, str]) -> Caller:
        address = scope["client"][0] if scope.get("client") else ""
        if not self._access.rate.take(address):
            limit = self._access.settings.rest_max_requests_per_sec
            raise ApiError(429, f"more than {limit:g} requests a second from {address} (rest.max.requests.per.sec)")
        self._check_browser(scope["method"], headers)
        return await self._access.caller(headers, scope["state"].get("peer"), address)

    def _check_browser(self, method: str, headers: Mapping[str, str]) -> None:
        """Refuse what a page of another site makes a browser send."""
        host = _host(headers.get("host", ""))
        if self._access.is_open and host and not self._is_own(host):
            # A name that a stranger lets point here would make his page one of ours.
            raise ApiError(
                403, f"this worker is not known as {host}; ask 127.0.0.1 or localhost, or set rest.advertised.host.name"
            )
        if method in _READS or not _is_foreign(headers):
            return
        allowed = [each.strip() for each in self._access.settings.access_control_allow_origin.split(",")]
        if "*" not in allowed and headers.get("origin") not in allowed:
            raise ApiError(403, "a page of another site may not change anything (access.control.allow.origin)")

    def _is_own(self, host: str) -> bool:
        own = getattr(self._access.settings, "rest_advertised_host_name", None)
        return host == own or is_loopback(host) or _is_address(host)


def _is_foreign(headers: Mapping[str, str]) -> bool:
    """Tell whether a page of another site sent a request, by what its browser says of it; an old one says only where the page is from."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None or origin is None:
        return site in {"cross-site", "same-site"}
    return origin.rpartition("//")[2].lower() != headers.get("host", "").lower()


class _Bounded:
    """Passes a body on until it is longer than allowed."""

    def __init__(self, receive: Receive, most_bytes: int, told: str) -> None:
        self._receive = receive
        self._most_bytes = most_bytes
        self._bytes = 0
        if told.isdigit() and int(told) > most_bytes:
            raise self._too_long()

    async def __call__(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._most_bytes:
            raise self._too_long()
        return message

    def _too_long(self) -> ApiError:
        return ApiError(413, f"the body is longer than {self._most_bytes} bytes (rest.max.body.bytes)")


class _Answering:
    """Passes an answer on, and knows whether it has begun; to HEAD without the body."""

    def __init__(self, send: Send, *, is_head: bool) -> None:
        self.has_begun = False
        self._send = send
        self._is_head = is_head

    async def __call__(self, message: Message) -> None:
        self.has_begun = True
        if self._is_head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)


def _plain(scope: Scope) -> dict[str, Any]:
    """Give a request as the API's routes know it: GET for HEAD, no slash at the end."""
    path = scope["path"]
    return {
        **scope,
        "method": "GET" if scope["method"] == "HEAD" else scope["method"],
        "path": path.rstrip("/") or "/",
        "state": dict(scope.get("state", {})),
    }


def _host(header: str) -> str:
    host, colon, port = header.rpartition(":")
    return (host if colon and port.isdigit() else header).strip("[]").lower()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
