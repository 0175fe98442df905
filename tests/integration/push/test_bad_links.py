"""Proves over a real toxiproxy that each way in which a link goes bad is counted under its name and got over, with every event there once."""

from __future__ import annotations

import signal
from collections import Counter
from urllib.parse import urlsplit

import pytest
from toxiproxy import Toxiproxy

from connectors.push import simulator as push
from wellhead.stack.ports import LOOPBACK, PortLease
from wellhead.testing.server import serve

ENDED = "wellhead_upstream_ended_count_total"
LINKS = ("latency", "timeout", "reset_peer", "limit_data", "bandwidth", "down")
FOUND = {"timeout": {"silent"}, "reset_peer": {"reset", "failed"}, "limit_data": {"cut", "reset"}, "down": {"cut", "reset"}}
"""As what each is counted; a connection shut in the middle of a body may be reset by what is unread, and toxiproxy resets new ones, which fail then."""

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def toxiproxy():
    with Toxiproxy() as running:
        yield running


@pytest.fixture
def port():
    lease = PortLease()
    yield lease.take(1)[0]
    lease.release()


def test_bad_links_are_found_counted_and_got_over(listening, toxiproxy, port):
    """Slow, stalled, reset, cut, crawling and shut: none takes the others along, and each brings its events once, in the end."""
    simulator = push.create(push.Settings(channels=len(LINKS), events=10, heartbeat_secs=0.5, plain=True))
    with serve(simulator) as url:
        names = dict(zip(LINKS, simulator.settings.names, strict=True))
        links = {kind: toxiproxy.link(kind, urlsplit(url).port) for kind in LINKS}
        channels = {name: f"http://{links[kind].address}/sse/{name}" for kind, name in names.items()}
        options = {**simulator.options(url), "channels": channels, "heartbeat_secs": 1, "heartbeats_missed": 4}
        del options["url"]
        worker = listening({**options, "http.connect.timeout.secs": 2}, listeners=f"http://{LOOPBACK}:{port}")
        worker.start()
        worker.until(lambda: len(worker.records()) == 10 * len(LINKS), "all events, over links that are well")

        links["latency"].poison("latency", latency=300, jitter=200)
        links["timeout"].poison("timeout", timeout=0)
        links["reset_peer"].poison("reset_peer", timeout=0)
        links["limit_data"].poison("limit_data", bytes=3_000)
        links["bandwidth"].poison("bandwidth", rate=2)
        links["down"].up(is_up=False)
        simulator.publish(30)

        def found() -> dict[str, set[str]]:
            told = {kind: set() for kind in FOUND}
            for labels, count in worker.metrics(ENDED).items():
                for kind in told:
                    if count and ("server_address", links[kind].address) in labels:
                        told[kind] |= {value for _, value in labels}
            return told

        worker.until(lambda: all(found()[kind] & FOUND[kind] for kind in FOUND), f"each bad link found, as {FOUND}", found)

        def come() -> Counter:
            return Counter(record["channel"] for record in worker.records())

        for kind in ("latency", "limit_data", "bandwidth"):
            worker.until(lambda kind=kind: come()[names[kind]] >= 40, f"what comes over a link with {kind}")
        for kind in ("timeout", "reset_peer"):
            links[kind].heal(kind)
        links["down"].up(is_up=True)
        simulator.publish(5)
        expected = Counter(record.identity for record in simulator.truth(values=False) if record.kind == "record")
        worker.until(lambda: len(worker.records()) >= expected.total(), "all events, also over links that are well again")
        assert Counter(simulator.identity_of(record) for record in worker.records()) == expected
        worker.workers[-1].send_signal(signal.SIGTERM)
        assert worker.workers[-1].wait(60) == 0, worker.log()


def test_one_failed_channel_is_seen_where_a_person_looks(listening, port):
    """The task's status names the channel that failed, and why, while the others bring their events."""
    simulator = push.create(push.Settings(events=3))
    with serve(simulator) as url:
        options = simulator.options(url)
        channels = {"well": options.pop("url"), "moved": f"{url}/nowhere"}
        worker = listening({**options, "channels": channels}, listeners=f"http://{LOOPBACK}:{port}")
        worker.start()
        worker.until(lambda: len(worker.records()) == 3, "the events of the one that is well")
        worker.until(
            lambda: "channel moved has failed, others go on" in worker.health(), "the other in the status", worker.health
        )
        assert "404" in worker.health()
