import asyncio
import signal
import socket
import threading
import time

import httpx
import pytest

from wellhead.errors import ConfigError
from wellhead.rest.health import create_app
from wellhead.rest.serving import serve

HEALTHY = {"status": "healthy", "message": "fine"}


def app(health=lambda: HEALTHY, metrics=lambda: (b"page", "text/plain")):
    return create_app(health, metrics)


def test_serves_on_free_ports_and_stops_quickly():
    """Port 0 gives a real port per listener, both answer, and stopping takes less than a second with a client connected."""

    async def scenario():
        serving = await serve(app(), "http://127.0.0.1:0, http://localhost:0")
        async with httpx.AsyncClient() as client:
            codes = [(await client.get(f"{url}/health")).status_code for url in serving.urls]
            started = time.monotonic()
            await serving.stop()
            stopped_secs = time.monotonic() - started
            with pytest.raises(httpx.ConnectError):
                await client.get(f"{serving.urls[0]}/health")
        return codes, stopped_secs

    codes, stopped_secs = asyncio.run(scenario())
    assert codes == [200, 200]
    assert stopped_secs < 1


def test_signal_handlers_are_left_alone():
    """Serving changes no signal handler: what Ctrl-C means is the worker's to say."""

    def handlers():
        return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    async def scenario():
        before = handlers()
        async with await serve(app(), "http://127.0.0.1:0"):
            return before, handlers()

    before, during = asyncio.run(scenario())
    assert during == before


def test_a_request_that_hangs_does_not_hold_up_the_stop():
    """An answer that never comes is dropped after a moment."""
    release = threading.Event()

    async def scenario():
        loop, entered = asyncio.get_running_loop(), asyncio.Event()

        def slow():
            loop.call_soon_threadsafe(entered.set)
            release.wait(20)
            return b"", "text/plain"

        serving = await serve(app(metrics=slow), "http://127.0.0.1:0")
        async with httpx.AsyncClient() as client:
            asking = asyncio.create_task(client.get(f"{serving.urls[0]}/metrics"))
            await entered.wait()
            started = time.monotonic()
            await serving.stop()
            stopped_secs = time.monotonic() - started
            release.set()
            with pytest.raises(httpx.HTTPError):
                await asking
        return stopped_secs

    assert asyncio.run(scenario()) < 1


def test_a_slow_page_does_not_hold_up_the_loop():
    """While a metrics page is being made, liveness answers."""
    release = threading.Event()

    def slow():
        release.wait(20)
        return b"made", "text/plain"

    async def scenario():
        async with await serve(app(metrics=slow), "http://127.0.0.1:0") as serving, httpx.AsyncClient() as client:
            page = asyncio.create_task(client.get(f"{serving.urls[0]}/metrics"))
            live = await client.get(f"{serving.urls[0]}/live")
            release.set()
            return live.status_code, (await page).content

    assert asyncio.run(scenario()) == (200, b"made")


def test_an_address_in_use():
    """A taken port is a configuration problem that names the listener; no other listener stays open."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError) as raised:
            asyncio.run(serve(app(), f"http://127.0.0.1:0,{busy}"))
    assert f"cannot listen on {busy}: Address already in use" in str(raised.value)


@pytest.mark.parametrize(
    "listener", ["ftp://127.0.0.1:8443", "127.0.0.1:8083", "http://127.0.0.1", "http://127.0.0.1:99999", "http://h:1/x"]
)
def test_listeners_that_make_no_sense(listener):
    """What is not http://host:port or https://host:port is refused with the form it should have."""
    with pytest.raises(ConfigError, match="listeners: cannot listen on"):
        asyncio.run(serve(app(), listener))
