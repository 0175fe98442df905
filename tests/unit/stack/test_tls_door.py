"""A TLS door passes bytes both ways, and closes what it opened."""

import asyncio
import gc
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from certificates import Authority

from wellhead.stack.ports import is_listening
from wellhead.stack.tls_door import TlsDoor


@pytest.fixture
def echo() -> Iterator[int]:
    """A plain server that gives back what it gets until its client hangs up; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def serve(server: socket.socket) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        with client:
            while chunk := client.recv(65536):
                client.sendall(chunk)


def talk(port: int, context: ssl.SSLContext, text: bytes) -> bytes:
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as opened,
    ):
        opened.settimeout(60)
        opened.sendall(text)
        answer = b""
        while len(answer) < len(text) and (chunk := opened.recv(65536)):
            answer += chunk
        return answer


def heard(port: int, context: ssl.SSLContext, text: bytes) -> bytes:
    """What comes back; nothing when the connection ends, however it does."""
    try:
        return talk(port, context, text)
    except OSError:
        return b""


def test_bytes_pass_both_ways(echo: int, tmp_path: Path):
    """A long text goes in and comes back, client after client."""
    authority = Authority(tmp_path)
    with TlsDoor(echo, authority.issue("door")) as door:
        for _ in range(2):
            assert talk(door.port, authority.trusted_by(), b"x" * 50_000) == b"x" * 50_000


def test_who_shows_no_certificate_stays_outside(echo: int, tmp_path: Path):
    """With a CA for clients only those that it signed come in."""
    authority = Authority(tmp_path)
    with TlsDoor(echo, authority.issue("door"), client_ca=authority.file) as door:
        assert talk(door.port, authority.trusted_by(authority.issue("client")), b"hello") == b"hello"
        assert heard(door.port, authority.trusted_by(), b"hello") == b""


def test_a_server_that_is_down_ends_the_connection(tmp_path: Path):
    """Behind the door nobody listens: the client sees an end, not a wait."""
    authority = Authority(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    with TlsDoor(free, authority.issue("door")) as door:
        assert heard(door.port, authority.trusted_by(), b"hello") == b""


def test_closing_ends_what_is_open(echo: int, tmp_path: Path):
    """A client that is connected when the door closes is cut off, and the port is free."""
    authority = Authority(tmp_path)
    with TlsDoor(echo, authority.issue("door")) as door:
        plain = socket.create_connection(("127.0.0.1", door.port))
        client = authority.trusted_by().wrap_socket(plain, server_hostname="127.0.0.1")
        client.settimeout(60)
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"

    with client:
        try:
            left = client.recv(1)
        except OSError:
            left = b""
    assert left == b""
    assert not is_listening(door.port)


def test_however_a_connection_is_cut_off_its_server_hears_of_it(echo: int, tmp_path: Path):
    """Cancelled at any moment, also while it ends by itself, a connection leaves no socket to the server behind."""

    async def cut_off(door: TlsDoor, after: int) -> None:
        client = asyncio.StreamReader()
        client.feed_eof()
        _, writer = await asyncio.open_connection("127.0.0.1", echo)
        joined = asyncio.create_task(door._join(client, writer))
        for _ in range(after):
            await asyncio.sleep(0)
        joined.cancel()
        await asyncio.gather(joined, return_exceptions=True)
        writer.close()
        await writer.wait_closed()
        gc.collect()

    with TlsDoor(echo, Authority(tmp_path).issue("door")) as door, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        for after in range(40):
            asyncio.run(cut_off(door, after))
    assert [str(each.message) for each in told] == []
