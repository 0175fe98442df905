"""Proves on real sockets that a live connection gives what comes, tells how it ended, and is closed with its block."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
from contextlib import asynccontextmanager
from random import Random

import pytest

from wellhead.clock import SystemClock
from wellhead.config.http import HttpSettings
from wellhead.config.streams import StreamsSettings
from wellhead.errors import PermanentError, TemporaryError
from wellhead.http import HttpClient, StreamLost
from wellhead.http.admission import Admission, Load

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
HOLD = object()
RESET = object()


class Server:
    """Plays a script to each connection, and knows which are open."""

    def __init__(self, *script):
        self.script = script
        self.asked: list[bytes] = []
        self.open = 0
        self.closed = asyncio.Event()
        self.sent = 0

    async def serve(self, reader, writer):
        self.open += 1
        try:
            self.asked.append(await reader.readuntil(b"\r\n\r\n"))
            for piece in self.script:
                if piece is HOLD:
                    await reader.read()  # until the client closes
                elif piece is RESET:
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    writer.transport.abort()
                    return
                else:
                    writer.write(piece)
                    await writer.drain()
                    self.sent += len(piece)
        except ConnectionError:
            pass
        finally:
            self.open -= 1
            self.closed.set()
            writer.close()


@asynccontextmanager
async def serving(*script, **settings):
    served = Server(*script)
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/feed?token=s3cret"
    client = HttpClient(HttpSettings.model_validate(settings), clock=SystemClock(), secrets=["s3cret"])
    try:
        yield served, client, url
    finally:
        await client.aclose()
        server.close()


async def all_of(answer):
    return b"".join([chunk async for chunk in answer.chunks()])


def play(scenario):
    return asyncio.run(asyncio.wait_for(scenario, 30))


def test_what_comes_is_given_and_the_end_is_the_end():
    """A body that the server ends properly ends; its headers and status are there before it."""

    async def scenario():
        async with serving(HEAD, b"data: a\n\n", b"data: b\n\n") as (served, client, url):
            async with client.stream(url, headers={"Last-Event-ID": "41"}, silence_secs=20) as answer:
                assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream")
                assert await all_of(answer) == b"data: a\n\ndata: b\n\n"
            assert b"last-event-id: 41" in served.asked[0].lower()
            assert client.open_connections == 0

    play(scenario())


def test_the_connection_ends_with_its_block():
    """Whoever leaves the block, or is cancelled in it, closes the socket, though the server would go on for ever."""

    async def scenario():
        async with serving(HEAD, b"data: a\n\n", HOLD) as (served, client, url):
            async with client.stream(url, silence_secs=20) as answer:
                assert await anext(answer.chunks()) == b"data: a\n\n"
                assert served.open == 1
            await served.closed.wait()
            assert client.open_connections == 0

            async def listen():
                async with client.stream(url, silence_secs=20) as answer:
                    started.set()
                    await all_of(answer)

            started = asyncio.Event()
            served.closed.clear()
            listening = asyncio.create_task(listen())
            await started.wait()
            listening.cancel()
            await served.closed.wait()
            assert client.open_connections == 0
            assert served.open == 0

    play(scenario())


def test_one_that_is_iterated_from_other_tasks_ends_all_the_same():
    """Each piece may be asked for by another task; the socket is closed, and no context is taken for another."""

    async def scenario():
        async with serving(HEAD, b"a", HOLD) as (served, client, url):

            async def pieces():
                async with client.stream(url, silence_secs=20) as answer:
                    async for chunk in answer.chunks():
                        yield chunk

            generator = pieces()
            assert await asyncio.create_task(anext(generator)) == b"a"
            await asyncio.create_task(generator.aclose())
            await served.closed.wait()
            assert client.open_connections == 0

    play(scenario())


@pytest.mark.parametrize(
    ("script", "limits", "reason"),
    [
        ((HEAD, b"a", HOLD), {"silence_secs": 0.05}, "silent"),
        ((HEAD, HOLD), {"silence_secs": 0.05}, "silent"),
        ((HEAD, b"a", RESET), {"silence_secs": 20}, "reset"),
        ((HEAD.replace(b"\r\n\r\n", b"\r\nContent-Length: 100\r\n\r\n"), b"a"), {"silence_secs": 20}, "cut"),
        ((HEAD.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"), b"1\r\na\r\n"), {"silence_secs": 20}, "cut"),
    ],
)
def test_how_it_ended_is_told(script, limits, reason):
    """Silence, a reset and an end in the middle each have their word; the message names the call and no secret."""

    async def scenario():
        async with serving(*script) as (_served, client, url):
            with pytest.raises(StreamLost) as caught:
                async with client.stream(url, **limits) as answer:
                    await all_of(answer)
            assert caught.value.reason == reason
            assert "/feed" in str(caught.value)
            assert "s3cret" not in str(caught.value)
            assert client.open_connections == 0

    play(scenario())


def test_bytes_without_an_event_are_no_progress():
    """A server that pings and sends nothing else is found by its missing events, and one whose events come is not."""

    async def scenario():
        pings = [b": ping\n\n"] * 100

        async def slowly(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HEAD)
            for ping in pings:
                writer.write(ping)
                await asyncio.sleep(0.01)
            writer.close()

        server = await asyncio.start_server(slowly, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with HttpClient(HttpSettings(), clock=SystemClock()) as client:
            with pytest.raises(StreamLost, match=r"bytes, but no event for 0\.2 s") as caught:
                async with client.stream(url, silence_secs=20, progress_secs=0.2) as answer:
                    await all_of(answer)
            assert caught.value.reason == "no_progress"
            async with client.stream(url, silence_secs=20, progress_secs=20) as answer:
                async for _ in answer.chunks():
                    answer.progressed()
                lost = answer.without_progress()
            assert lost.reason == "no_progress"
        server.close()

    play(scenario())


def test_time_in_which_nobody_asks_is_no_silence():
    """A reader that is busy for longer than a silence may last does not take the connection for dead; what came meanwhile is there."""

    async def scenario():
        async with (
            serving(HEAD, b"a", b"b", HOLD) as (_served, client, url),
            client.stream(url, silence_secs=0.2, progress_secs=0.2) as answer,
        ):
            chunks = answer.chunks()
            got = await anext(chunks)
            await asyncio.sleep(0.5)
            got += await anext(chunks) if got == b"a" else b""
            assert got == b"ab"

    play(scenario())


def test_a_reader_that_does_not_take_stops_the_sender():
    """While a piece is not taken back nothing more is read: the sender's bytes stay in the buffers of the kernels, and there they end."""

    async def scenario():
        async with (
            serving(HEAD, *[b"x" * 65_536] * 2_000) as (served, client, url),
            client.stream(url, silence_secs=20) as answer,
        ):
            await anext(answer.chunks())
            sent = -1
            while sent != served.sent:
                sent = served.sent
                await asyncio.sleep(0.2)
            assert sent < 2_000 * 65_536 / 4

    play(scenario())


def test_what_is_no_stream_can_be_told():
    """An error page is read as far as it may go; a compressed body is given as it was before."""

    async def scenario():
        page = b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2_000
        async with serving(page) as (_served, client, url), client.stream(url, silence_secs=20, max_error_bytes=100) as answer:
            assert await answer.text() == "x" * 100
            with pytest.raises(TemporaryError) as caught:
                answer.raise_for_status()
            assert caught.value.after_secs == 7
        packed = HEAD.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
        async with (
            serving(packed, gzip.compress(b"data: a\n\n")) as (_served, client, url),
            client.stream(url, silence_secs=20) as answer,
        ):
            assert await all_of(answer) == b"data: a\n\n"

    play(scenario())


def test_no_answer_is_temporary_and_no_stream():
    """A server that takes the request and never answers, or is not there, is an error with the call's name; nothing stays open."""

    async def scenario():
        async with serving(HOLD, connect_timeout_secs=0.05) as (_served, client, url):
            with pytest.raises(TemporaryError, match=r"/feed.*no answer within 0\.1 s"):
                async with client.stream(url, silence_secs=0.05):
                    pass
            assert client.open_connections == 0
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            gone = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        async with HttpClient(HttpSettings(), clock=SystemClock()) as client:
            with pytest.raises(TemporaryError, match="refused"):
                async with client.stream(gone, silence_secs=20):
                    pass
            await client.aclose()
            with pytest.raises(TemporaryError, match="is closed"):
                async with client.stream(gone, silence_secs=20):
                    pass
            with pytest.raises(PermanentError):
                async with client.stream("ftp://push.example/", silence_secs=20):
                    pass

    play(scenario())


def test_a_call_is_accounted_for_when_its_answer_begins():
    """A connection that lives for long is one call that took as long as its answer did; it takes no place of other calls."""

    async def scenario():
        calls = []
        served = Server(HEAD, b"a", HOLD)
        server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        settings = HttpSettings(max_connections_per_host=1)
        async with (
            HttpClient(settings, clock=SystemClock(), on_call=calls.append) as client,
            client.stream(url, silence_secs=20),
            client.stream(url, silence_secs=20) as second,
        ):
            await anext(second.chunks())
            assert [call.status for call in calls] == [200, 200]
            assert client.open_connections == 2
        server.close()

    play(scenario())


@pytest.mark.parametrize("begun", ["reading", "between", "not at all"])
@pytest.mark.parametrize("reason", ["closed", "shed"])
def test_who_closes_it_from_outside_is_told(begun, reason):
    """A connection that is closed with its client, or as there are too many, says which, whether or not it is being read just then."""

    async def scenario():
        held = [Load(0, 0)]
        door = Admission(StreamsSettings(streams_memory_high_bytes=1_000), SystemClock(), Random(1), lambda: held[0])
        served = Server(HEAD, b"a", HOLD)
        server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        client = HttpClient(HttpSettings(), clock=SystemClock(), streams=door.of("push", "acme"))

        async def end():
            if reason == "closed":
                await client.aclose()
            else:
                held[0] = Load(2_000, 0)
                await door.relieve()
                held[0] = Load(0, 0)
                await door.relieve()

        async def listen():
            async with client.stream(url, silence_secs=20) as answer:
                chunks = answer.chunks()
                if begun != "not at all":
                    await anext(chunks)
                reading = asyncio.ensure_future(anext(chunks)) if begun == "reading" else None
                await asyncio.sleep(0)
                await end()
                if reading is not None:
                    await reading
                async for _ in chunks:
                    """What had come before is given; then the end is told."""

        with pytest.raises(StreamLost) as caught:
            await listen()
        assert (caught.value.reason, client.open_connections) == (reason, 0)
        await served.closed.wait()
        await client.aclose()
        server.close()

    play(scenario())


def test_the_kernel_watches_live_connections():
    """A live connection's own socket asks by keepalive probes whether the peer is there, as often as the options say."""

    async def scenario():
        words = {"keepalive_idle_secs": 2, "keepalive_interval_secs": 3, "keepalive_probes": 4}
        async with serving(HEAD, HOLD, **words) as (_served, client, url), client.stream(url, silence_secs=20):
            (stream,) = client._sockets._open
            raw = stream.get_extra_info("socket")
            assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            for name, value in {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 3, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 14_000}.items():
                if hasattr(socket, name):
                    assert raw.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value

    play(scenario())


def test_a_server_that_is_not_there_is_left_alone_and_a_closed_gate_counts_for_nothing():
    """Refused connections open their destination's breaker; what the gate refuses was never asked of the destination."""

    async def scenario():
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        told = ["no place", "no place", "no place"]

        async def gate():
            if told:
                raise TemporaryError(told.pop())

        door = Admission(StreamsSettings(streams_breaker_failures=2), SystemClock(), Random(1), lambda: Load(0, 0))
        async with HttpClient(HttpSettings(), clock=SystemClock(), gate=gate, streams=door.of("push", "acme")) as client:
            for words in ("no place", "no place", "no place", "refused", "refused", "left alone"):
                with pytest.raises(TemporaryError, match=words):
                    async with client.stream(url, silence_secs=20):
                        pass

    play(scenario())


def test_trouble_of_one_connection_among_many_is_told():
    """The first by name and reason, and how many more; nothing where all are well."""
    client = HttpClient(HttpSettings(), clock=SystemClock())
    assert client.trouble == ""
    client.troubles["a"] = "403"
    assert client.trouble == "channel a has failed, others go on: 403"
    client.troubles["b"] = "404"
    assert client.trouble.endswith("403 (1 more have failed)")
