"""Takes a request, gives the open answer after redirects on the same host, never carries anything to another host."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from wellhead.config.http import HttpSettings
from wellhead.errors import PermanentError
from wellhead.http.transport import LedgerTransport

MAX_REDIRECTS = 5


def open_client(settings: HttpSettings, transport: LedgerTransport) -> httpx.AsyncClient:
    """Give an httpx client that keeps no cookies (tenants share it), reads no environment and follows nothing by itself."""
    idle, connect = settings.read_timeout_secs, settings.connect_timeout_secs
    return httpx.AsyncClient(
        transport=transport,
        timeout=httpx.Timeout(connect=connect, read=idle, write=idle, pool=None),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        headers={"user-agent": "wellhead"},
        trust_env=False,
        follow_redirects=False,
    )


@asynccontextmanager
async def exchange(client: httpx.AsyncClient, request: httpx.Request, call: str) -> AsyncIterator[httpx.Response]:
    """Send `request` and give the answer with its body still to come; its connection is released on the way out.

    Raises:
        PermanentError: The server redirects in a circle.
    """
    for _ in range(MAX_REDIRECTS + 1):
        response = await client.send(request, stream=True)
        following = _same_host_redirect(request, response)
        if following is None:
            try:
                yield response
            finally:
                await response.aclose()
            return
        await response.aclose()
        request = following
    raise PermanentError(f"{call}: more than {MAX_REDIRECTS} redirects; check the URL options")


def _same_host_redirect(request: httpx.Request, response: httpx.Response) -> httpx.Request | None:
    following = response.next_request
    if following is None or not _same_host(request.url, following.url):
        return None
    if following.method != request.method and response.status_code != HTTPStatus.SEE_OTHER:
        return None  # a POST that would silently become a GET
    if "cookie" in request.headers:
        following.headers["cookie"] = request.headers["cookie"]  # the caller's own; httpx drops it on every redirect
    return following


def _same_host(here: httpx.URL, there: httpx.URL) -> bool:
    if here.host != there.host:
        return False
    upgraded = (here.scheme, there.scheme) == ("http", "https") and here.port is None and there.port is None
    return upgraded or (here.scheme, here.port) == (there.scheme, there.port)
