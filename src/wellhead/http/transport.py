"""Takes settings, gives httpx a transport over counted sockets with the operator's proxy and authorities, never the environment's."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpcore
import httpx

from wellhead.config.http import HttpSettings
from wellhead.errors import PermanentError
from wellhead.http.sockets import SocketLedger

KEEPALIVE_EXPIRY_SECS = 15.0  # an idle connection older than this is not used again: many servers drop it without a word


class LedgerTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport over a pool that opens its sockets through a `SocketLedger`.

    The pool has no limit of its own: the client's is per host, which a pool's is not.
    """

    def __init__(self, settings: HttpSettings, ledger: SocketLedger) -> None:
        trusted = trusted_authorities(settings.ca_file)
        super().__init__(verify=trusted, trust_env=False)
        # httpx passes no network backend on, so its (still empty) pool is replaced by one that has ours.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=trusted,
            proxy=_proxy(settings, trusted),
            max_connections=None,
            keepalive_expiry=KEEPALIVE_EXPIRY_SECS,
            network_backend=ledger,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self._drop(idle=False)
        return await super().handle_async_request(request)

    async def close_idle(self) -> None:
        """Close the connections that no call is using."""
        await self._drop(idle=True)

    async def _drop(self, *, idle: bool) -> None:
        for connection in self._pool.connections:
            parser = _parser_of(connection)
            unwanted = (idle or not _is_drained(parser)) if connection.is_idle() else _is_closed_below(parser)
            if unwanted:
                await connection.aclose()


def _parser_of(connection: Any) -> Any:
    """Find the HTTP/1.1 connection under its proxy and connect layers; None while there is none yet."""
    while connection is not None and not hasattr(connection, "_h11_state"):
        connection = getattr(connection, "_connection", None)
    return connection


def _is_drained(parser: Any) -> bool:
    """Tell whether the server sent nothing beyond its last answer.

    httpcore would take such surplus for the next answer: one tenant's, or an old, page in place of the one asked for. Where
    there is no parser to ask, the answer is no, and the connection is not used again.
    """
    return parser is not None and parser._h11_state.trailing_data[0] == b""  # noqa: SLF001


def _is_closed_below(parser: Any) -> bool:
    """Tell whether the ledger closed the socket of a connection that, cancelled between two steps, believes itself in use."""
    return parser is not None and parser._network_stream.closed  # noqa: SLF001


@lru_cache(maxsize=16)
def trusted_authorities(ca_file: Path | None) -> ssl.SSLContext:
    """Give the TLS context that trusts `ca_file`, or the built-in authorities; one per file, as each costs time and memory.

    Raises:
        PermanentError: The file cannot be read or holds no certificate.
    """
    if ca_file is None:
        return httpx.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        reason = "it holds no PEM certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise PermanentError(f"http.ca.file {ca_file}: {reason}; give a readable PEM file of certificate authorities") from None


def _proxy(settings: HttpSettings, trusted: ssl.SSLContext) -> httpcore.Proxy | None:
    if settings.proxy_url is None:
        return None
    try:
        url = httpx.URL(settings.proxy_url.get_secret_value())
    except httpx.InvalidURL:
        raise PermanentError(
            "http.proxy.url is no valid URL; percent-encode what is special in its user and password"
        ) from None
    return httpcore.Proxy(
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=b"/"),
        auth=(url.username, url.password) if url.userinfo else None,
        ssl_context=trusted if url.scheme == "https" else None,
    )
