"""Tests of running the parts together."""

import asyncio
import threading
from contextlib import contextmanager

import pytest

from wellhead.config import Deployment
from wellhead.config.attacks import AttacksSettings
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.attacks.service import AttacksService
from wellhead.consumers.lag import Place
from wellhead.errors import TemporaryError

WORKER = WorkerSettings.layered(
    flags={},
    environment={},
    files={
        "kafka": {"bootstrap.servers": "127.0.0.1:9"},
        "schema.registry": {"url": "http://127.0.0.1:9"},
        "group.id": "g",
        "listeners": "",
    },
)


def deployment(**changes):
    entry = {
        "name": "wallarm",
        "topic": "wallarm.hit",
        "rules": "wallarm/basic",
        "redis": {"url": "redis://127.0.0.1", "password": "r3dis-pass"},
        "stores": {"primary": {"url": "http://127.0.0.1:9200"}, "second": {"url": "http://127.0.0.1:9201"}},
    }
    return Deployment(WORKER, (), attacks=(AttacksSettings.model_validate(entry | changes),))


class QuietProbe:
    """Every group has done everything."""

    def places(self, group, topic, *, start="earliest"):
        return {0: Place(3, 3, 3)}

    def close(self):
        pass


class ScriptedMakers:
    """Makes parts that say that they run and wait for the end; `broken` names those that raise instead."""

    def __init__(self, **broken):
        self.broken = broken
        self.made, self.ended = [], []
        self.all_up = threading.Event()
        self.wanted = 3

    @contextmanager
    def _part(self, name, around, tally):
        makers = self

        class Part:
            def run(self):
                makers.made.append(name)
                if len(makers.made) >= makers.wanted:
                    makers.all_up.set()
                if (error := makers.broken.get(name)) is not None:
                    raise error
                tally.state("running")
                around.stop.wait()
                makers.ended.append(name)

        yield Part()

    def grouper(self, around, tally):
        return self._part("group", around, tally)

    def writer(self, around, reader, tally):
        return self._part(reader.store, around, tally)


async def until(condition):
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - threads reach it, which set no event of the loop
            await asyncio.sleep(0.01)


async def run(service, condition):
    """Run it until the condition holds, stop it, and give its answer about its health then."""
    async with service:
        running = asyncio.create_task(service.run())
        await until(condition)
        told = service.health()
        service.stop()
        await running
    return told


def test_every_part_runs_and_ends_when_told_to_stop():
    """The grouper and one writer for each store, side by side."""
    makers = ScriptedMakers()
    service = AttacksService(deployment(), makers=makers, probe=QuietProbe())
    told = asyncio.run(run(service, lambda: service.health()["status"] == "healthy"))
    assert sorted(makers.made) == sorted(makers.ended) == ["group", "primary", "second"]
    assert (told["status"], told["message"], service.abandoned) == ("healthy", "every part is at work", False)
    assert set(told["attacks"]["wallarm"]["stores"]) == {"primary", "second"}
    assert told["attacks"]["wallarm"]["group"]["consumer_group"] == "g"
    assert told["attacks"]["wallarm"]["stores"]["second"]["consumer_group"] == "g-second"


@pytest.mark.parametrize(("roles", "expected"), [("group", ["group"]), ("store", ["primary", "second"])])
def test_a_process_may_have_one_role(roles, expected):
    """The other is another process's."""
    makers = ScriptedMakers()
    makers.wanted = len(expected)
    service = AttacksService(deployment(roles=roles), makers=makers, probe=QuietProbe())
    asyncio.run(run(service, makers.all_up.is_set))
    assert sorted(makers.made) == expected


def test_a_part_that_waits_is_told_while_the_others_work():
    """What it waits for is said at once, without secrets; it is no alert yet."""
    makers = ScriptedMakers(second=TemporaryError("no store at http://127.0.0.1:9201 (r3dis-pass)"))
    service = AttacksService(deployment(), makers=makers, probe=QuietProbe())

    def waits():
        stores = service.health()["attacks"]["wallarm"]["stores"]
        return stores["second"]["state"] == "waiting" and stores["primary"]["state"] == "running"

    told = asyncio.run(run(service, waits))
    assert told["status"] == "starting"
    assert "wallarm/second is waiting: no store at http://127.0.0.1:9201" in told["message"]
    assert "r3dis-pass" not in str(told)


def test_one_pass_ends_by_itself():
    """Everything is done: the parts are stopped, and the answer is yes."""
    makers = ScriptedMakers()
    service = AttacksService(deployment(), makers=makers, probe=QuietProbe())

    async def once():
        async with service, asyncio.timeout(60):
            return await service.run(once=True)

    assert asyncio.run(once()) is True
    assert service.abandoned is False


def test_a_part_that_does_not_end_is_left_behind():
    """A server that hangs must not keep the process; the next start goes on from what was committed."""
    release = threading.Event()

    class Hanging(ScriptedMakers):
        @contextmanager
        def _part(self, name, around, tally):
            makers = self

            class Part:
                def run(self):
                    makers.made.append(name)
                    release.wait()

            yield Part()

    makers = Hanging()
    service = AttacksService(deployment(roles="group"), makers=makers, probe=QuietProbe(), grace_secs=0.05)
    try:
        asyncio.run(run(service, lambda: makers.made))
        assert service.abandoned is True
    finally:
        release.set()
