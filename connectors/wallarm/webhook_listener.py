"""Takes an ASGI app and an address, gives it served inside the running event loop; never outlives its block by more than a moment."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from starlette.types import ASGIApp

from wellhead import PermanentError, TemporaryError

if TYPE_CHECKING:
    from uvicorn import Server

BACKLOG = 128
_FINISH_SECS = 0.5  # what answers under way may take once the server is told to stop


class Listener:
    """A server while a block lasts.

    Args:
        app: What answers.
        host: Address to listen on.
        port: Port to listen on.
        cert_file: Certificate chain for HTTPS, PEM; None for plain HTTP.
        key_file: Its key; None where it stands in the same file.
    """

    def __init__(self, app: ASGIApp, host: str, port: int, cert_file: Path | None, key_file: Path | None) -> None:
        self._app = app
        self._address = (host, port)
        self._files = (cert_file, key_file)
        self._server: Server | None = None
        self.ended: asyncio.Task[None] | None = None
        """Done only where the server ended by itself."""

    async def __aenter__(self) -> Self:
        bound = _listen(*self._address)
        try:
            self._server = self._made()
        except OSError as error:
            bound.close()
            raise PermanentError(
                f"webhook: the certificate cannot be used: {error}. See webhook_cert_file and webhook_key_file"
            ) from None
        self.ended = asyncio.create_task(self._server.serve(sockets=[bound]), name="wallarm-webhook")
        while not self._server.started and not self.ended.done():  # noqa: ASYNC110 - uvicorn sets no event
            await asyncio.sleep(0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:  # fmt: skip
        assert self._server is not None
        assert self.ended is not None
        self._server.should_exit = True
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_FINISH_SECS):
                    await asyncio.shield(self.ended)
        finally:
            self._server.force_exit = True
            for listening in getattr(self._server, "servers", []):
                listening.close()
            for connection in list(self._server.server_state.connections):
                if connection.transport is not None:
                    connection.transport.abort()
            self.ended.cancel()
            with suppress(asyncio.CancelledError):
                await self.ended

    def _made(self) -> Server:
        import uvicorn  # noqa: PLC0415 - only who listens needs it

        class Embedded(uvicorn.Server):
            @contextmanager
            def capture_signals(self) -> Generator[None]:
                yield  # the worker decides what a signal means

        cert_file, key_file = self._files
        config = uvicorn.Config(
            self._app,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            ssl_certfile=None if cert_file is None else str(cert_file),
            ssl_keyfile=None if key_file is None else str(key_file),
        )
        config.load()
        return Embedded(config)


def _listen(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        told = f"webhook: cannot listen on {host}:{port}: {error.strerror or error}"
        if error.errno == errno.EADDRINUSE:  # as by a worker that is about to give the task up
            raise TemporaryError(
                f"{told}. If nothing is about to leave it, set webhook_port to another one", after_secs=1
            ) from None
        raise PermanentError(f"{told}. Set webhook_host and webhook_port to an address of this machine that is free") from None
    return bound
