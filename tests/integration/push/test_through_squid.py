"""Proves with a real squid in between that a proxy which lives while its upstream is dead is found out, and that nothing is lost or doubled by it."""

from __future__ import annotations

import signal
from collections import Counter
from urllib.parse import urlsplit

import pytest
from forwarding_squid import forwarding_squid
from system_program import system_program

from connectors.push import simulator as push
from wellhead.stack.ports import LOOPBACK, PortLease
from wellhead.testing.cut import Cut
from wellhead.testing.server import serve

ENDED = "wellhead_upstream_ended_count_total"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def port():
    lease = PortLease()
    yield lease.take(1)[0]
    lease.release()


def test_a_proxy_that_lives_while_its_upstream_is_dead(listening, port):
    """Events come through squid; a dead upstream behind it is found by silence, squid's own error pages bring no event, and each event is there once."""
    program = system_program("squid", "squid")
    if program is None:
        return
    simulator = push.create(push.Settings(channels=3, events=10, heartbeat_secs=0.5, plain=True))
    with serve(simulator) as url, Cut(urlsplit(url).port or 0) as upstream, forwarding_squid(program) as squid:
        options = {
            **simulator.options(f"http://{upstream.address}"),
            "heartbeat_secs": 1,
            "heartbeats_missed": 4,
            "http.proxy.url": squid,
            "http.connect.timeout.secs": 2,
        }
        worker = listening(options, listeners=f"http://{LOOPBACK}:{port}")
        worker.start()
        worker.until(lambda: len(worker.records()) == 30, "all events, through squid")

        def ended() -> Counter:
            told: Counter = Counter()
            for labels, count in worker.metrics(ENDED).items():
                told[dict(labels)["wellhead_reason"]] += count
            return told

        upstream.black_hole()
        simulator.publish(10)
        worker.until(lambda: ended()["silent"] >= 3, "every silent connection found, while squid keeps it", ended)
        before = ended().total()
        upstream.refuse()
        upstream.reset()
        worker.until(lambda: ended().total() >= before + 3, "squid's answers that are none", ended)
        assert len(worker.records()) == 30
        upstream.heal()
        expected = Counter(record.identity for record in simulator.truth(values=False) if record.kind == "record")
        worker.until(lambda: len(worker.records()) >= expected.total(), "all of it, once the upstream is well again", ended)
        assert Counter(simulator.identity_of(record) for record in worker.records()) == expected
        worker.workers[-1].send_signal(signal.SIGTERM)
        assert worker.workers[-1].wait(60) == 0, worker.log()
        worker.until(lambda: not simulator.watch.open(), "squid closes what nobody listens to")
