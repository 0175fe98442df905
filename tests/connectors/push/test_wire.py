"""Proves over real sockets that every protocol is received, that nothing is read without a place, and that a connection ends with its poll."""

import asyncio
import json
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from random import Random

import pytest
from websockets.asyncio.server import serve

from connectors.push.options import PushConfig
from connectors.push.source import connector
from wellhead.api import TaskContext
from wellhead.clock import SystemClock
from wellhead.http import HttpClient, HttpSettings, StreamLost

PATIENCE_SECS = 60
COUNT = 20


class Server:
    """A plain server of endless answers.

    Attributes:
        open: How many connections are open.
        requests: The head of each request.
        written: Bytes of bodies that went into sockets.
    """

    def __init__(self, kind, pieces, *, endless=None):
        self.kind, self.pieces, self.endless = kind, pieces, endless
        self.open = self.written = 0
        self.requests = []

    @asynccontextmanager
    async def serving(self):
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/events"
        finally:
            server.close()

    async def _answer(self, reader, writer):
        self.open += 1
        try:
            self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            pieces = self.pieces(len(self.requests)) if callable(self.pieces) else self.pieces
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {self.kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
            writer.write(head.encode())
            for piece in pieces:
                await self._write(writer, piece)
            if self.kind == "application/json":
                writer.write(b"0\r\n\r\n")
                await writer.drain()
            gone = asyncio.ensure_future(_end(reader))
            while self.endless and not gone.done():
                await self._write(writer, self.endless)
            await gone
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _write(self, writer, piece):
        writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        await writer.drain()
        self.written += len(piece)


async def _end(reader):
    with suppress(ConnectionError):
        await reader.read()


@asynccontextmanager
async def task_at(url, **options):
    """Give a task with a real client."""
    config = PushConfig(url=url, **options)
    clock = SystemClock()
    settings = HttpSettings(connect_timeout_secs=20, read_timeout_secs=20)
    async with HttpClient(settings, clock=clock, random=Random(1)) as http:
        [stream] = connector.streams_of(config)
        context = TaskContext(http=http, clock=clock, spool_dir=Path(), report=lambda *_args, **_fields: None)
        yield stream.task(config, stream.name, context)


async def until(reached):
    async with asyncio.timeout(PATIENCE_SECS):
        while not reached():  # noqa: ASYNC110 - the server keeps no events
            await asyncio.sleep(0.01)


async def read(task, count):
    """Give the ids of so many events; the poll ends behind them."""
    found = []
    async with asyncio.timeout(PATIENCE_SECS), aclosing(task.poll(None)) as polled:
        async for batch in polled:
            found += batch.table.column("id").to_pylist() if len(batch.table) else []
            if len(found) >= count:
                return found
    return found


BODIES = {
    "sse": ("text/event-stream", [f"id: {n}\ndata: {n}\n\n".encode() for n in range(COUNT)]),
    "ndjson": ("application/x-ndjson", [f'{{"id": {n}}}\n'.encode() for n in range(COUNT)]),
    "long_poll": ("application/json", lambda nth: [json.dumps([{"id": (nth - 1) * 4 + n} for n in range(4)]).encode()]),
}


@pytest.mark.parametrize("protocol", sorted(BODIES))
def test_each_protocol_is_received_and_its_connection_ends_with_the_poll(protocol):
    """What a server pushes arrives in order, and leaving the poll closes the connection on the server's side."""

    async def scenario():
        server = Server(*BODIES[protocol])
        fields = {} if protocol == "sse" else {"id_field": "id"}
        async with server.serving() as url, task_at(url, protocol=protocol, **fields) as task:
            found = await read(task, COUNT)
            await until(lambda: server.open == 0)
            return found

    assert asyncio.run(scenario()) == [str(n) for n in range(COUNT)]


def test_a_websocket_is_received_and_ends_with_the_poll():
    """Messages arrive in order behind the subscription, and leaving the poll closes the connection on the server's side."""

    async def scenario():
        seen, ended = [], asyncio.Event()

        async def answer(connection):
            seen.append(await connection.recv())
            for number in range(COUNT):
                await connection.send(json.dumps({"id": number}))
            await connection.wait_closed()
            ended.set()

        async with serve(answer, "127.0.0.1", 0) as server:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            async with task_at(url, protocol="websocket", id_field="id", subscribe="join") as task:
                found = await read(task, COUNT)
                async with asyncio.timeout(PATIENCE_SECS):
                    await ended.wait()
        return found, seen

    assert asyncio.run(scenario()) == ([str(n) for n in range(COUNT)], ["join"])


@pytest.mark.parametrize("channels", [{}, {"channels": "events"}])
def test_nothing_is_read_without_a_place(channels):
    """While a batch is not taken back the server can send no more than a bounded number of bytes, however long."""

    async def scenario():
        piece = b"data: " + b"x" * 60_000 + b"\n\n"
        server = Server("text/event-stream", [], endless=piece)
        async with server.serving() as url:
            address = url.replace("events", "{channel}") if channels else url
            async with task_at(address, batch_max_bytes=256_000, **channels) as task, aclosing(task.poll(None)) as polled:
                async with asyncio.timeout(PATIENCE_SECS):
                    while not len((await anext(polled)).table):
                        pass
                stood = -1
                while stood != server.written:  # until the kernel's buffers are full, too
                    stood = server.written
                    await asyncio.sleep(0.5)
                first = server.written
                async with asyncio.timeout(PATIENCE_SECS):
                    while server.written == first:  # the kernel's buffers take what is read first
                        await anext(polled)
            await until(lambda: server.open == 0)
            return first

    assert asyncio.run(scenario()) < 64 << 20


def test_a_cancelled_poll_leaves_no_connection():
    """Cancelling a task in the middle of its poll closes every channel's connection."""

    async def scenario():
        server = Server("text/event-stream", [b": here\n\n"])
        async with server.serving() as url:
            names = ",".join(f"c{n}" for n in range(10))
            async with task_at(url.replace("events", "{channel}"), channels=names) as task:
                reading = asyncio.ensure_future(read(task, 1))
                await until(lambda: server.open == 10)
                reading.cancel()
                await asyncio.wait([reading])
                await until(lambda: server.open == 0)
                return task.http.open_connections

    assert asyncio.run(scenario()) == 0


def test_a_server_that_falls_silent_is_left():
    """A server that says nothing for so many heartbeats is found, and its connection closed."""

    async def scenario():
        server = Server("text/event-stream", [b"id: 1\ndata: x\n\n"])
        async with server.serving() as url, task_at(url, heartbeat_secs=0.1, heartbeats_missed=3) as task:
            with pytest.raises(StreamLost, match="no byte for") as lost:
                await read(task, 2)
            await until(lambda: server.open == 0)
            return lost.value.reason

    assert asyncio.run(scenario()) == "silent"


def test_a_server_that_only_lives_is_left():
    """A server that sends signs of life but no event, though events are due, is found, and its connection closed."""

    async def scenario():
        server = Server("text/event-stream", [b"id: 1\ndata: x\n\n"], endless=b": alive\n\n")
        async with server.serving() as url, task_at(url, expected_event_secs=0.3) as task:
            with pytest.raises(StreamLost, match="no event for") as lost:
                await read(task, 2)
            await until(lambda: server.open == 0)
            return lost.value.reason

    assert asyncio.run(scenario()) == "no_progress"
