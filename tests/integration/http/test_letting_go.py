"""Letting go: after a cancel or a close the server sees no connection, whatever was going on."""

import asyncio
import contextlib
import socket

import pytest

from wellhead import TemporaryError

pytestmark = pytest.mark.anyio


async def cancelled(task):
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("moment", ["before the header", "in the body"])
@pytest.mark.parametrize("call", ["get", "download"])
async def test_a_cancelled_call_closes_its_socket_at_once(serve, client_lab, tmp_path, moment, call):
    """Cancelling a get or a download leaves no connection on either side and no file, with the client still open."""

    async def script(connection, request):
        if moment == "in the body":
            await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n" + b"x" * 300_000)
        await connection.hold()

    async def fetch(client, url):
        if call == "get":
            await client.get(url)
        async with client.download(url, into=tmp_path):
            pytest.fail("it never ends")

    async with serve(script) as server, client_lab() as lab:
        task = asyncio.create_task(fetch(lab.client, server.url))
        await server.is_asked()
        await asyncio.sleep(0.02)
        assert (server.open, lab.client.open_connections) == (1, 1)
        await cancelled(task)
        assert lab.client.open_connections == 0
        await server.becomes_empty()
    assert list(tmp_path.iterdir()) == []
    assert len(lab.calls) == 1


async def test_cancelling_inside_the_block_deletes_the_file(serve, client_lab, tmp_path):
    """A task cancelled while it works on its download leaves no file."""
    inside = asyncio.Event()

    async def script(connection, request):
        await connection.answer(200, b"zip")

    async def work(client, url):
        async with client.download(url, into=tmp_path):
            inside.set()
            await asyncio.Event().wait()

    async with serve(script) as server, client_lab() as lab:
        task = asyncio.create_task(work(lab.client, server.url))
        await inside.wait()
        assert len(list(tmp_path.iterdir())) == 1
        await cancelled(task)
        assert list(tmp_path.iterdir()) == []


async def test_a_cancel_during_backoff_is_heard(serve, client_lab):
    """A call that waits between attempts ends when cancelled, without asking again."""

    async def script(connection, request):
        await connection.answer(500)

    async with serve(script) as server, client_lab() as lab:
        lab.clock.auto = False
        task = asyncio.create_task(lab.client.get(server.url))
        await lab.clock.until_sleeping()
        await cancelled(task)
        assert (len(server.requests), lab.clock.sleeping) == (1, 0)


@pytest.mark.parametrize("call", ["get", "download"])
async def test_closing_the_client_ends_calls_under_way(serve, client_lab, tmp_path, call):
    """aclose() ends a call in its body with TemporaryError, without another attempt, and no socket stays."""

    async def script(connection, request):
        await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx")
        await connection.hold()

    async def fetch(client, url):
        if call == "get":
            return await client.get(url)
        async with client.download(url, into=tmp_path):
            return None

    async with serve(script) as server, client_lab() as lab:
        task = asyncio.create_task(fetch(lab.client, server.url))
        await server.is_asked()
        await asyncio.sleep(0.02)
        await lab.client.aclose()
        with pytest.raises(TemporaryError, match="after 1 of 10 bytes"):
            await task
        await server.becomes_empty()
        assert (len(server.requests), lab.client.open_connections) == (1, 0)
        with pytest.raises(TemporaryError, match="the HTTP client is closed"):
            await lab.client.get(server.url)
    assert list(tmp_path.iterdir()) == []


async def test_idle_connections_are_reused_and_can_be_closed(serve, client_lab):
    """Calls in a row share one connection; close_idle() closes it and the client goes on with a new one."""

    async def script(connection, request):
        await connection.answer(200, b"x")

    async with serve(script) as server, client_lab() as lab:
        for _ in range(3):
            await lab.client.get(server.url)
        assert (server.most_open, server.open, lab.client.open_connections) == (1, 1, 1)
        await lab.client.close_idle()
        assert lab.client.open_connections == 0
        await server.becomes_empty()
        assert (await lab.client.get(server.url)).status == 200


async def test_close_idle_leaves_calls_under_way_alone(serve, client_lab, tmp_path):
    """A download in its body survives close_idle()."""
    go_on = asyncio.Event()

    async def script(connection, request):
        await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na")
        await go_on.wait()
        await connection.say(b"b")

    async def fetch(client, url):
        async with client.download(url, into=tmp_path) as download:
            return download.path.read_bytes()

    async with serve(script) as server, client_lab() as lab:
        task = asyncio.create_task(fetch(lab.client, server.url))
        await server.is_asked()
        await asyncio.sleep(0.02)
        await lab.client.close_idle()
        go_on.set()
        assert await task == b"ab"


@pytest.fixture
def full_house():
    """An address whose queue is full, so that connecting hangs."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            guest = stack.enter_context(socket.socket())
            guest.setblocking(False)
            guest.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


async def test_connecting_is_bounded_and_cancellable(client_lab, full_house):
    """A host that never completes the handshake is given up after connect_timeout_secs, and a cancel leaves no socket."""
    async with client_lab(connect_timeout_secs=0.1, retry_max_attempts=1) as lab:
        with pytest.raises(TemporaryError, match=r"no connection within 0\.1 s"):
            await lab.client.get(full_house)
    async with client_lab() as lab:
        task = asyncio.create_task(lab.client.get(full_house))
        await asyncio.sleep(0.05)
        await cancelled(task)
        assert lab.client.open_connections == 0


async def test_closing_while_connecting_leaves_no_socket(client_lab, full_house):
    """A connection that is made after aclose() is closed at once and its request never sent."""
    async with client_lab(connect_timeout_secs=0.2, retry_max_attempts=1) as lab:
        task = asyncio.create_task(lab.client.get(full_house))
        await asyncio.sleep(0.05)
        await lab.client.aclose()
        with pytest.raises(TemporaryError):
            await task
        assert lab.client.open_connections == 0


async def test_the_kernel_watches_for_dead_peers(serve, client_lab):
    """A connection has keepalive probes on, and on Linux a limit on unacknowledged bytes equal to the read timeout."""

    async def script(connection, request):
        await connection.answer(200, b"x")

    async with serve(script) as server, client_lab(read_timeout_secs=5) as lab:
        await lab.client.get(server.url)
        (stream,) = lab.client._sockets._open
        raw = stream.get_extra_info("socket")
        assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert raw.getsockopt(socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPINTVL", 0)) in (10, 0)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 5000


@pytest.mark.parametrize("secured", [False, True])
async def test_a_cancel_at_any_moment_leaves_nothing(serve, client_lab, tls_files, tmp_path, secured):
    """Downloads cancelled after 0, 1, 2 ... turns of the loop leave no socket, file or task, whatever step they were in."""
    authority, context = tls_files

    async def script(connection, request):
        await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 600000\r\n\r\n" + b"x" * 300_000)
        await connection.say(b"x" * 300_000)

    finished = []

    async def fetch(client, url):
        async with client.download(url, into=tmp_path) as download:
            finished.append(download.size_bytes)

    async with serve(script, context if secured else None) as server, client_lab(ca_file=authority) as lab:
        others = asyncio.all_tasks()
        for turns in range(60):
            task = asyncio.create_task(fetch(lab.client, server.url))
            for _ in range(turns):
                await asyncio.sleep(0.0005 if turns > 30 else 0)
            await cancelled(task)
            await lab.client.close_idle()
            assert (lab.client.open_connections, list(tmp_path.iterdir())) == (0, [])
            assert len(lab.client._transport._pool.connections) <= 2
        await server.becomes_empty()
        assert {task for task in asyncio.all_tasks() - others if task not in server.tasks} == set()
    assert set(finished) <= {600_000}
