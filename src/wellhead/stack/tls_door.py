"""Takes a certificate and a loopback port, gives a TLS port in front of it, for servers that speak none; never leaves a socket open."""

import asyncio
import contextlib
import ssl
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from wellhead.stack.ports import LOOPBACK, PortLease

CHUNK_BYTES = 64 * 1024
SHUTDOWN_SECS = 1.0


class TlsDoor:
    """Lets TLS clients in to a plain server on the loopback interface; a `with` block opens and closes it.

    A server that is down looks to its clients as a connection that ends.

    Args:
        server_port: Where the plain server listens.
        certificate: The door's own certificate file and its key's.
        client_ca: Clients must show a certificate of this CA; None asks for none.
    """

    def __init__(self, server_port: int, certificate: tuple[Path, Path], client_ca: Path | None = None) -> None:
        self._server_port = server_port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*certificate)
        if client_ca is not None:
            self._context.load_verify_locations(client_ca)
            self._context.verify_mode = ssl.CERT_REQUIRED
        self._lease = PortLease()
        self.port = self._lease.take(1)[0]
        self._loop = asyncio.new_event_loop()
        self._clients: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wellhead-tls-door", daemon=True)

    def open(self) -> None:
        """Let clients in from now on.

        Raises:
            OSError: the port cannot be bound.
        """
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    def close(self) -> None:
        """Let nobody in any more, and end what is open."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._lease.release()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(
            self._serve, LOOPBACK, self.port, ssl=self._context, ssl_shutdown_timeout=SHUTDOWN_SECS
        )

    async def _end(self) -> None:
        self._server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            # `close` cancels us, and asyncio complains of a client's task that ends as cancelled.
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._join(reader, writer)
        finally:
            self._clients.discard(task)
            await _closed(writer)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(LOOPBACK, self._server_port)
        pumps = [asyncio.ensure_future(_pump(reader, server_writer)), asyncio.ensure_future(_pump(server_reader, writer))]
        try:
            # Neither protocol here half closes: when one side ends, so does the other.
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            server_writer.close()  # before anything is awaited, where `close` may cancel us a second time
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            await _closed(server_writer)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while chunk := await source.read(CHUNK_BYTES):
        sink.write(chunk)
        await sink.drain()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
