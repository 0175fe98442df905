"""Proxies and certificates: the operator's are used, the environment's are not, and errors name the option to change."""

import asyncio
import base64
import contextlib
import os
import socket
import ssl
import threading

import pytest

from wellhead import PermanentError, TemporaryError

pytestmark = pytest.mark.anyio


async def relay(source, target):
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    target.close()


async def tunnel(connection, request):
    """Do what a CONNECT proxy does."""
    host, port = request.target.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    await connection.say(b"HTTP/1.1 200 Connected\r\n\r\n")
    await asyncio.gather(relay(connection.reader, writer), relay(reader, connection.writer))


async def test_plain_calls_go_through_the_proxy_with_its_credentials(serve, client_lab):
    """The proxy is asked for the whole URL with basic authentication, over a watched connection."""

    async def script(connection, request):
        await connection.answer(200, b"via proxy")

    async with serve(script) as proxy:
        address = proxy.url.replace("http://", "http://mole:s3same-open@")
        async with client_lab(proxy_url=address) as lab:
            assert (await lab.client.get("http://vendor.example/logs?a=1")).content == b"via proxy"
            assert lab.client.open_connections == 1
            await lab.client.get("http://vendor.example/logs?a=1")
    assert [request.target for request in proxy.requests] == ["http://vendor.example/logs?a=1"] * 2
    assert base64.b64decode(proxy.requests[0].headers["proxy-authorization"].split()[1]) == b"mole:s3same-open"
    assert proxy.most_open == 1


async def test_tls_calls_are_tunnelled_and_let_go(serve, client_lab, tls_files):
    """Through CONNECT and TLS a call works, its connection is reused, and a cancel leaves no socket anywhere."""
    authority, context = tls_files
    hang = False

    async def script(connection, request):
        if hang:
            await connection.hold()
        else:
            await connection.answer(200, b"tunnelled")

    async with (
        serve(script, context) as server,
        serve(tunnel) as proxy,
        client_lab(proxy_url=proxy.url, ca_file=authority) as lab,
    ):
        for _ in range(2):
            assert (await lab.client.get(server.url)).content == b"tunnelled"
        assert (len(proxy.requests), lab.client.open_connections) == (1, 1)
        hang = True
        task = asyncio.create_task(lab.client.get(server.url))
        await server.is_asked(3)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert lab.client.open_connections == 0
        await server.becomes_empty()
        await proxy.becomes_empty()


async def test_a_cancel_during_connect_through_a_proxy_leaves_no_socket(serve, client_lab):
    """A proxy that never answers CONNECT loses its connection with the cancelled call."""

    async def script(connection, request):
        await connection.hold()

    async with serve(script) as proxy, client_lab(proxy_url=proxy.url) as lab:
        task = asyncio.create_task(lab.client.get("https://vendor.example/"))
        await proxy.is_asked()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert lab.client.open_connections == 0
        await proxy.becomes_empty()


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [(407, PermanentError, "refused the credentials .407.; check http.proxy.url"), (502, TemporaryError, "proxy answered 502")],
)
async def test_a_proxy_that_refuses_is_named(serve, client_lab, status, error, said):
    """407 to CONNECT needs a person and names the option; 502 is tried again."""

    async def script(connection, request):
        await connection.answer(status)

    async with serve(script) as proxy, client_lab(proxy_url=proxy.url) as lab:
        with pytest.raises(error, match=said):
            await lab.client.get("https://vendor.example/")


async def test_only_the_given_authority_is_trusted(serve, client_lab, tls_files):
    """With ca_file the server is trusted; without it the call fails once and names http.ca.file."""
    authority, context = tls_files

    async def script(connection, request):
        await connection.answer(200, b"trusted")

    async with serve(script, context) as server:
        async with client_lab(ca_file=authority) as lab:
            assert (await lab.client.get(server.url)).content == b"trusted"
        async with client_lab() as lab:
            with pytest.raises(PermanentError, match=r"certificate is not trusted .* set http\.ca\.file"):
                await lab.client.get(server.url)
            assert (len(lab.calls), lab.client.open_connections) == (1, 0)


async def test_a_failed_handshake_is_temporary(serve, client_lab):
    """TLS against a plain server fails as a TLS handshake, and leaves no socket."""

    async def script(connection, request):
        connection.close()

    async def nonsense(reader, writer):
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Plain\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    async with server, client_lab(retry_max_attempts=1) as lab:
        with pytest.raises(TemporaryError, match="the TLS handshake failed"):
            await lab.client.get(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        assert lab.client.open_connections == 0


async def test_the_environment_is_not_asked(serve, client_lab, monkeypatch):
    """Proxy and certificate variables of the environment change nothing."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")

    async def script(connection, request):
        await connection.answer(200, b"direct")

    async with serve(script) as server, client_lab() as lab:
        assert (await lab.client.get(server.url)).content == b"direct"
    assert ssl.get_default_verify_paths() is not None


async def test_a_damaged_tls_record_is_a_broken_call(client_lab, tls_files, tmp_path):
    """A record that was damaged on the way is worth another try; it is no defect of the connector."""
    authority, context = tls_files
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        plain, _ = listener.accept()
        with plain, socket.socket(fileno=os.dup(plain.fileno())) as wire, context.wrap_socket(plain, server_side=True) as tls:
            tls.recv(4096)
            tls.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n" + b"x" * 1000)
            wire.sendall(b"\x17\x03\x03\x00\x20" + b"\0" * 32)

    serving = threading.Thread(target=answer, daemon=True)
    serving.start()
    with listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        async with client_lab(ca_file=authority) as lab:
            with pytest.raises(TemporaryError, match="TLS connection was damaged"):
                async with lab.client.download(url, into=tmp_path):
                    pass
        serving.join(5)
