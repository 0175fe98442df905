"""Tests of running the parts of flood watches together."""

import asyncio
from contextlib import contextmanager

from watchable import settings, worker

from wellhead.config import Deployment
from wellhead.consumers.floods.make import detectors, limits_for
from wellhead.consumers.floods.service import FloodsService
from wellhead.consumers.lag import Place
from wellhead.errors import TemporaryError


class QuietProbe:
    """Every group has done everything."""

    def __init__(self):
        self.asked = []

    def places(self, group, topic, *, start="earliest"):
        self.asked.append(group)
        return {0: Place(3, 3, 3)}

    def close(self):
        pass


class ScriptedMakers:
    """Makes parts that say that they run and wait for the end; `broken` names those that raise instead."""

    def __init__(self, **broken):
        self.broken = broken
        self.made, self.ended = [], []

    @contextmanager
    def _part(self, name, around, tally):
        makers = self

        class Part:
            def run(self):
                makers.made.append(name)
                if (error := makers.broken.get(name)) is not None:
                    raise error
                tally.state("running")
                around.stop.wait()
                makers.ended.append(name)

        yield Part()

    def flow(self, around, topic, tally):
        return self._part(topic, around, tally)

    def bypass(self, around, tally):
        return self._part("bypass", around, tally)


def deployment(**words):
    return Deployment(worker(), (), floods=(settings(topics="gate.connection, gate.access_log", **words),))


async def run(service, condition):
    async with service:
        running = asyncio.create_task(service.run())
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 - threads reach it, which set no event of the loop
                await asyncio.sleep(0.01)
        told = service.health()
        service.stop()
        await running
    return told


def test_every_topic_and_the_bypass_file_have_a_part():
    """Side by side; the file's is in no group, so nobody asks for its lag."""
    makers, probe = ScriptedMakers(), QuietProbe()
    service = FloodsService(deployment(bypass={"file": "/tmp/b"}), makers=makers, probe=probe)
    told = asyncio.run(run(service, lambda: service.health()["status"] == "healthy" and len(probe.asked) > 1))
    assert sorted(makers.made) == sorted(makers.ended) == ["bypass", "gate.access_log", "gate.connection"]
    entry = told["floods"]["proxies"]
    assert entry["topics"]["gate.connection"]["consumer_group"] == "g-proxies-gate.connection"
    assert (set(entry["topics"]), entry["bypass"]["state"]) == ({"gate.connection", "gate.access_log"}, "running")
    assert set(probe.asked) == {"g-proxies-gate.connection", "g-proxies-gate.access_log"}


def test_without_a_file_nobody_keeps_one():
    """A part that waits is told while the other works."""
    makers = ScriptedMakers(**{"gate.access_log": TemporaryError("no topic yet")})
    service = FloodsService(deployment(), makers=makers, probe=QuietProbe())
    told = asyncio.run(run(service, lambda: "waiting" in service.health()["message"] and "gate.connection" in makers.made))
    assert "bypass" not in told["floods"]["proxies"]
    assert "proxies/gate.access_log is waiting: no topic yet" in told["message"]


def test_one_pass_ends_by_itself():
    """Everything is done: the parts are stopped, and the answer is yes."""
    service = FloodsService(deployment(bypass={"file": "/tmp/b"}), makers=ScriptedMakers(), probe=QuietProbe())

    async def once():
        async with service, asyncio.timeout(60):
            return await service.run(once=True)

    assert asyncio.run(once()) is True


def test_limits_are_those_of_the_file_then_of_the_gateway():
    """The first gateway pattern that matches replaces what it names, and nothing else; destinations have their own."""
    words = settings(
        limits={"established.max": 800, "idle.secs": 60},
        gateways=[
            {"match": "proxy-*", "limits": {"established.max": 300}},
            {"match": "*", "limits": {"total.max": 5}},
        ],
        destinations=[{"match": "*.ticker.example", "limits": {"share.max": 0.9}}],
    )
    proxy, other = limits_for(words, "proxy-1"), limits_for(words, "edge")
    assert (proxy.established_max, proxy.total_max, proxy.idle_secs) == (300, 20_000, 60)
    assert (other.established_max, other.total_max) == (800, 5)
    ticker = proxy.of(["*.ticker.example"])
    assert (ticker.share_max, ticker.established_max) == (0.9, 300)
    assert detectors(words)("edge").gateway == "edge"
