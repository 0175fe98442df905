"""What the client settles without a network."""

import asyncio

import pytest

from wellhead import PermanentError, TemporaryError
from wellhead.http import HttpClient, HttpSettings
from wellhead.testing.clock import FakeClock


def run(scene, **arguments: object):
    async def whole():
        async with HttpClient(HttpSettings(), clock=FakeClock(auto=True), **arguments) as client:
            return await scene(client)

    return asyncio.run(whole())


def test_a_closed_client_asks_nobody():
    """After aclose() a call raises TemporaryError at once; closing twice is no error."""
    calls = []

    async def scene(client):
        await client.aclose()
        with pytest.raises(TemporaryError, match=r"GET v\.example/: the HTTP client is closed"):
            await client.get("https://v.example/")
        await client.aclose()
        return client.open_connections

    assert run(scene, on_call=calls.append) == 0
    assert calls == []


def test_a_bad_url_is_refused_before_the_gate_and_the_disk(tmp_path):
    """A URL nobody can ask costs neither a gate pass nor a file."""
    passed = []

    async def gate():
        passed.append(1)

    async def scene(client):
        with pytest.raises(PermanentError, match="URL is not valid"):
            await client.get("vendor.example")
        with pytest.raises(PermanentError, match="URL is not valid"):
            async with client.download("vendor.example", into=tmp_path):
                pytest.fail("there is no such URL")

    run(scene, gate=gate)
    assert (passed, list(tmp_path.iterdir())) == ([], [])


def test_one_client_can_be_made_outside_a_loop():
    """Construction needs no running loop, so a worker may prepare its clients before it starts."""
    client = HttpClient(HttpSettings(), clock=FakeClock())
    asyncio.run(client.aclose())
    assert client.open_connections == 0
