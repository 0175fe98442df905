import asyncio
from itertools import pairwise

import pytest

from wellhead import Batch, Cursor, CursorExpired, PermanentError, TemporaryError
from wellhead.kafka.errors import Fenced
from wellhead.runtime.states import State
from wellhead.runtime.turns import Turns
from wellhead.testing.clock import FakeClock


class Step(Cursor):
    at: int


async def run_until(task, reached, *, turns=20_000):
    """Run a supervised task until `reached()`, then stop it; fails when either does not come."""
    running = asyncio.ensure_future(task.supervisor.run())
    for _ in range(turns):
        if reached() or running.done():
            break
        await asyncio.sleep(0)
    assert reached()
    task.supervisor.stop()
    await asyncio.wait_for(running, 5)


def test_a_panic_of_a_native_library_fails_the_task(supervised):
    """What pyo3 raises is no Exception; it fails the task, visibly, and the process goes on."""

    class PanicError(BaseException):
        pass

    async def poll(cursor):
        raise PanicError("index out of bounds")
        yield

    task = supervised(poll, once=True)
    asyncio.run(asyncio.wait_for(task.supervisor.run(), 5))
    assert task.supervisor.failed
    assert "PanicError: index out of bounds" in task.supervisor.state().message


def test_a_long_foreign_text_is_cut(supervised):
    """An exception that quotes a page of data does not put it into messages and run records."""

    async def poll(cursor):
        raise ValueError("x" * 2_000_000)
        yield

    task = supervised(poll, once=True)
    asyncio.run(asyncio.wait_for(task.supervisor.run(), 5))
    assert len(task.supervisor.state().message) < 1_000
    (_, (record,)) = task.ledger.commits[-1]
    assert len(record.value) < 2_000


def test_whatever_start_raises_fails_the_task_and_only_it(supervised):
    """An error nobody foresaw, before the first poll, is told as FAILED, not swallowed."""

    def start():
        raise OSError(13, "Permission denied", "/spool")

    async def poll(cursor):
        return
        yield

    task = supervised(poll, start=start, once=True)
    asyncio.run(asyncio.wait_for(task.supervisor.run(), 5))
    assert task.supervisor.failed
    assert "Permission denied" in task.supervisor.state().message


def test_a_stop_while_the_ledger_opens_is_kept(supervised):
    """A task that is stopped while it waits for Kafka does not ask the vendor afterwards."""
    polled = []

    async def poll(cursor):
        polled.append(cursor)
        return
        yield

    async def scenario():
        task = supervised(poll)
        task.ledger.may_open.clear()
        running = asyncio.ensure_future(task.supervisor.run())
        await task.ledger.opening.wait()
        task.supervisor.stop()
        task.ledger.may_open.set()
        await asyncio.wait_for(running, 5)

    asyncio.run(scenario())
    assert polled == []


def test_a_stop_before_the_first_step_of_a_poll_is_heard(supervised):
    """Stopping in the very turn of the loop in which a run begins ends the run."""

    async def scenario():
        begun = asyncio.Event()

        async def poll(cursor):
            begun.set()
            await asyncio.sleep(3600)
            yield

        task = supervised(poll)
        running = asyncio.ensure_future(task.supervisor.run())
        while task.supervisor._runner is None:  # noqa: ASYNC110 - the turn of the loop is what matters
            await asyncio.sleep(0)
        task.supervisor.stop()
        await asyncio.wait_for(running, 5)
        return begun.is_set()

    assert asyncio.run(scenario()) in (False, True)


def test_errors_are_retried_ever_more_slowly(supervised):
    """A vendor that goes on failing is asked after waits that double up to the cap; a success forgets them."""
    asked = []

    async def poll(cursor):
        asked.append(task.clock.monotonic_secs())
        raise TemporaryError("503")
        yield

    task = supervised(poll, **{"retry.backoff.max.secs": 16})
    asyncio.run(run_until(task, lambda: len(asked) >= 8))
    waits = [later - earlier for earlier, later in pairwise(asked)]
    assert waits[0] <= 1.0
    assert waits[3] >= 4.0
    assert max(waits) <= 16.1
    assert min(waits[5:]) >= 8.0


def test_empty_batches_are_no_progress(supervised, batch):
    """A vendor whose answers move the cursor but hold nothing, and then fail, is not asked without pause."""
    asked = []

    async def poll(cursor):
        asked.append(task.clock.monotonic_secs())
        yield batch(len(asked), rows=0)
        raise TemporaryError("the archive is broken")

    task = supervised(poll, **{"freshness.target.secs": 20})
    states, shown = set(), set()

    def enough():
        states.add(task.supervisor.state().state)
        shown.add(task.telemetry._tally.state_at(task.clock.now_ms()))
        return len(asked) >= 8

    asyncio.run(run_until(task, enough))
    assert asked[7] - asked[6] > 20
    assert State.DEGRADED in states
    assert shown == states


def test_progress_forgets_failures(supervised, batch):
    """A failure after published records is a first failure again."""
    asked = []

    async def poll(cursor):
        asked.append(task.clock.monotonic_secs())
        yield batch(len(asked), rows=3)
        raise TemporaryError("cut")

    task = supervised(poll)
    asyncio.run(run_until(task, lambda: len(asked) >= 8))
    assert max(later - earlier for earlier, later in pairwise(asked)) <= 1.1


def test_a_vendor_may_name_the_wait_but_not_for_ever(supervised):
    """Retry-After is kept, and capped at a day, whatever number a server sends."""
    asked = []

    async def poll(cursor):
        asked.append(task.clock.monotonic_secs())
        raise TemporaryError("429", after_secs=120 if len(asked) == 1 else float("inf"))
        yield

    task = supervised(poll)
    asyncio.run(run_until(task, lambda: len(asked) >= 3))
    assert asked[1] - asked[0] == pytest.approx(120, abs=1)
    assert asked[2] - asked[1] == pytest.approx(86_400, abs=1)


def test_expiry_after_expiry_is_answered_ever_more_slowly(supervised, batch):
    """The first restart is at once; a vendor that forgets each new cursor, too, is not hammered, even when records come between."""
    asked = []

    async def poll(cursor):
        asked.append(task.clock.monotonic_secs())
        yield batch(len(asked), rows=2)
        raise CursorExpired("410", restart=batch(0).cursor)

    task = supervised(poll)
    asyncio.run(run_until(task, lambda: len(asked) >= 8))
    waits = [later - earlier for earlier, later in pairwise(asked)]
    assert waits[0] == 0
    assert waits[6] > 5


def test_a_clock_that_ran_ahead_does_not_silence_a_task_for_ever(supervised, batch):
    """A quiet time far in the future, left by a wrong clock, is kept for a day at most."""
    asked = []

    async def poll(cursor):
        asked.append(task.clock.monotonic_secs())
        yield batch(len(asked), quiet_until=task.clock.now_ms() + 30 * 86_400_000)

    task = supervised(poll)
    asyncio.run(run_until(task, lambda: len(asked) >= 3))
    assert asked[1] - asked[0] == pytest.approx(86_400, abs=2)


def test_a_permanent_error_waits_longer_each_time(supervised):
    """A failed task starts again after waits that double from five seconds, and says when."""
    asked, messages = [], []

    async def poll(cursor):
        asked.append(task.clock.monotonic_secs())
        messages.append(task.supervisor.state().message)
        raise PermanentError("401: set FEED_PASSWORD")
        yield

    task = supervised(poll)
    asyncio.run(run_until(task, lambda: len(asked) >= 5))
    waits = [later - earlier for earlier, later in pairwise(asked)]
    assert waits[0] <= 5
    assert waits[3] >= 20


def test_never_means_never(supervised):
    """With restart.policy=never a failed task stays FAILED."""
    asked = []

    async def poll(cursor):
        asked.append(1)
        raise PermanentError("401")
        yield

    task = supervised(poll, **{"restart.policy": "never"})
    asyncio.run(asyncio.wait_for(task.supervisor.run(), 5))
    assert len(asked) == 1
    assert task.supervisor.state().state is State.FAILED


def test_a_task_that_stands_is_an_error_of_the_log(supervised, caplog):
    """A person must act where a task is FAILED: the line that says so is an error, and no other state is."""

    async def poll(cursor):
        raise PermanentError("401")
        yield

    task = supervised(poll, **{"restart.policy": "never"})
    asyncio.run(asyncio.wait_for(task.supervisor.run(), 5))
    said = [record.msg for record in caplog.records if record.levelname == "ERROR" and isinstance(record.msg, dict)]
    assert [line["state"] for line in said if line["event"] == "task_state"] == ["FAILED"]


def test_a_wall_clock_set_back_does_not_silence_a_task(supervised):
    """A task whose machine's clock is set back by a day while it waits goes on polling at its interval."""
    asked = []

    class SteppedClock(FakeClock):
        back_ms = 0

        def now_ms(self) -> int:
            return super().now_ms() - self.back_ms

    async def poll(cursor):
        asked.append(clock.monotonic_secs())
        clock.back_ms = 86_400_000 if len(asked) == 2 else clock.back_ms
        return
        yield

    clock = SteppedClock(auto=True)
    task = supervised(poll, clock=clock)

    async def scenario():
        running = asyncio.ensure_future(task.supervisor.run())
        while len(asked) < 3:  # noqa: ASYNC110 - the clock costs no time
            await asyncio.sleep(0)
        clock.back_ms = 2 * 86_400_000  # now, while it waits
        while len(asked) < 6:  # noqa: ASYNC110 - the clock costs no time
            await asyncio.sleep(0)
        task.supervisor.stop()
        await asyncio.wait_for(running, 5)

    asyncio.run(scenario())
    assert max(later - earlier for earlier, later in pairwise(asked)) <= 61


def test_a_cancellation_from_within_is_no_stop(supervised):
    """A CancelledError that leaks out of a connector's library is retried; only stop() stops."""
    asked = []

    async def poll(cursor):
        asked.append(1)
        raise asyncio.CancelledError
        yield

    task = supervised(poll)
    asyncio.run(run_until(task, lambda: len(asked) >= 3))
    assert len(asked) >= 3


@pytest.mark.parametrize("schedule", [{"poll.interval.secs": 11}, {"poll.interval.secs": 3600}])
def test_every_run_begins_from_the_cursor_that_stands_in_kafka(supervised, batch, schedule):
    """A person may reset a cursor at any time, so each run reads it anew."""
    began = []

    async def poll(cursor):
        began.append(cursor and cursor.at)
        yield batch(5)

    task = supervised(poll, **schedule)
    known = []

    async def open_(*, look_again=False):
        if look_again or not task.ledger.is_open:
            known[:] = [task.ledger.cursor]
        task.ledger.is_open = True
        return known[0]

    async def commit(cursor, extra=(), **_told):
        if cursor is not None:
            task.ledger.cursor = {"at": len(began)}  # as if somebody else had altered it

    task.ledger.open, task.ledger.commit = open_, commit
    asyncio.run(run_until(task, lambda: len(began) >= 4))
    assert began[:4] == [None, 1, 2, 3]


def test_a_task_that_waits_for_its_turn_says_so_and_can_be_stopped(supervised):
    """While another stream holds the only turn nothing is polled, the state tells why, and stop is heard at once."""
    turns = Turns(0)

    async def poll(cursor):
        raise AssertionError("not its turn")
        yield

    task = supervised(poll, turns=turns)
    asyncio.run(run_until(task, lambda: "waits for its turn: tasks.max is 1" in task.supervisor.state().message))
    assert task.supervisor.state().state is State.STOPPED
    assert turns.taken


def test_a_turn_is_given_back_however_a_run_ends(supervised):
    """After a success, an error and a defect the next stream can have its turn."""
    turns = Turns(1)
    ends = [None, TemporaryError("once more"), ValueError("defect")]

    async def poll(cursor):
        if ends and (end := ends.pop()) is not None:
            raise end
        return
        yield

    task = supervised(poll, turns=turns)
    asyncio.run(run_until(task, lambda: not ends and task.telemetry.snapshot().polls >= 2))
    assert not turns.taken


def test_the_very_first_run_waits_for_no_cron_expression(supervised, batch):
    """A stream without a cursor is polled at once; after that, and after a restart with a cursor, the cron expression counts."""
    polled = []

    async def poll(cursor):
        polled.append(task.clock.now_ms())
        yield batch(1)

    task = supervised(poll, **{"poll.cron": "0 * * * *"})
    began_ms = task.clock.now_ms()
    asyncio.run(run_until(task, lambda: len(polled) >= 2))
    assert polled[0] - began_ms < 1_000
    assert polled[1] % 3_600_000 < 1_000
    task = supervised(poll, **{"poll.cron": "0 * * * *"})
    task.ledger.cursor = {"at": 1}
    polled.clear()
    asyncio.run(run_until(task, lambda: len(polled) >= 1))
    assert polled[0] % 3_600_000 < 1_000


def test_an_interrupted_run_goes_on_at_once(supervised, batch):
    """What was cut short, here or on another worker, waits for no cron expression; the run after it does."""
    polled = []

    async def poll(cursor):
        polled.append(task.clock.now_ms())
        yield batch(1)

    task = supervised(poll, **{"poll.cron": "0 * * * *"})
    task.ledger.cursor, task.ledger.interrupted = {"at": 1}, True
    began_ms = task.clock.now_ms()
    asyncio.run(run_until(task, lambda: len(polled) >= 2))
    assert polled[0] - began_ms < 1_000
    assert polled[1] % 3_600_000 < 1_000


def test_a_first_run_that_fails_is_not_asked_again_at_once(supervised):
    """Being due at once holds for the first look only: a vendor that refuses is asked ever more slowly, cursor or not."""
    polled = []

    async def poll(cursor):
        polled.append(task.clock.monotonic_secs())
        raise TemporaryError("not now")
        yield

    task = supervised(poll, **{"poll.cron": "0 * * * *"})
    asyncio.run(run_until(task, lambda: len(polled) >= 5))
    assert min(later - earlier for earlier, later in pairwise(polled)) > 0.4


def test_a_failure_is_told_until_it_is_overcome(supervised):
    """While a failed task is started again and again, its message stays that of the failure, also when it is about to poll."""
    told = []
    fail = [PermanentError("401: the key is refused")] * 3

    async def poll(cursor):
        told.append(task.supervisor.state().message)
        if fail:
            raise fail.pop()
        return
        yield

    task = supervised(poll, **{"restart.backoff.initial.secs": 1})
    asyncio.run(run_until(task, lambda: len(told) >= 5))
    assert told[0] == ""
    assert all("401: the key is refused" in message for message in told[1:4])
    assert told[4] == ""


@pytest.mark.parametrize("owned", [True, False])
def test_fenced_it_goes_on_where_the_group_says_that_it_is_ours(supervised, batch, owned):
    """A tool that moves a cursor fences its task; placed here by a group it reads the cursor and goes on, alone it ends as another's."""
    fences, polled = [True], []

    async def polls(cursor):
        polled.append(cursor)
        yield batch(len(polled))

    task = supervised(polls, **{"poll.interval.secs": 1})
    task.supervisor._owned = lambda: owned
    commit = task.ledger.commit

    async def commit_once_fenced(*args, **told):
        if polled and fences:
            fences.pop()
            raise Fenced("fenced")
        await commit(*args, **told)

    task.ledger.commit = commit_once_fenced
    asyncio.run(run_until(task, lambda: len(polled) >= 3 or task.supervisor.failed))
    assert task.supervisor.failed is not owned


def test_a_live_stream_takes_no_turn(supervised):
    """A stream whose poll stays open is polled while others hold every turn, and those after it do not wait for its first one."""
    turns = Turns(1, [0, 1])
    opened, waited = [], []

    async def poll(cursor):
        opened.append(cursor)
        await asyncio.Event().wait()
        yield

    async def scenario():
        task = supervised(poll, live=True, turns=turns)

        async def next_one():
            await turns.take(1)
            waited.append(True)

        taking = asyncio.ensure_future(next_one())
        await run_until(task, lambda: opened and waited)
        await taking

    asyncio.run(scenario())
    assert opened == [None]


def test_a_live_stream_is_left_out_of_a_run_that_ends(supervised):
    """A run that ends once all is caught up does not open a poll that never ends."""
    opened = []

    async def poll(cursor):
        opened.append(cursor)
        await asyncio.Event().wait()
        yield

    task = supervised(poll, live=True, once=True)
    asyncio.run(asyncio.wait_for(task.supervisor.run(), 30))
    assert (opened, task.supervisor.state().state) == ([], State.STOPPED)


@pytest.mark.parametrize(("says", "state"), [(True, State.RUNNING), (False, State.DEGRADED)])
def test_a_live_stream_is_well_while_it_says_so(supervised, says, state):
    """An empty batch of a live stream, committed, is a sign of life; one that gives none for longer than its target is DEGRADED."""
    clock = FakeClock()
    at = []

    async def poll(cursor):
        for number in range(1, 4):
            clock.advance(600)
            if says:
                yield Batch([], Step(at=number))
            at.append(number)
        await asyncio.Event().wait()
        yield

    task = supervised(poll, live=True, clock=clock, **{"freshness.target.secs": 900, "transaction.boundary": "poll"})
    found = []

    def reached():
        found.append(task.supervisor.state().state)
        return len(at) == 3 and (not says or task.ledger.cursor == {"at": 3})

    asyncio.run(run_until(task, reached))
    assert found[-1] is state


@pytest.mark.parametrize(("outlives", "tasks"), [(False, 2), (True, 1)])
def test_only_a_task_that_says_so_outlives_a_rollback(supervised, batch, outlives, tasks):
    """After Kafka rolled a transaction back the task is made anew, as it may take for published what is not; one that undoes it is kept."""
    seen = []

    async def poll(task, cursor):
        seen.append(task)
        yield batch(1)
        await asyncio.Event().wait()

    task = supervised(poll, outlives=outlives, live=True, **{"transaction.boundary": "poll"})
    commit = task.ledger.commit

    async def rolled_back_once(cursor, *told, **more):
        if cursor is not None and len(seen) == 1:
            raise TemporaryError("kafka: the transaction timed out")
        await commit(cursor, *told, **more)

    task.ledger.commit = rolled_back_once
    asyncio.run(run_until(task, lambda: any(cursor for cursor, _ in task.ledger.commits)))
    assert len(seen) == 2
    assert len(set(map(id, seen))) == tasks


def test_a_task_that_failed_is_made_anew_whatever_it_outlives(supervised):
    """A defect may lie in what the task remembers: the restart begins without it."""
    seen = []

    async def poll(task, cursor):
        seen.append(task)
        raise ValueError("a defect")
        yield

    task = supervised(poll, outlives=True, live=True)
    asyncio.run(run_until(task, lambda: len(seen) == 3))
    assert len(set(map(id, seen))) == 3
