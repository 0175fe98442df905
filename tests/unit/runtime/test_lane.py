import asyncio
import json
from itertools import pairwise

from wellhead import TemporaryError
from wellhead.runtime.backfill import Backfill
from wellhead.runtime.doors import Door
from wellhead.testing.clock import FakeClock

BACKFILL = Backfill("b", "s", "t", 0, 1, share=0.25)


async def run_both(live, lane, reached):
    """Run a live stream and its backfill until `reached()`, then stop both."""
    running = [asyncio.ensure_future(task.supervisor.run()) for task in (live, lane)]
    async with asyncio.timeout(60):
        while not reached():  # noqa: ASYNC110 - a state is waited for, on a clock that costs no time
            await asyncio.sleep(0)
    for task in (live, lane):
        task.supervisor.stop()
    await asyncio.wait_for(asyncio.gather(*running), 5)


def polling(clock, log, who, *, secs, batches, batch, **place):
    """Make a poll that takes so long for each batch and notes when it asks."""

    async def poll(cursor):
        for at in range(cursor.at if cursor else 0, batches):
            log.append((who, "begins", clock.now_ms()))
            await clock.sleep(secs)
            log.append((who, "ends", clock.now_ms()))
            yield batch(at + 1, **place)

    return poll


def test_a_backfill_waits_for_the_live_stream_and_never_meets_it(supervised, batch):
    """It asks nothing before the live stream has caught up, and no call of the one begins while one of the other is under way."""
    clock, door, log = FakeClock(auto=True), Door(), []

    async def always(cursor):
        log.append(("live", "begins", clock.now_ms()))
        await clock.sleep(5)
        log.append(("live", "ends", clock.now_ms()))
        yield batch((cursor.at if cursor else 0) + 1)

    live = supervised(always, clock=clock, door=door, **{"poll.interval.secs": 20})
    lane = supervised(
        polling(clock, log, "lane", secs=3, batches=6, batch=batch),
        clock=clock,
        door=door,
        backfill=BACKFILL,
        **{"run.max.secs": 5},
    )
    asyncio.run(run_both(live, lane, lambda: lane.supervisor.done))
    assert log[0][0] == "live"
    assert all(log[at][0] == log[at + 1][0] for at in range(0, len(log), 2)), "two calls were under way at once"
    asked = [at_ms for who, what, at_ms in log if (who, what) == ("lane", "begins")]
    assert len(asked) == 6


def test_a_slice_ends_and_the_share_is_kept(supervised, batch):
    """Whatever there is to read, a backfill lets the live stream through after each slice, and then waits for as long as its share says."""
    clock, door, log = FakeClock(auto=True), Door(), []

    async def always(cursor):
        log.append(("live", "begins", clock.now_ms()))
        yield batch((cursor.at if cursor else 0) + 1)

    live = supervised(always, clock=clock, door=door, **{"poll.interval.secs": 20})
    lane = supervised(
        polling(clock, log, "lane", secs=1, batches=40, batch=batch),
        clock=clock,
        door=door,
        backfill=BACKFILL,
        **{"run.max.secs": 5},
    )
    asyncio.run(run_both(live, lane, lambda: lane.supervisor.done))
    runs = [json.loads(record.value) for _, (record,) in lane.ledger.commits]
    assert max(run["batches"] for run in runs) <= 6
    assert {run["backfill"] for run in runs} == {"b"}
    asked = [(who, at_ms) for who, what, at_ms in log if what == "begins"]
    lanes = [at_ms for who, at_ms in asked if who == "lane"]
    assert lanes[-1] - lanes[0] >= 0.8 * 40_000 / BACKFILL.share
    between = asked[asked.index(("lane", lanes[0])) : asked.index(("lane", lanes[-1]))]
    assert sum(who == "live" for who, _ in between) >= 4


def test_the_quiet_of_one_is_kept_by_both(supervised, batch):
    """Where the vendor told either to leave it alone until a moment, neither asks before it."""
    clock, door, log = FakeClock(auto=True), Door(), []

    def quiet(who, batches):
        async def poll(cursor):
            at = cursor.at if cursor else 0
            log.append((who, clock.now_ms()))
            yield batch(at + 1, quiet_until=clock.now_ms() + 30_000)
            if at + 1 < batches:
                raise TemporaryError("once more, please", after_secs=1)

        return poll

    live = supervised(quiet("live", 0), clock=clock, door=door, **{"poll.interval.secs": 20})
    lane = supervised(quiet("lane", 3), clock=clock, door=door, backfill=BACKFILL)
    asyncio.run(run_both(live, lane, lambda: lane.supervisor.done and len(log) > 8))
    moments = [at_ms for _, at_ms in log]
    assert min(later - earlier for earlier, later in pairwise(moments)) >= 30_000
    assert sum(who == "lane" for who, _ in log) == 3


def test_a_live_stream_that_stopped_on_its_way_keeps_a_backfill_out(supervised, batch):
    """While the live stream waits to try again in the middle of a reading, a backfill asks nothing: the vendor may take one for the other."""
    clock, door, log = FakeClock(auto=True), Door(), []

    async def failing_twice(cursor):
        log.append("live")
        yield batch((cursor.at if cursor else 0) + 1)
        if log.count("live") <= 2:
            raise TemporaryError("busy", after_secs=600)

    async def once(cursor):
        log.append("lane")
        yield batch(1)

    live = supervised(failing_twice, clock=clock, door=door, **{"poll.interval.secs": 20})
    lane = supervised(once, clock=clock, door=door, backfill=BACKFILL)
    asyncio.run(run_both(live, lane, lambda: lane.supervisor.done))
    assert log[:3] == ["live", "live", "live"]


def test_a_finished_one_asks_nothing_ever_again(supervised, batch):
    """Once its cursor says that a run came to its end, a backfill that is started anew is done at once."""
    clock, asked = FakeClock(auto=True), []

    async def poll(cursor):
        asked.append(cursor)
        yield batch(1)

    first = supervised(poll, clock=clock, door=Door(quiet_until_ms=0), backfill=BACKFILL)
    asyncio.run(asyncio.wait_for(first.supervisor.run(), 5))
    assert (first.supervisor.done, first.ledger.at_rest, len(asked)) == (True, True, 1)
    again = supervised(poll, clock=clock, door=Door(quiet_until_ms=0), backfill=BACKFILL)
    again.ledger.cursor, again.ledger.at_rest = first.ledger.cursor, True
    asyncio.run(asyncio.wait_for(again.supervisor.run(), 5))
    assert (again.supervisor.done, len(asked)) == (True, 1)


def test_one_that_finds_nothing_is_done_too(supervised):
    """A span without records leaves a cursor that says so, or it would be read again after every restart."""

    async def poll(cursor):
        return
        yield

    lane = supervised(poll, door=Door(quiet_until_ms=0), backfill=BACKFILL)
    asyncio.run(asyncio.wait_for(lane.supervisor.run(), 5))
    assert lane.supervisor.done
    assert lane.ledger.cursor == {"at": 0, "quiet_until": None}
    assert lane.ledger.at_rest


def test_stopped_while_it_waits_it_ends(supervised):
    """Where no live stream runs here it asks nothing, says what it waits for, and ends when told to."""

    async def poll(cursor):
        raise AssertionError("nobody may be asked")
        yield

    async def scenario():
        lane = supervised(poll, door=Door(), backfill=BACKFILL)
        running = asyncio.ensure_future(lane.supervisor.run())
        for _ in range(500):
            await asyncio.sleep(0)
        message = lane.supervisor.state().message
        lane.supervisor.stop()
        await asyncio.wait_for(running, 5)
        return message

    assert asyncio.run(scenario()) == "waits until the live stream runs here and has caught up"


def test_a_backfill_is_done_only_when_its_quiet_is_over(supervised, batch):
    """Whoever hears that it is done stops it; the quiet that its last answer wants must have kept the live stream away until then."""
    clock, door, asked, quiet = FakeClock(auto=True), Door(), [], []

    async def live_poll(cursor):
        asked.append(clock.now_ms())
        yield batch((cursor.at if cursor else 0) + 1)

    async def lane_poll(cursor):
        quiet.append(clock.now_ms() + 60_000)
        yield batch(1, quiet_until=quiet[0])

    live = supervised(live_poll, clock=clock, door=door, **{"poll.interval.secs": 5})
    lane = supervised(lane_poll, clock=clock, door=door, backfill=BACKFILL)
    asyncio.run(run_both(live, lane, lambda: lane.supervisor.done))
    assert clock.now_ms() >= quiet[0]
    assert not [at_ms for at_ms in asked if quiet[0] - 60_000 < at_ms < quiet[0]]
