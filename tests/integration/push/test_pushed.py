"""Proves with real workers on a real broker that pushed events arrive once, and that no connection outlives who listens to it, as the server sees it."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections import Counter

import pytest
import uvicorn
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.routing import Route

from connectors.push import simulator as push
from wellhead.testing.server import serve

pytestmark = pytest.mark.timeout(400)


def identities(simulator) -> Counter:
    return Counter(record.identity for record in simulator.truth(values=False) if record.kind == "record")


@pytest.mark.parametrize("protocol", ["sse", "ndjson"])
def test_killed_and_stopped_it_loses_and_doubles_nothing(listening, protocol):
    """Three channels push on while their worker is killed, started, stopped and started: every event is in the topic, once."""
    simulator = push.create(push.Settings(protocol=protocol, channels=3, events=200))
    with serve(simulator) as url:
        worker = listening(simulator.options(url))
        worker.start()
        worker.until(lambda: len(worker.records()) >= 300, "half of what is there")
        worker.workers[-1].kill()
        worker.workers[-1].wait(30)
        worker.until(lambda: not simulator.watch.open(), "its connections are gone")
        simulator.publish(100)
        worker.start()
        worker.until(lambda: len(simulator.watch.open()) == 3, "connected again")
        simulator.publish(50)
        worker.workers[-1].send_signal(signal.SIGTERM)
        assert worker.workers[-1].wait(30) == 0, worker.log()
        simulator.publish(50)
        worker.start()
        expected = identities(simulator)
        worker.until(lambda: len(worker.records()) >= expected.total(), "all of it")
        read = Counter(simulator.identity_of(record) for record in worker.records())
        assert ((expected - read).total(), (read - expected).total()) == (0, 0), "(lost, doubled)"


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_nobody_is_left_listening(listening, signum):
    """Stopped or killed, a worker leaves no connection: the server sees every one of them closed by its client, and none comes back."""
    simulator = push.create(push.Settings(channels=20, events=1, heartbeat_secs=1))
    with serve(simulator) as url:
        worker = listening(simulator.options(url))
        worker.start()
        worker.until(lambda: len(simulator.watch.open()) == 20, "all connected")
        worker.until(lambda: len(worker.records()) == 20, "their first events")
        worker.workers[-1].send_signal(signum)
        worker.until(lambda: not simulator.watch.open(), "all closed")
        assert worker.workers[-1].wait(30) == (0 if signum is signal.SIGTERM else -signum)
        assert {stream.ended_by for stream in simulator.watch.streams()} == {"client"}
        assert len(simulator.watch.streams()) == 20, "none was made twice"


def test_a_dead_stream_is_found_and_made_again(listening):
    """A server that keeps the connection and sends nothing is found by its silence, asked again, and what it held comes then, once."""
    simulator = push.create(push.Settings(channels=2, events=20, heartbeat_secs=0.3, faults=("half_open:1@1",)))
    with serve(simulator) as url:
        worker = listening({**simulator.options(url), "heartbeat_secs": 0.5, "heartbeats_missed": 3})
        worker.start()
        expected = identities(simulator)
        worker.until(lambda: len(worker.records()) >= expected.total(), "all of it")
        assert Counter(simulator.identity_of(record) for record in worker.records()) == expected
        assert len(simulator.watch.streams()) >= 3


class Feed:
    """A server by others: sse-starlette; it pings by itself and knows who listens."""

    def __init__(self) -> None:
        self.listeners = 0
        self.asked: list[str | None] = []
        app = Starlette(routes=[Route("/feed", self.feed)])
        self.server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
        self._thread = threading.Thread(target=self.server.run, daemon=True)

    async def feed(self, request):
        since = request.headers.get("last-event-id")
        self.asked.append(since)

        async def events():
            self.listeners += 1
            try:
                for number in range(int(since or 0) + 1, 101):
                    yield {"id": str(number), "event": "alert", "data": f'{{"seq": {number}}}\nsecond line é'}
                    if number % 40 == 0 and str(number) != since:
                        return  # the server ends the stream now and then
                await asyncio.Event().wait()
            finally:
                self.listeners -= 1

        return EventSourceResponse(events(), ping=1)

    def __enter__(self):
        self._thread.start()
        deadline = time.monotonic() + 30
        while not self.server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}/feed"
        return self

    def __exit__(self, *_exc):
        self.server.should_exit = True
        self._thread.join(30)


def test_a_server_that_others_wrote(listening):
    """sse-starlette's events, pings and ends are understood: all events once, gone on from the last id; and it sees its listener go."""
    with Feed() as feed:
        worker = listening({"url": feed.url, "heartbeat_secs": 2})
        worker.start()
        worker.until(lambda: len(worker.records()) >= 100, "all events")
        records = worker.records()
        assert [record["id"] for record in records] == [str(number) for number in range(1, 101)]
        assert {record["event"] for record in records} == {"alert"}
        assert records[4]["data"] == '{"seq": 5}\nsecond line é'
        assert feed.asked[:3] == [None, "40", "80"]
        worker.until(lambda: feed.listeners == 1, "it listens on")
        worker.workers[-1].send_signal(signal.SIGTERM)
        worker.until(lambda: feed.listeners == 0, "nobody listens any more")
        assert worker.workers[-1].wait(30) == 0
