"""Proves that a place runs what is wanted and nothing besides, however fast the wish changes."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from wellhead.cluster.place import Place, Spec
from wellhead.errors import ConfigError, Problem
from wellhead.runtime.states import State, TaskState

ONE = Spec("wss", 0, "", ("log",), {"a": "1"})
TWO = replace(ONE, config={"a": "2"})


class Runs:
    """Counts what runs, and how it ended."""

    def __init__(self, spec, log, stop_secs=0.0):
        self.spec, self.log, self.tasks = spec, log, ()
        self._stopped, self._stop_secs = asyncio.Event(), stop_secs

    async def run(self):
        self.log.append(("begin", self.spec.config["a"], self.spec.order))
        await self._stopped.wait()
        await asyncio.sleep(self._stop_secs)
        self.log.append(("end", self.spec.config["a"], self.spec.order))

    def stop(self):
        self._stopped.set()

    def drop(self):
        self.log.append(("drop",))
        self._stopped.set()


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
def log():
    return []


def place_of(build, **options):
    return Place(ONE.key, build, lambda _set: (), **options)


async def with_place(place, work):
    running = asyncio.create_task(place.run())
    try:
        await work()
    finally:
        running.cancel()
        await asyncio.wait([running])


def test_an_equal_wish_restarts_nothing(log):
    """A spec that says the same is the same; one that differs ends the first before the second begins."""
    place = place_of(lambda spec: Runs(spec, log))

    async def work():
        place.want(ONE)
        await settle()
        place.want(replace(ONE, config={"a": "1"}))
        await settle()
        assert log == [("begin", "1", 0)]
        place.want(TWO)
        await settle()
        assert log == [("begin", "1", 0), ("end", "1", 0), ("begin", "2", 0)]

    asyncio.run(with_place(place, work))
    assert log[-1] == ("end", "2", 0)


def test_a_later_order_restarts(log):
    """An order to restart makes an otherwise equal spec another one."""
    place = place_of(lambda spec: Runs(spec, log))

    async def work():
        place.want(ONE)
        await settle()
        place.want(replace(ONE, order=7))
        await settle()
        assert log == [("begin", "1", 0), ("end", "1", 0), ("begin", "1", 7)]

    asyncio.run(with_place(place, work))


def test_another_lease_is_another_spec(log):
    """What began under a lease that ended is begun anew under the next one, however soon that comes."""
    place = place_of(lambda spec: Runs(spec, log))

    async def work():
        place.want(replace(ONE, lease=object()))
        await settle()
        place.want(replace(ONE, lease=object()))
        await settle()
        assert [entry[0] for entry in log] == ["begin", "end", "begin"]

    asyncio.run(with_place(place, work))


def test_vacated_waits_for_the_end(log):
    """Whoever gives a place away knows when nothing runs there any more, also when it is wished back meanwhile and away again."""
    place = place_of(lambda spec: Runs(spec, log, stop_secs=0.05))

    async def work():
        place.want(ONE)
        await settle()
        place.want(None)
        place.want(TWO)
        place.want(None)
        await place.vacated()
        assert log == [("begin", "1", 0), ("end", "1", 0)]
        assert place.is_idle

    asyncio.run(with_place(place, work))


def test_dropping_lets_nothing_commit(log):
    """A place whose lease is gone is dropped, not stopped."""
    place = place_of(lambda spec: Runs(spec, log))

    async def work():
        place.want(ONE)
        await settle()
        place.drop()
        await place.vacated()
        assert log == [("begin", "1", 0), ("drop",), ("end", "1", 0)]

    asyncio.run(with_place(place, work))


def test_a_definition_that_cannot_be_used_is_told_and_tried_again(log):
    """What is refused here is FAILED with the reason, and begins once it can be used."""
    usable = []

    def build(spec):
        if not usable:
            raise ConfigError("connector wss", [Problem("password", "${env:PW} stands for nothing")])
        return Runs(spec, log)

    place = place_of(build, retry_secs=0.05)

    async def work():
        place.want(ONE)
        await settle()
        told = place.report()
        assert (told.state, "stands for nothing" in told.trace) == (State.FAILED, True)
        usable.append(True)
        async with asyncio.timeout(10):
            while not log:  # noqa: ASYNC110 - a place tells nobody when it begins
                await asyncio.sleep(0.01)
        assert place.report().state is State.UNASSIGNED

    asyncio.run(with_place(place, work))


def test_what_was_dropped_is_begun_anew_by_the_same_wish(log):
    """A lease that ran out and is back before the place had its turn must not leave a place that runs nothing for ever."""
    place = place_of(lambda spec: Runs(spec, log))

    async def work():
        place.want(ONE)
        await settle()
        place.drop()
        place.want(ONE)
        await settle()
        assert log == [("begin", "1", 0), ("drop",), ("end", "1", 0), ("begin", "1", 0)]

    asyncio.run(with_place(place, work))


def test_a_defect_of_a_definition_is_told_without_its_words_and_leaves_the_place_alive(log):
    """Whatever making the tasks raises, the place is FAILED, can be given away, and tries again; a secret in it is not told."""

    def build(_spec):
        raise KeyError("hunter2")

    place = place_of(build)

    async def work():
        place.want(ONE)
        await settle()
        told = place.report()
        assert (told.state, "KeyError" in told.trace, "hunter2" in told.trace) == (State.FAILED, True, False)
        place.want(None)
        await asyncio.wait_for(place.vacated(), 30)
        assert place.is_idle

    asyncio.run(with_place(place, work))


def test_a_failures_trace_is_what_may_be_shown():
    """The trace that goes to the status topic is the message with secrets taken out, as `/health` shows it (I6)."""

    class Failing:
        topic = "t"
        telemetry = type("Telemetry", (), {"snapshot": lambda _self: SimpleNamespace(written_records=0)})()
        supervisor = type("Supervisor", (), {"state": lambda _self: TaskState(State.FAILED, "401 for token hunter2", 0)})()

    class Set(Runs):
        def __init__(self, spec, log):
            super().__init__(spec, log)
            self.tasks = (Failing(),)

    place = Place(ONE.key, lambda spec: Set(spec, []), lambda _set: ({"stream": "log", "message": "401 for token ******"},))

    async def work():
        place.want(ONE)
        await settle()
        assert place.report().trace == "log: 401 for token ******"

    asyncio.run(with_place(place, work))


def test_asking_how_it_is_costs_no_description():
    """A healthy place is asked four times a second: its state and topics come without what is dear, the secret-free details."""

    class Writing:
        topic = "acme.log"
        telemetry = SimpleNamespace(snapshot=lambda: SimpleNamespace(written_records=5))
        supervisor = SimpleNamespace(state=lambda: TaskState(State.RUNNING, "", 0))

    described = []
    runs = Runs(ONE, [])
    runs.tasks = (Writing(),)
    place = Place(ONE.key, lambda _spec: runs, lambda _set: described.append(1) or ({"stream": "log"},))

    async def work():
        place.want(ONE)
        await settle()
        told = place.report()
        assert (told.state, told.topics, described) == (State.RUNNING, ("acme.log",), [])
        assert (place.details(), described) == (({"stream": "log"},), [1])

    asyncio.run(with_place(place, work))
