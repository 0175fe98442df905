"""Proves who is admitted to live connections, in which order, and what happens where there is too much."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from random import Random

import pytest

from wellhead.config.streams import StreamsSettings
from wellhead.errors import PermanentError, TemporaryError
from wellhead.http.admission import CALM_SECS, CHECK_SECS, Admission, Load
from wellhead.http.lost import StreamLost
from wellhead.testing.clock import FakeClock

FAST = {"streams_connects_per_sec": 1e9}


class Hall:
    """An admission and those who want in."""

    def __init__(self, load=None, clock=None, **settings):
        self.clock = clock or FakeClock()
        self.load = load or Load(0, 0)
        self.admission = Admission(StreamsSettings(**{**FAST, **settings}), self.clock, Random(1), lambda: self.load)
        self.entered = []
        self.permits = {}
        self._leaving = {}
        self._tasks = {}

    def come(self, name, destination="push.example:443", connector="push", tenant="acme", *, fails=None, asked=True):
        self._leaving[name] = asyncio.Event()
        streams = self.admission.of(connector, tenant)
        self._tasks[name] = asyncio.create_task(self._visit(streams, name, destination, fails, asked))
        return streams

    async def _visit(self, streams, name, destination, fails, asked):
        async with streams.admitted(destination, f"GET {destination}/feed") as permit:
            permit.is_asked = asked
            if fails is not None:
                raise fails
            self.permits[name] = permit
            self.entered.append(name)

            async def close():
                self._leaving[name].set()

            permit.opened(close)
            await self._leaving[name].wait()
            if permit.ended is not None:
                raise StreamLost("shed", permit.ended)

    async def leave(self, name):
        self._leaving[name].set()
        await asyncio.gather(self._tasks[name], return_exceptions=True)
        await settle()

    async def outcome(self, name):
        (result,) = await asyncio.gather(self._tasks[name], return_exceptions=True)
        return result

    async def end(self):
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        if self.admission._watching is not None:
            self.admission._watching.cancel()


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


@asynccontextmanager
async def hall(**settings):
    made = Hall(**settings)
    try:
        yield made
    finally:
        await made.end()


def play(scenario):
    return asyncio.run(asyncio.wait_for(scenario(), 30))


def test_a_destination_has_so_many_and_others_are_not_touched_by_it():
    """Beyond the limit of one destination its streams wait with a reason, while another destination, and one that counts nowhere, is open."""

    async def scenario():
        async with hall(streams_max_per_destination=2, streams_bypass=["free.example"]) as made:
            made.come("a")
            made.come("b")
            await settle()
            waiting = made.come("c")
            made.come("d", destination="other.example:443")
            for number in range(5):
                made.come(f"free{number}", destination="free.example:443")
            await settle()
            assert sorted(made.entered) == ["a", "b", "d", *(f"free{number}" for number in range(5))]
            assert waiting.waiting == "waits: 2 of 2 streams to push.example:443 are open, 0 tenants before it"
            await made.leave("a")
            assert made.entered[-1] == "c"
            assert waiting.waiting == ""

    play(scenario)


def test_tenants_take_turns_at_a_destination():
    """One tenant with many streams does not keep another out: who waits gets in by turns of the tenants, each in the order of asking."""

    async def scenario():
        async with hall(streams_max_per_destination=1) as made:
            made.come("first")
            await settle()
            for number in range(4):
                made.come(f"big{number}", tenant="big")
            await settle()
            for number in range(2):
                made.come(f"small{number}", tenant="small")
            await settle()
            for name in ("first", "big0", "small0", "big1", "small1", "big2"):
                await made.leave(name)
            assert made.entered == ["first", "big0", "small0", "big1", "small1", "big2", "big3"]

    play(scenario)


def test_a_tenant_has_so_many_whatever_the_destination():
    """A tenant at its own limit waits, others at the same destination do not."""

    async def scenario():
        async with hall(streams_max_per_tenant=1) as made:
            made.come("a")
            await settle()
            waiting = made.come("b", destination="other.example:1")
            made.come("c", tenant="other")
            await settle()
            assert made.entered == ["a", "c"]
            assert "streams of this tenant" in waiting.waiting
            await made.leave("a")
            assert made.entered == ["a", "c", "b"]

    play(scenario)


def test_a_destination_may_have_a_limit_of_its_own():
    async def scenario():
        async with hall(streams_destinations=["*.ticker.example=1", "*=3"]) as made:
            for number in range(5):
                made.come(f"t{number}", destination="p1.ticker.example:80")
                made.come(f"o{number}", destination="push.example:80")
            await settle()
            assert sorted(made.entered) == ["o0", "o1", "o2", "t0"]

    play(scenario)


def test_one_that_gives_up_waiting_is_forgotten():
    """A stream that is stopped while it waits keeps nobody out and is not admitted later."""

    async def scenario():
        async with hall(streams_max_per_destination=1) as made:
            made.come("a")
            await settle()
            made.come("b")
            made.come("c")
            await settle()
            made._tasks["b"].cancel()
            await settle()
            await made.leave("a")
            assert made.entered == ["a", "c"]
            await made.leave("c")
            assert not made.admission._newest
            assert made.admission._of_source.total() == 0

    play(scenario)


def test_a_storm_of_new_connections_is_spread():
    """A thousand streams that come back at once connect at the rate of their destination, each a little off the beat."""

    async def scenario():
        clock = FakeClock(auto=True)
        async with hall(clock=clock, streams_connects_per_sec=50) as made:
            began = clock.monotonic_secs()
            for number in range(100):
                made.come(f"s{number}")
            for _ in range(200):
                await settle()
            assert len(made.entered) == 100
            assert 1.2 < clock.monotonic_secs() - began < 3.5

    play(scenario)


def test_a_destination_that_fails_again_and_again_is_left_alone():
    """After so many failures in a row nobody connects for a while; then one tries for all, and its success lets the others in."""

    async def scenario():
        async with hall(streams_breaker_failures=3, streams_breaker_open_secs=30) as made:
            down = TemporaryError("refused")
            for number in range(3):
                made.come(f"f{number}", fails=down)
                assert await made.outcome(f"f{number}") is down
            made.come("a")
            refused = await made.outcome("a")
            assert isinstance(refused, TemporaryError)
            assert refused.after_secs == 30
            assert "3 connections to push.example:443 failed" in str(refused)
            assert made.admission.breaker_of("push.example:443") == "open"
            made.come("elsewhere", destination="other.example:1")
            made.clock.advance(30)
            assert made.admission.breaker_of("push.example:443") == "half_open"
            made.come("probe", fails=down)
            made.come("second")
            assert await made.outcome("probe") is down
            assert isinstance(await made.outcome("second"), TemporaryError)
            made.clock.advance(30)
            made.come("probe2")
            await settle()
            await made.leave("probe2")
            made.come("b")
            await settle()
            assert made.entered == ["elsewhere", "probe2", "b"]
            assert made.admission.breaker_of("push.example:443") == "closed"

    play(scenario)


@pytest.mark.parametrize(
    ("settings", "much", "little"),
    [
        ({"streams_memory_high_bytes": 1_000}, Load(1_001, 0), Load(899, 0)),
        ({"streams_files_high": 100}, Load(0, 101), Load(0, 89)),
    ],
)
def test_what_is_too_much_closes_the_newest_first(settings, much, little):
    """Beyond a mark a tenth of the streams, the newest, are closed and told why; nobody is admitted until there is room again."""

    async def scenario():
        async with hall(**settings) as made:
            for number in range(20):
                made.come(f"s{number:02}")
                await settle()
            made.load = much
            await made.admission.relieve()
            await settle()
            gone = [name for name, permit in made.permits.items() if permit.ended]
            assert gone == ["s18", "s19"]
            assert isinstance(await made.outcome("s19"), StreamLost)
            late = made.come("late")
            await settle()
            assert "late" not in made.entered
            assert "more than streams." in late.waiting
            made.load = Load(950, 95)
            await made.admission.relieve()
            await settle()
            assert "late" not in made.entered, "not before there is some room"
            made.load = little
            await made.admission.relieve()
            await settle()
            assert made.entered[-1] == "late"
            assert made.admission.shed_count == 2

    play(scenario)


def test_the_load_is_looked_at_while_anything_is_open():
    async def scenario():
        async with hall(streams_memory_high_bytes=1_000) as made:
            made.come("a")
            await settle()
            made.load = Load(2_000, 0)
            made.clock.advance(CHECK_SECS)
            await settle()
            assert made.permits["a"].ended == "shed"

    play(scenario)


@pytest.mark.parametrize("word", ["*.example", "=3", "a=0", "a b=3", "a=-1"])
def test_a_limit_that_is_none_is_refused(word):
    with pytest.raises(ValueError, match="PATTERN=COUNT"):
        StreamsSettings(streams_destinations=[word])


async def tripped(made):
    """Have a destination left alone, and the time for one that tries come."""
    down = TemporaryError("refused")
    made.come("down", fails=down)
    assert await made.outcome("down") is down
    made.clock.advance(30)


def test_what_fails_before_the_destination_is_asked_says_nothing_of_it():
    """Streams that may not ask, as where a worker lost its place, do not keep others from a destination that is well."""

    async def scenario():
        async with hall(streams_breaker_failures=2) as made:
            for number in range(5):
                made.come(f"s{number}", fails=TemporaryError("no place in the group"), asked=False)
            await settle()
            made.come("other")
            await settle()
            assert made.entered == ["other"]
            assert made.admission.breaker_of("push.example:443") == "closed"

    play(scenario)


def test_who_finds_out_that_all_is_well_lets_the_others_in_at_once():
    """As soon as one connection is made the destination is open to all, however long that one lives."""

    async def scenario():
        async with hall(streams_breaker_failures=1, streams_breaker_open_secs=30) as made:
            await tripped(made)
            made.come("probe")
            await settle()
            made.come("other")
            await settle()
            assert made.entered == ["probe", "other"]
            assert made.admission.breaker_of("push.example:443") == "closed"

    play(scenario)


def test_who_was_to_find_out_and_did_not_keeps_nobody_out():
    """A try that is cancelled, or refused for good, is followed by another."""

    async def scenario():
        async with hall(streams_breaker_failures=1, streams_breaker_open_secs=30, streams_max_per_destination=1) as made:
            made.come("in")
            await settle()
            made.admission._at("push.example:443").breaker.failed()
            made.clock.advance(30)
            made.come("waits")
            await settle()
            made._tasks["waits"].cancel()
            await settle()
            await made.leave("in")
            made.come("refused", fails=PermanentError("no certificate"))
            assert isinstance(await made.outcome("refused"), PermanentError)
            made.come("next")
            await settle()
            assert made.entered == ["in", "next"]

    play(scenario)


def test_a_thousand_that_wait_come_in_when_there_is_room():
    """However many wait, the end of an overload admits them all."""

    async def scenario():
        settings = {"streams_memory_high_bytes": 1_000, "streams_max_per_destination": 5_000, "streams_max_per_tenant": 5_000}
        async with hall(**settings) as made:
            made.come("first")
            await settle()
            made.load = Load(2_000, 0)
            await made.admission.relieve()
            for number in range(1_200):
                made.come(f"s{number}")
            await settle()
            made.load = Load(0, 0)
            await made.admission.relieve()
            while len(made.entered) < 1_201:
                await settle()
            assert len(set(made.entered)) == 1_201

    play(scenario)


def test_one_that_gives_up_as_its_turn_comes_harms_nobody():
    """A stream that is cancelled in the same moment in which a place becomes free is passed over."""

    async def scenario():
        async with hall(streams_max_per_destination=1) as made:
            made.come("a")
            await settle()
            made.come("b", tenant="other")
            made.come("c", tenant="third")
            await settle()
            made._leaving["a"].set()
            made._tasks["b"].cancel()
            await settle()
            assert made.entered == ["a", "c"]
            assert await made.outcome("a") is None

    play(scenario)


def test_who_gives_up_before_connecting_costs_the_others_no_time():
    """Streams that are started and stopped again and again leave no debt behind for those that come then."""

    async def scenario():
        async with hall(streams_connects_per_sec=1) as made:
            for turn in range(5):
                for number in range(20):
                    made.come(f"s{turn}-{number}")
                await settle()
                for name, task in made._tasks.items():
                    if name.startswith(f"s{turn}-"):
                        task.cancel()
                await settle()
            made.clock.advance(2)
            made.come("late")
            await settle()
            assert made.entered[-1] == "late"

    play(scenario)


def test_one_that_is_shed_before_it_is_open_does_not_open():
    """The newest are closed first, also those that have not connected yet: they are told so instead of connecting."""

    async def scenario():
        async with hall(streams_memory_high_bytes=1_000, streams_connects_per_sec=1) as made:
            made.come("a")
            await settle()
            made.come("b")
            await settle()
            made.load = Load(2_000, 0)
            await made.admission.relieve()
            made.clock.advance(5)
            await settle()
            assert isinstance(await made.outcome("b"), StreamLost)
            assert made.entered == ["a"]

    play(scenario)


def test_one_that_waits_does_not_try_what_was_found_dead_meanwhile():
    """Who queues while the breaker opens is told to wait instead of knocking."""

    async def scenario():
        async with hall(streams_max_per_destination=1, streams_breaker_failures=1) as made:
            made.come("first")
            await settle()
            made.come("queued")
            await settle()
            made.admission._at("push.example:443").breaker.failed()
            await made.leave("first")
            told = await made.outcome("queued")
            assert isinstance(told, TemporaryError)
            assert "left alone" in str(told)
            assert made.entered == ["first"]

    play(scenario)


def test_memory_that_does_not_fall_admits_slowly_in_the_end():
    """Below the mark, if not far below, one at a time comes in after a while; above it again, the newest goes."""

    async def scenario():
        async with hall(streams_memory_high_bytes=1_000) as made:
            made.come("a")
            await settle()
            made.load = Load(2_000, 0)
            await made.admission.relieve()
            await settle()
            for name in ("b", "c"):
                made.come(name)
            made.load = Load(950, 0)
            for _ in range(int(CALM_SECS / CHECK_SECS)):
                await made.admission.relieve()
                await settle()
                assert made.entered == ["a"]
            await made.admission.relieve()
            await settle()
            assert made.entered == ["a", "b"]
            await made.admission.relieve()
            await settle()
            assert made.entered == ["a", "b", "c"]
            made.load = Load(1_001, 0)
            await made.admission.relieve()
            assert made.permits["c"].ended == "shed"
            assert made.permits["b"].ended is None

    play(scenario)


def shut_out(caplog):
    """Give the records that say that nobody comes in any more."""
    return [record for record in caplog.records if "streams_shut_out" in str(record.msg)]


def test_memory_that_others_hold_is_said_to_a_person(caplog):
    """Where closing every connection did not help, and only there, the log says so as an error, with what to do: once, and once when it is so again."""

    async def scenario():
        async with hall(streams_memory_high_bytes=1_000) as made:
            told = []
            for name in ("a", "b"):
                made.load = Load(500, 0)
                await made.admission.relieve()
                made.come(name)
                await settle()
                assert made.entered[-1] == name
                made.load = Load(2_000, 0)
                for _ in range(4):
                    await made.admission.relieve()
                    await settle()
                    told.append(len(shut_out(caplog)))
            assert told == [0, 1, 1, 1, 1, 2, 2, 2]

    play(scenario)
    for record in shut_out(caplog):
        assert record.levelname == "ERROR"
        assert record.msg["reason"] == "the worker holds 2,000 bytes, more than streams.memory.high.bytes 1,000"
        assert "raise the mark, or restart the worker" in record.msg["next_step"]


def test_one_comes_in_only_after_a_whole_calm_and_at_a_look():
    """More than the mark, with or without a connection to close, begins the wait anew; between two looks nobody comes in."""

    async def scenario():
        async with hall(streams_memory_high_bytes=1_000) as made:

            async def look(bytes_, times):
                made.load = Load(bytes_, 0)
                for _ in range(times):
                    await made.admission.relieve()
                    await settle()

            calm = int(CALM_SECS / CHECK_SECS)
            made.come("a")
            await settle()
            await look(2_000, 1)
            made.come("b")
            await look(950, calm - 1)
            await look(1_001, 1)
            await look(950, calm)
            assert made.entered == ["a"]
            await look(950, 2)
            assert made.entered == ["a", "b"]
            made.come("c")
            await settle()
            assert made.entered == ["a", "b"]
            await look(1_001, 1)
            await look(950, calm)
            assert made.entered == ["a", "b"]
            await look(950, 1)
            assert made.entered == ["a", "b", "c"]

    play(scenario)
