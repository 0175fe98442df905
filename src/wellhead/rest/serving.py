"""Takes an application and where to listen, gives it served inside the running event loop; never touches signal handlers.

Loads uvicorn when the first server is made.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from wellhead.config.access import AccessSettings
from wellhead.errors import ConfigError, Problem
from wellhead.rest.tls import server_context

if TYPE_CHECKING:
    from uvicorn import Server

BACKLOG = 128
FINISH_SECS = 0.4  # what answers under way may take once the server is told to stop


class Serving:
    """A server, or one for http and one for https, that runs until `stop`; also an async context manager.

    Attributes:
        urls: Where it answers, with the ports it really got.
    """

    def __init__(self, servers: Sequence[tuple[Server, Sequence[socket.socket]]], urls: Sequence[str]) -> None:
        self.urls = tuple(urls)
        self._servers = [server for server, _ in servers]
        self._tasks = [
            asyncio.create_task(server.serve(sockets=list(sockets)), name="wellhead-rest") for server, sockets in servers
        ]

    async def started(self) -> None:
        """Return once requests are answered; raises what made a server end before that."""
        for server, task in zip(self._servers, self._tasks, strict=True):
            while not server.started:
                if task.done():
                    task.result()
                    raise RuntimeError("the REST server ended before it started")
                await asyncio.sleep(0)

    async def stop(self) -> None:
        """Stop listening, let answers under way finish for a moment, then drop them."""
        for server in self._servers:
            server.should_exit = True
        with suppress(TimeoutError):
            async with asyncio.timeout(FINISH_SECS):
                await asyncio.shield(asyncio.gather(*self._tasks))
                return
        for server, task in zip(self._servers, self._tasks, strict=True):
            server.force_exit = True
            for connection in server.server_state.connections:
                connection.transport.abort()
            task.cancel()  # the bound holds even if uvicorn waits for something else
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


async def serve(app: Any, listeners: str, settings: AccessSettings | None = None) -> Serving:
    """Serve `app` on every address of `listeners` until the result is stopped.

    Args:
        app: An ASGI application. With https, `scope["state"]["peer"]` is the common name of a client's verified certificate.
        listeners: As Kafka Connect's: comma-separated `http://host:port` or `https://host:port`; no host means every interface,
            port 0 a free one.
        settings: Name the certificate, the key and the CA of clients for https.

    Raises:
        ConfigError: An address or a certificate cannot be used; each is named.
    """
    import uvicorn  # noqa: PLC0415

    from wellhead.rest.connection import Connection  # noqa: PLC0415

    class Embedded(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Generator[None, None, None]:
            yield  # the worker decides what a signal means

    sockets, urls = _listen(listeners)
    servers = []
    for scheme in ("http", "https"):
        own = [bound for bound, url in zip(sockets, urls, strict=True) if url.startswith(f"{scheme}:")]
        if not own:
            continue
        config = uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        if scheme == "https":
            try:
                context = server_context(settings)
            except ConfigError:
                _close(sockets)
                raise
            config.ssl_context_factory = lambda _config, _default, context=context: context
        servers.append((Embedded(config), own))
    serving = Serving(servers, urls)
    await serving.started()
    return serving


def _listen(listeners: str) -> tuple[list[socket.socket], list[str]]:
    sockets: list[socket.socket] = []
    problems: list[Problem] = []
    urls: list[str] = []
    for listener in filter(None, (part.strip() for part in listeners.split(","))):
        try:
            bound, url = _bind(listener)
        except (OSError, ValueError) as error:
            way_on = "set listeners (WELLHEAD_LISTENERS) to another address, or to nothing for none"
            problems.append(Problem("worker.listeners", f"cannot listen on {listener}: {_reason(error)}; {way_on}"))
        else:
            sockets.append(bound)
            urls.append(url)
    if problems:
        _close(sockets)
        raise ConfigError("REST", problems)
    return sockets, urls


def _close(sockets: Sequence[socket.socket]) -> None:
    for bound in sockets:
        bound.close()


def _bind(listener: str) -> tuple[socket.socket, str]:
    parts = urlsplit(listener)
    if parts.scheme not in {"http", "https"} or parts.port is None or parts.path not in ("", "/"):
        raise ValueError("write it as http://host:port or https://host:port")
    host = parts.hostname or ""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, parts.port))
        bound.listen(BACKLOG)
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    shown = f"[{host}]" if ":" in host else host or "0.0.0.0"  # noqa: S104 - an empty host is the operator's wish
    return bound, f"{parts.scheme}://{shown}:{bound.getsockname()[1]}"


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
