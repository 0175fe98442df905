"""Takes connects, gives sockets that notice a dead peer and can all be closed at once, never leaves one uncounted."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any

import httpcore

from wellhead.config.http import HttpSettings

READ_BYTES = 256 * 1024  # httpcore asks for 64 KiB and takes more; long bodies cost a quarter of the turns this way


_BLOCK: ContextVar[object | None] = ContextVar("the block under `SocketLedger.lent` that is running", default=None)


def dead_peer_options(settings: HttpSettings) -> list[tuple[int, int, int]]:
    """Give the socket options by which the kernel finds a vanished peer.

    Keepalive probes find it on a silent connection; `TCP_USER_TIMEOUT` (Linux) ends a connection whose sent bytes stay
    unacknowledged for as long as a read may be silent. Linux goes by that time instead of the count of probes, so it is never
    longer than they take.
    """
    probing_secs = settings.keepalive_idle_secs + settings.keepalive_interval_secs * settings.keepalive_probes
    named = [
        ("TCP_KEEPIDLE", settings.keepalive_idle_secs),
        ("TCP_KEEPINTVL", settings.keepalive_interval_secs),
        ("TCP_KEEPCNT", settings.keepalive_probes),
        ("TCP_USER_TIMEOUT", int(min(settings.read_timeout_secs, probing_secs) * 1000)),
    ]
    known = [(socket.IPPROTO_TCP, getattr(socket, name), value) for name, value in named if hasattr(socket, name)]
    return [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *known]


class SocketLedger(httpcore.AsyncNetworkBackend):
    """Opens every socket of one client, through a proxy or not, and knows which are open.

    httpcore's pool alone forgets a connection that is still being made when the pool is closed, keeps one open that was
    cancelled between two of its steps, and gives its socket options to direct connections only.
    """

    def __init__(self, options: Iterable[tuple[int, int, int]]) -> None:
        self._options = list(options)
        self._backend = httpcore.AnyIOBackend()
        self._open: set[LedgerStream] = set()
        self._closed = False

    @property
    def open_count(self) -> int:
        """How many sockets are open now."""
        return len(self._open)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - ours hold for every socket
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._backend.connect_tcp(host, port, timeout, local_address, self._options)
        if self._closed:
            await stream.aclose()
            raise httpcore.ConnectError("the client was closed while connecting")
        return LedgerStream(stream, self._open)

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[None]:
        """Close every socket that the block used when the block fails or is cancelled."""
        block = object()
        outside = _BLOCK.set(block)
        try:
            yield
        except BaseException:
            await _close(stream for stream in self._open if stream.last_used_by is block)
            raise
        finally:
            _BLOCK.reset(outside)

    async def close_all(self) -> None:
        """Close every socket now, in use or not, and refuse new ones."""
        self._closed = True
        await _close(self._open)


async def _close(streams: Iterable[LedgerStream]) -> None:
    for stream in list(streams):
        with suppress(Exception):  # a socket that cannot be closed properly is closed all the same
            await stream.aclose()


class LedgerStream(httpcore.AsyncNetworkStream):
    """A socket that stands in its ledger while it is open."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, ledger: set[LedgerStream]) -> None:
        self._stream = stream
        self._ledger = ledger
        self.last_used_by = _BLOCK.get()
        ledger.add(self)

    @property
    def closed(self) -> bool:
        """Whether this socket was closed from our side."""
        return self not in self._ledger

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's signature
        return await self._stream.read(max(max_bytes, READ_BYTES), timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's signature
        self.last_used_by = _BLOCK.get()
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        self._ledger.discard(self)
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        try:
            secured = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:
            await self.aclose()
            raise
        self._ledger.discard(self)
        return LedgerStream(secured, self._ledger)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
