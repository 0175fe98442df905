"""Requests against a real, rude server: what is tried again, what is handed back, what is refused."""

import asyncio
import gzip
from email.utils import formatdate

import pytest

from wellhead import PermanentError, TemporaryError

pytestmark = pytest.mark.anyio


async def test_5xx_is_tried_again_with_growing_jittered_waits(serve, client_lab):
    """Three 5xx answers cost three waits, each at most double the one before, and every attempt is recorded."""
    statuses = iter([500, 502, 503, 200])

    async def script(connection, request):
        await connection.answer(next(statuses), b"ok", x_ratelimit_remaining="41")

    async with serve(script) as server, client_lab() as lab:
        response = await lab.client.get(f"{server.url}/logs", params={"from": 7})
    assert (response.status, response.content, response.headers["X-RateLimit-Remaining"]) == (200, b"ok", "41")
    assert [0.25 <= lab.clock.sleeps[0] <= 0.5, 0.5 <= lab.clock.sleeps[1] <= 1, 1 <= lab.clock.sleeps[2] <= 2] == [True] * 3
    assert [(call.status, call.retried, call.nbytes, call.quota_remaining) for call in lab.calls] == [
        (500, False, 2, 41),
        (502, True, 2, 41),
        (503, True, 2, 41),
        (200, True, 2, 41),
    ]
    assert server.requests[0].target == "/logs?from=7"


async def test_after_the_last_attempt_the_bad_status_is_handed_back(serve, client_lab):
    """A server that stays broken gives its 500 to the connector, not an exception of ours."""

    async def script(connection, request):
        await connection.answer(500)

    async with serve(script) as server, client_lab(retry_max_attempts=2) as lab:
        response = await lab.client.get(server.url)
    assert (response.status, len(server.requests)) == (500, 2)
    with pytest.raises(TemporaryError, match=r"GET 127\.0\.0\.1:\d+/: 500 Internal Server Error; it will be tried again"):
        response.raise_for_status()


@pytest.mark.parametrize("rudeness", ["reset", "close", "cut", "cut chunk", "nonsense"])
async def test_a_broken_connection_is_tried_again_and_then_temporary(serve, client_lab, rudeness):
    """Reset, silence, a cut body and garbage are repeated in place, then raise TemporaryError without the query."""

    async def script(connection, request):
        match rudeness:
            case "cut":
                await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\nonly this")
            case "cut chunk":
                await connection.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n400\r\nonly this")
            case "nonsense":
                await connection.say(b"sesame s3same open\r\n\r\n")
        connection.reset() if rudeness == "reset" else connection.close()

    async with serve(script) as server, client_lab(retry_max_attempts=3) as lab:
        with pytest.raises(TemporaryError) as caught:
            await lab.client.get(f"{server.url}/v1/logs?key=s3same")
    assert len(server.requests) == len(lab.calls) == 3
    assert str(caught.value).startswith(f"GET 127.0.0.1:{server.port}/v1/logs: ")
    assert "attempt 3" in str(caught.value)
    assert "s3same" not in str(caught.value)
    assert ("cut after 9 of 1,234 bytes" in str(caught.value)) == (rudeness == "cut")
    assert ("cut after 9 bytes" in str(caught.value) or "after " in str(caught.value)) == rudeness.startswith("cut")


async def test_a_refused_connection_says_so(serve, client_lab):
    """A host where nobody listens gives a TemporaryError that says the connection was refused."""

    async def script(connection, request):
        await connection.answer()

    async with serve(script) as server:
        gone = server.url
    async with client_lab() as lab:
        with pytest.raises(TemporaryError, match="the connection was refused, attempt 4"):
            await lab.client.get(gone)
    assert [call.status for call in lab.calls] == [None] * 4


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_a_short_retry_after_is_waited_out_in_place(serve, client_lab, form):
    """429 with a Retry-After of a few seconds, as number or HTTP date, is waited for exactly that long."""

    async with client_lab() as lab:
        later = formatdate(lab.clock.now_ms() / 1000 + 7, usegmt=True)
        answers = iter([(429, {"retry_after": "7" if form == "seconds" else later}), (200, {})])

        async def script(connection, request):
            status, headers = next(answers)
            await connection.answer(status, **headers)

        async with serve(script) as server:
            assert (await lab.client.get(server.url)).status == 200
    assert lab.clock.sleeps == [7]


@pytest.mark.parametrize("status", [429, 503])
async def test_a_long_retry_after_is_handed_to_the_runtime(serve, client_lab, status):
    """An hour's Retry-After is returned at once and becomes after_secs."""

    async def script(connection, request):
        await connection.answer(status, retry_after="3600")

    async with serve(script) as server, client_lab() as lab:
        response = await lab.client.get(server.url)
    assert (lab.clock.sleeps, len(server.requests), response.retry_after_secs) == ([], 1, 3600)
    with pytest.raises(TemporaryError, match="asks to wait 3600 s") as caught:
        response.raise_for_status()
    assert caught.value.after_secs == 3600


async def test_a_client_error_is_handed_back_untouched(serve, client_lab):
    """410 comes back once, with its body, for the connector to interpret."""

    async def script(connection, request):
        await connection.answer(410, b"token expired")

    async with serve(script) as server, client_lab() as lab:
        response = await lab.client.get(server.url)
    assert (response.status, response.content, len(server.requests)) == (410, b"token expired", 1)


@pytest.mark.parametrize(("idempotent", "asked"), [(None, 1), (True, 4)])
async def test_a_post_is_repeated_only_when_it_is_said_to_be_safe(serve, client_lab, idempotent, asked):
    """A POST whose answer is lost is sent once, unless the caller calls it idempotent."""

    async def script(connection, request):
        connection.reset()

    async with serve(script) as server, client_lab() as lab:
        with pytest.raises(TemporaryError):
            await lab.client.request("POST", server.url, content=b"{}", idempotent=idempotent)
    assert [request.body for request in server.requests] == [b"{}"] * asked


async def test_a_body_without_end_stops_at_max_bytes(serve, client_lab):
    """An endless body raises PermanentError soon after max_bytes, and its socket is closed."""

    async def script(connection, request):
        await connection.say(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await connection.say(b"x" * 65536)

    async with serve(script) as server, client_lab() as lab:
        with pytest.raises(PermanentError, match="longer than 100,000 bytes; ask for smaller pages"):
            await lab.client.get(server.url, max_bytes=100_000)
        await server.becomes_empty()
        assert lab.client.open_connections == 0
    assert lab.calls[0].nbytes < 1_000_000


async def test_a_huge_header_is_refused(serve, client_lab):
    """A header of a megabyte gives a TemporaryError that names the limit, not a memory bill."""

    async def script(connection, request):
        await connection.say(b"HTTP/1.1 200 OK\r\n", *[b"x-pad: " + b"y" * 1000 + b"\r\n"] * 1000, b"\r\n")

    async with serve(script) as server, client_lab(retry_max_attempts=1) as lab:
        with pytest.raises(TemporaryError, match="header is over 100 KiB"):
            await lab.client.get(server.url)


async def test_bytes_beyond_the_declared_length_are_not_read_as_body_or_next_answer(serve, client_lab):
    """A body longer than its Content-Length ends where it said, and the surplus never answers the next request."""

    async def script(connection, request):
        await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")

    async with serve(script) as server, client_lab() as lab:
        assert [(await lab.client.get(server.url)).content for _ in range(3)] == [b"ok"] * 3


async def test_the_gate_is_passed_before_every_attempt_and_may_refuse(serve, client_lab):
    """Each attempt awaits the gate first; what it raises reaches the caller and the vendor is not asked."""
    passes = iter([None, None, TemporaryError("no lease")])

    async def gate():
        if (refusal := next(passes)) is not None:
            raise refusal

    async def script(connection, request):
        await connection.answer(500)

    async with serve(script) as server, client_lab(gate=gate) as lab:
        with pytest.raises(TemporaryError, match="no lease"):
            await lab.client.get(server.url)
    assert len(server.requests) == len(lab.calls) == 2


async def test_one_host_never_sees_more_connections_than_allowed(serve, client_lab):
    """Ten calls at once over a limit of two keep two connections at most, and all are answered."""

    async def script(connection, request):
        await asyncio.sleep(0.005)
        await connection.answer(200, b"x")

    async with serve(script) as server, client_lab(max_connections_per_host=2) as lab:
        answers = await asyncio.gather(*(lab.client.get(server.url) for _ in range(10)))
    assert (server.most_open, len(answers)) == (2, 10)


async def test_silence_ends_at_the_read_timeout(serve, client_lab):
    """A server that says nothing is given up after read_timeout_secs."""

    async def script(connection, request):
        await connection.hold()

    async with serve(script) as server, client_lab(retry_max_attempts=1, read_timeout_secs=0.1) as lab:
        with pytest.raises(TemporaryError, match=r"no byte for 0\.1 s"):
            await lab.client.get(server.url)
        await server.becomes_empty()


async def test_a_trickle_ends_at_the_total_timeout(serve, client_lab):
    """A server that keeps a body alive byte by byte is given up after total_timeout_secs."""

    async def script(connection, request):
        await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while True:
            await connection.say(b"x")
            await asyncio.sleep(0.02)

    async with serve(script) as server, client_lab(retry_max_attempts=1, total_timeout_secs=0.2) as lab:
        with pytest.raises(TemporaryError, match=r"no complete answer within 0\.2 s after \d+ of 1,000 bytes"):
            await lab.client.get(server.url)
        await server.becomes_empty()


async def test_cookies_are_not_kept_between_calls(serve, client_lab):
    """A cookie set by one answer is not sent with the next request: tenants may share a host."""

    async def script(connection, request):
        await connection.answer(200, set_cookie="session=tenant-a; Path=/")

    async with serve(script) as server, client_lab() as lab:
        await lab.client.get(server.url)
        await lab.client.get(server.url)
    assert "cookie" not in server.requests[1].headers


async def test_content_encoding_is_removed(serve, client_lab):
    """A gzip-encoded answer is asked for and comes out plain; a damaged one is a TemporaryError."""
    bodies = iter([gzip.compress(b"plain" * 100), b"not gzip at all"])

    async def script(connection, request):
        assert "gzip" in request.headers["accept-encoding"]
        await connection.answer(200, next(bodies), content_encoding="gzip")

    async with serve(script) as server, client_lab(retry_max_attempts=1) as lab:
        assert (await lab.client.get(server.url)).content == b"plain" * 100
        with pytest.raises(TemporaryError, match="does not match its content encoding"):
            await lab.client.get(server.url)
