"""Gives HTTP tests a real server on 127.0.0.1 that does exactly the rude thing a test writes down, and counts its connections."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from wellhead.http import CallRecord, HttpClient, HttpSettings
from wellhead.testing.clock import FakeClock


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def request(self) -> Request | None:
        try:
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        first, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        method, target, _ = first.split(" ")
        return Request(method, target, headers, await self.reader.readexactly(int(headers.get("content-length", 0))))

    async def say(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def answer(self, status: int = 200, body: bytes = b"", **headers: str) -> None:
        named = {"content-length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
        lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        await self.say(f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode("latin-1") + body)

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def hold(self) -> None:
        """Say nothing more until the client goes away."""
        await self.reader.read()


Script = Callable[[Connection, Request], Awaitable[object]]


@dataclass
class RudeServer:
    script: Script
    scheme: str = "http"
    port: int = 0
    open: int = 0
    most_open: int = 0
    requests: list[Request] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.add(task := asyncio.current_task())
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        connection = Connection(reader, writer)
        try:
            while (request := await connection.request()) is not None and not writer.is_closing():
                self.requests.append(request)
                await self.script(connection, request)
        except (ConnectionError, ssl.SSLError, asyncio.CancelledError):
            pass  # the client went away, which is what some tests want, or the test is over
        finally:
            self.open -= 1
            self.tasks.discard(task)
            writer.close()

    async def becomes_empty(self) -> None:
        await self._until(lambda: not self.open)

    async def is_asked(self, count: int = 1) -> None:
        await self._until(lambda: len(self.requests) >= count)

    async def _until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not true():  # noqa: ASYNC110 - what is watched happens in the kernel, which sets no Event
                await asyncio.sleep(0.002)


@asynccontextmanager
async def rude_server(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[RudeServer]:
    rude = RudeServer(script, "https" if tls else "http")
    server = await asyncio.start_server(rude.serve, "127.0.0.1", 0, ssl=tls)
    rude.port = server.sockets[0].getsockname()[1]
    try:
        yield rude
    finally:
        server.close()
        for task in list(rude.tasks):
            task.cancel()
        await asyncio.gather(*rude.tasks, return_exceptions=True)
        await server.wait_closed()


@dataclass
class Lab:
    """A client on a clock that jumps, and what it told about its calls."""

    client: HttpClient
    clock: FakeClock
    calls: list[CallRecord]


@asynccontextmanager
async def lab(*, gate: Any = None, secrets: tuple[str, ...] = (), **settings: Any) -> AsyncIterator[Lab]:
    clock, calls = FakeClock(auto=True), list[CallRecord]()
    chosen = HttpSettings(**{"min_free_bytes": 0, "read_timeout_secs": 5, **settings})
    async with HttpClient(chosen, clock=clock, on_call=calls.append, gate=gate, secrets=secrets, random=Random(1)) as client:
        yield Lab(client, clock, calls)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def serve() -> Callable[..., Any]:
    return rude_server


@pytest.fixture
def client_lab() -> Callable[..., Any]:
    return lab


@pytest.fixture
def tls_files() -> tuple[Path, ssl.SSLContext]:
    """The authority a client must trust, and a server context it signed; both trust nothing real."""
    folder = Path(__file__).parent / "tls"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return folder / "authority.pem", context
