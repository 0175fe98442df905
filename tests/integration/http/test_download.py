"""Downloads against a real, rude server: whole or an error, bounded in memory and disk, and never a file left behind."""

import asyncio
import gzip
import tracemalloc

import pytest

from wellhead import TemporaryError
from wellhead.http.client import MAX_ERROR_PAGE_BYTES

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024


async def test_the_body_is_in_a_file_that_goes_with_the_block(serve, client_lab, tmp_path):
    """The file holds the body, only its owner may read it, and it is gone after the block."""
    body = bytes(range(256)) * 5000

    async def script(connection, request):
        assert request.headers["accept-encoding"] == "identity"
        await connection.answer(200, body, content_disposition="attachment; filename=a.zip")

    async with serve(script) as server, client_lab() as lab:
        async with lab.client.download(server.url, into=tmp_path / "made") as download:
            assert (download.status, download.size_bytes, download.complete) == (200, len(body), True)
            assert download.path.read_bytes() == body
            assert download.path.stat().st_mode & 0o077 == 0
            assert download.headers["Content-Disposition"].endswith("a.zip")
            download.raise_for_status()
        assert list((tmp_path / "made").iterdir()) == []
    assert (lab.calls[0].nbytes, lab.calls[0].status) == (len(body), 200)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"content-length: 300000", "the body was cut after 100,000 of 300,000 bytes"),
        (b"transfer-encoding: chunked", "the body was cut after 99,992 bytes"),
    ],
)
async def test_a_cut_body_says_how_many_bytes_came_and_leaves_no_file(serve, client_lab, tmp_path, head, said):
    """A body cut against its Content-Length or its chunking raises at once, once asked, with the bytes counted."""

    async def script(connection, request):
        first = b"200000\r\n" if b"chunked" in head else b""
        await connection.say(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n", first + b"x" * (100_000 - len(first)))
        connection.close()

    async with serve(script) as server, client_lab() as lab:
        with pytest.raises(TemporaryError, match=said):
            async with lab.client.download(server.url, into=tmp_path):
                pytest.fail("a cut body must not be handed out")
        assert list(tmp_path.iterdir()) == []
        assert (len(server.requests), lab.client.open_connections) == (1, 0)


async def test_5xx_before_the_body_is_tried_again(serve, client_lab, tmp_path):
    """A 503 page leaves nothing in the file of the answer that follows it."""
    answers = iter([(503, b"a long page about maintenance"), (200, b"zip")])

    async def script(connection, request):
        await connection.answer(*next(answers))

    async with serve(script) as server, client_lab() as lab, lab.client.download(server.url, into=tmp_path) as download:
        assert (download.path.read_bytes(), download.size_bytes) == (b"zip", 3)


async def test_a_refused_connection_is_tried_again(serve, client_lab, tmp_path):
    """Connecting fails four times before the download does."""

    async def script(connection, request):
        await connection.answer()

    async with serve(script) as server:
        gone = server.url
    async with client_lab() as lab:
        with pytest.raises(TemporaryError, match="refused, attempt 4"):
            async with lab.client.download(gone, into=tmp_path):
                pytest.fail("nothing came")
    assert list(tmp_path.iterdir()) == []


async def test_an_endless_error_page_is_not_kept_whole(serve, client_lab, tmp_path):
    """Of a 404 without end about a MiB is kept, and it says that it is not complete."""

    async def script(connection, request):
        await connection.say(b"HTTP/1.1 404 Not Found\r\n\r\n")
        while True:
            await connection.say(b"<p>" * 20_000)

    async with serve(script) as server, client_lab() as lab:
        async with lab.client.download(server.url, into=tmp_path) as download:
            assert (download.status, download.complete) == (404, False)
            assert MAX_ERROR_PAGE_BYTES < download.size_bytes < 2 * MAX_ERROR_PAGE_BYTES
        await server.becomes_empty()


async def test_the_disk_is_looked_at_before_the_vendor_is_asked(serve, client_lab, tmp_path):
    """With too little disk no request is made; with too little for the announced body nothing of it is read."""

    async def script(connection, request):
        await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % 2**60)
        await connection.hold()

    async with serve(script) as server:
        async with client_lab(min_free_bytes=2**62) as lab:
            with pytest.raises(TemporaryError, match="must stay free; free space there"):
                async with lab.client.download(server.url, into=tmp_path):
                    pytest.fail("the disk is too full")
        assert server.requests == []
        async with client_lab() as lab:
            with pytest.raises(TemporaryError, match="the body is 1,152,921,504,606,846,976 bytes long"):
                async with lab.client.download(server.url, into=tmp_path):
                    pytest.fail("the body is too long")
        await server.becomes_empty()
    assert list(tmp_path.iterdir()) == []


async def test_an_error_in_the_block_deletes_the_file(serve, client_lab, tmp_path):
    """What the caller raises passes through and the file is gone."""

    async def script(connection, request):
        await connection.answer(200, b"zip")

    async with serve(script) as server, client_lab() as lab:
        with pytest.raises(FileExistsError):
            async with lab.client.download(server.url, into=tmp_path) as download:
                download.path.touch(exist_ok=False)
    assert list(tmp_path.iterdir()) == []


async def test_a_long_body_costs_no_memory(serve, client_lab, tmp_path):
    """64 MiB in small chunks are downloaded with under 4 MiB of memory."""
    size = 64 * MIB

    async def script(connection, request):
        await connection.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b"z" * 65536 + b"\r\n"
        for _ in range(size // 65536):
            await connection.say(chunk)
        await connection.say(b"0\r\n\r\n")

    async with serve(script) as server, client_lab() as lab:
        tracemalloc.start()
        try:
            async with lab.client.download(server.url, into=tmp_path) as download:
                assert download.size_bytes == download.path.stat().st_size == size
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 4 * MIB


async def test_the_download_timeout_ends_a_trickle(serve, client_lab, tmp_path):
    """download_timeout_secs, not total_timeout_secs, bounds a download, and the file is gone."""

    async def script(connection, request):
        await connection.say(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await connection.say(b"x")
            await asyncio.sleep(0.02)

    async with serve(script) as server, client_lab(download_timeout_secs=0.2, total_timeout_secs=0.01) as lab:
        with pytest.raises(TemporaryError, match=r"no complete answer within 0\.2 s after \d+ bytes"):
            async with lab.client.download(server.url, into=tmp_path):
                pytest.fail("it never ends")
        await server.becomes_empty()
    assert (list(tmp_path.iterdir()), len(server.requests)) == ([], 1)


@pytest.mark.parametrize(("asked", "stored"), [({}, b"plain"), ({"Accept-Encoding": "gzip"}, None)])
async def test_an_encoding_is_removed_unless_asked_for(serve, client_lab, tmp_path, asked, stored):
    """A server that compresses unasked is undone; one that was told to is stored as sent."""
    packed = gzip.compress(b"plain")

    async def script(connection, request):
        await connection.answer(200, packed, content_encoding="gzip")

    async with (
        serve(script) as server,
        client_lab() as lab,
        lab.client.download(server.url, headers=asked, into=tmp_path) as download,
    ):
        assert download.path.read_bytes() == (stored or packed)
    assert server.requests[0].headers["accept-encoding"] == ("gzip" if asked else "identity")
