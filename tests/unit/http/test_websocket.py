"""Proves against a real WebSocket server that messages are given as they come, silence is found, and the socket ends with its block."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import serve

from wellhead.clock import SystemClock
from wellhead.config.http import HttpSettings
from wellhead.errors import PermanentError, TemporaryError
from wellhead.http import HttpClient, StreamLost


@asynccontextmanager
async def serving(handle, **options):
    async with serve(handle, "127.0.0.1", 0, ping_interval=None, **options) as server:
        port = server.sockets[0].getsockname()[1]
        async with HttpClient(HttpSettings(), clock=SystemClock(), secrets=["s3cret"]) as client:
            yield client, f"ws://127.0.0.1:{port}/feed?token=s3cret"


def play(scenario):
    return asyncio.run(asyncio.wait_for(scenario, 30))


def test_messages_come_in_order_and_the_end_is_the_end():
    """What is sent to subscribe arrives, messages of both kinds come in order, and a proper close ends them."""

    async def handle(connection):
        assert await connection.recv() == "subscribe"
        await connection.send("one")
        await connection.send(b"two")

    async def scenario():
        async with serving(handle) as (client, url), client.websocket(url, silence_secs=20) as socket:
            await socket.send("subscribe")
            assert [message async for message in socket.messages()] == ["one", b"two"]
        assert client.open_connections == 0

    play(scenario())


def test_the_socket_ends_with_its_block():
    """Leaving the block closes the connection on the server's side, also where the server never answers a close."""

    async def scenario():
        gone = asyncio.Event()

        async def handle(connection):
            await connection.send("one")
            await connection.wait_closed()
            gone.set()

        async with serving(handle) as (client, url):
            async with client.websocket(url, silence_secs=20) as socket:
                assert await anext(socket.messages()) == "one"
                assert client.open_connections == 1
            await gone.wait()
            assert client.open_connections == 0

    play(scenario())


def test_a_quiet_peer_that_answers_pings_is_there():
    """Silence is asked about: who answers a ping is not taken for dead, though no message comes for many silences."""

    async def handle(connection):
        await asyncio.sleep(0.6)
        await connection.send("late")

    async def scenario():
        async with serving(handle) as (client, url), client.websocket(url, silence_secs=0.2) as socket:
            assert await anext(socket.messages()) == "late"

    play(scenario())


def test_a_peer_that_only_answers_pings_makes_no_progress():
    """Without an event for as long as one may take, the connection is given up although pings are answered."""

    async def handle(connection):
        await connection.wait_closed()

    async def scenario():
        async with serving(handle) as (client, url), client.websocket(url, silence_secs=0.1, progress_secs=0.4) as socket:
            with pytest.raises(StreamLost) as caught:
                await anext(socket.messages())
        assert caught.value.reason == "no_progress"
        assert "s3cret" not in str(caught.value)

    play(scenario())


def test_a_peer_that_answers_nothing_is_silent():
    """A server whose process stands still is found by the ping it does not answer."""

    async def scenario():
        async def deaf(reader, writer):
            head = await reader.readuntil(b"\r\n\r\n")
            key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")).split(b": ")[1]
            from websockets.utils import accept_key  # noqa: PLC0415

            accept = accept_key(key.decode()).encode()
            writer.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
                + accept
                + b"\r\n\r\n"
            )
            await ended.wait()
            writer.transport.abort()

        ended = asyncio.Event()
        server = await asyncio.start_server(deaf, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/feed"
        async with HttpClient(HttpSettings(), clock=SystemClock()) as client:
            with pytest.raises(StreamLost) as caught:
                async with client.websocket(url, silence_secs=0.2) as socket:
                    await anext(socket.messages())
            assert (caught.value.reason, client.open_connections) == ("silent", 0)
        ended.set()
        server.close()

    play(scenario())


def test_what_is_refused_or_too_large():
    """A refused handshake is answered by its status; a message beyond the limit needs a person; nobody there is temporary."""

    async def scenario():
        async def handle(connection):
            await connection.send("x" * 2_000)
            await connection.wait_closed()

        async with serving(handle) as (client, url), client.websocket(url, silence_secs=20, max_message_bytes=1_000) as socket:
            with pytest.raises(PermanentError, match="larger than it may be"):
                await anext(socket.messages())

        statuses = iter([401, 503])

        def refuse(connection, _request):
            return connection.respond(next(statuses), "no\n")

        async with serving(handle, process_request=refuse) as (client, url):
            for error in (PermanentError, TemporaryError):
                with pytest.raises(error, match="/feed"):
                    async with client.websocket(url, silence_secs=20):
                        pass
            assert client.open_connections == 0
        async with HttpClient(HttpSettings(), clock=SystemClock()) as client:
            with pytest.raises(TemporaryError, match="refused"):
                async with client.websocket(url, silence_secs=20):
                    pass

    play(scenario())


def test_a_reader_that_does_not_take_stops_the_sender():
    """Messages nobody takes are not read far ahead: the sender comes to a halt."""

    async def scenario():
        sent = 0

        async def handle(connection):
            nonlocal sent
            for _ in range(2_000):
                await connection.send("x" * 65_536)
                sent += 1

        async with serving(handle, compression=None) as (client, url), client.websocket(url, silence_secs=20) as socket:
            await anext(socket.messages())
            before = -1
            while before != sent:
                before = sent
                await asyncio.sleep(0.3)
            assert sent < 500

    play(scenario())


def test_no_redirect_is_followed():
    """A server that sends the client elsewhere is told as it is: nobody else gets the headers, secrets among them."""

    async def scenario():
        strangers = []

        async def stranger(reader, writer):
            strangers.append(await reader.readuntil(b"\r\n\r\n"))
            writer.close()

        elsewhere = await asyncio.start_server(stranger, "127.0.0.1", 0)
        port = elsewhere.sockets[0].getsockname()[1]

        def moved(connection, _request):
            answer = connection.respond(302, "elsewhere\n")
            answer.headers["Location"] = f"ws://localhost:{port}/feed"
            return answer

        async def handle(_connection):
            """Never reached."""

        async with serving(handle, process_request=moved) as (client, url):
            with pytest.raises(PermanentError, match="302"):
                async with client.websocket(url, headers={"X-Api-Key": "s3cret"}, silence_secs=20):
                    pass
        elsewhere.close()
        assert strangers == []

    play(scenario())


def test_the_kernel_watches_and_a_closed_client_is_told():
    """The socket asks by keepalive probes whether the peer is there; who reads it when the client is closed hears that."""

    async def handle(connection):
        await connection.wait_closed()

    async def scenario():
        async with serving(handle) as (client, url):
            async with client.websocket(url, silence_secs=20) as live:
                raw = live._connection.transport.get_extra_info("socket")
                assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
                for name, value in {"TCP_KEEPIDLE": 30, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 60_000}.items():
                    if hasattr(socket, name):
                        assert raw.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value
                reading = asyncio.ensure_future(anext(live.messages()))
                await asyncio.sleep(0)
                await client.aclose()
                with pytest.raises(StreamLost) as caught:
                    await reading
            assert (caught.value.reason, client.open_connections) == ("closed", 0)

    play(scenario())
