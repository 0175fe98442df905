"""Calls are counted, paced and held back, on clocks that step; no test waits for real."""

import asyncio
from collections import Counter
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wellhead import TemporaryError
from wellhead.http import CallRecord, HttpSettings
from wellhead.http.budget import CallBudget
from wellhead.http.callcount import day_of
from wellhead.telemetry.tally import Quota
from wellhead.testing.clock import FakeClock

MIDNIGHT_MS = 1_767_225_600_000
HOUR = 3600.0


class SteppingClock(FakeClock):
    """Fake time whose wall and monotonic clocks can be set apart from it."""

    wall_secs = 0.0
    back_secs = 0.0
    each_look_secs = 0.0

    def now_ms(self):
        self.wall_secs += self.each_look_secs
        return super().now_ms() + round(self.wall_secs * 1000)

    def monotonic_secs(self):
        return super().monotonic_secs() - self.back_secs


class Bench:
    """A budget on a clock that jumps, and when its calls started."""

    def __init__(self, hour=0.0, **options):
        self.clock = SteppingClock(MIDNIGHT_MS + round(hour * HOUR * 1000), auto=True)
        self.settings = HttpSettings(**options)
        self.budget = CallBudget(self.settings, self.clock)
        self.at_secs = []

    async def call(self, status=200, left=None, renews_in_secs=None, lasts_secs=0.0):
        waited = await self.budget.take()
        self.at_secs.append(self.elapsed())
        left = left(self.elapsed()) if callable(left) else left
        if lasts_secs:
            await self.clock.sleep(lasts_secs)
        self.budget.answered(record(status, left, renews_in_secs, lasts_secs))
        return waited

    async def calls(self, count, **answer):
        for _ in range(count):
            await self.call(**answer)

    async def until(self, hour, **answer):
        """Ask without a pause, and again when sent away, until an hour of the first day."""
        began_secs = MIDNIGHT_MS / 1000
        while self.clock.now_ms() / 1000 < began_secs + hour * HOUR:
            try:
                await self.call(**answer)
            except TemporaryError as error:
                self.clock.advance(error.after_secs)

    async def until_refused(self, **answer):
        while True:
            try:
                await self.call(**answer)
            except TemporaryError as error:
                return error

    def elapsed(self):
        return FakeClock.monotonic_secs(self.clock)

    def gaps(self):
        return [later - earlier for earlier, later in pairwise(self.at_secs)]


def record(status=200, left=None, renews_in_secs=None, secs=0.0):
    return CallRecord(
        "v.example", "GET", status, secs, 0, retried=False, quota_remaining=left, quota_renews_in_secs=renews_in_secs
    )


def run(scenario):
    return asyncio.run(scenario)


# Pace


def test_without_options_nothing_waits():
    """A connector without a budget asks as fast as it likes, whatever the vendor's headers say."""
    bench = Bench()
    run(bench.calls(1_000, left=1))
    assert bench.elapsed() == 0
    assert bench.budget.quota().remaining == 1


def test_the_interval_lies_between_all_calls_of_the_connector():
    """Five tasks at once share one interval, in the order in which they came."""
    bench, order = Bench(interval_secs=2), []

    async def task(number):
        for _ in range(3):
            await bench.call()
            order.append(number)

    async def scenario():
        await asyncio.gather(*(task(number) for number in range(5)))

    run(scenario())
    assert bench.gaps() == [2.0] * 14
    assert order == [0, *[0, 1, 2, 3, 4] * 2, 1, 2, 3, 4]


def test_the_interval_counts_from_start_to_start():
    """A call that took longer than the interval is followed at once."""
    bench = Bench(interval_secs=2)
    run(bench.calls(3, lasts_secs=5.0))
    assert bench.gaps() == [5.0, 5.0]


def test_a_monotonic_clock_that_steps_back_costs_one_interval():
    """The next call goes out after the interval, not when the clock has caught up."""
    bench = Bench(interval_secs=2)

    async def scenario():
        await bench.calls(2)
        bench.clock.back_secs = 100_000
        await bench.calls(2)

    run(scenario())
    assert max(bench.gaps()) <= 4


def test_a_task_that_stops_waiting_leaves_its_turn():
    """A cancelled call is not counted, and the one behind it is not held up."""
    bench = Bench(interval_secs=100, budget_calls_per_day=10)

    async def scenario():
        await bench.call()
        bench.clock.auto = False
        stopped = asyncio.create_task(bench.call())
        await bench.clock.until_sleeping()
        behind = asyncio.create_task(bench.call())
        stopped.cancel()
        await asyncio.gather(stopped, return_exceptions=True)
        await bench.clock.until_sleeping()
        await bench.clock.pass_time(100)
        return await behind

    assert run(scenario()) is True
    assert bench.at_secs == [0, 100]
    assert bench.budget.quota().remaining == 8


# The day's count


def test_the_days_budget_is_spent_and_no_call_more():
    """The call after the last is refused with the time of renewal and the option to raise."""
    bench = Bench(hour=10, budget_calls_per_day=6000)
    bench.budget.restore(5_980, MIDNIGHT_MS, None)
    error = run(bench.until_refused())
    assert len(bench.at_secs) == 20
    assert error.after_secs == 14 * HOUR
    assert str(error) == (
        "the daily budget of 6,000 calls is spent; goes on at 00:00Z. Raise http.budget.calls.per.day if the vendor allows more"
    )


def test_midnight_is_midnight_however_slow_the_machine():
    """The time that passes between two looks at the clock moves no renewal into the next minute."""
    bench = Bench(hour=10, budget_calls_per_day=6000)
    bench.budget.restore(6_000, MIDNIGHT_MS, None)
    bench.clock.each_look_secs = 0.05
    assert "goes on at 00:00Z." in str(run(bench.until_refused()))


def test_every_attempt_counts():
    """Failed and refused attempts are calls like any other."""
    bench = Bench(budget_calls_per_day=10)

    async def scenario():
        for status in (200, 500, None, 404):
            await bench.call(status=status)

    run(scenario())
    assert bench.budget.quota().remaining == 6


def test_the_budget_renews_at_midnight():
    """After the wait the next day's budget is whole."""
    bench = Bench(hour=23, budget_calls_per_day=5)

    async def scenario():
        error = await bench.until_refused()
        bench.clock.advance(error.after_secs)
        await bench.call()

    run(scenario())
    assert bench.budget.quota() == Quota(
        remaining=4, budget=5, reserve=0, ends_in_secs=4 * HOUR, renews_in_secs=86_400, last_hour=1
    )


def test_a_minute_before_midnight_the_call_waits_in_place():
    """What renews within a minute is waited for without ending the run."""
    bench = Bench(hour=23.99, budget_calls_per_day=2)
    run(bench.calls(3))
    assert bench.gaps() == [0, pytest.approx(36)]


def test_a_former_process_counts():
    """Restored calls are spent, and the interval counts from the last of them."""
    bench = Bench(hour=12, budget_calls_per_day=100, interval_secs=60)
    bench.budget.restore(99, MIDNIGHT_MS, bench.clock.now_ms() - 20_000)
    error = run(bench.until_refused())
    assert bench.at_secs == [40]
    assert "is spent" in str(error)


def test_calls_restored_for_a_day_gone_by_do_not_count():
    """Midnight passed while the run records were read: they are yesterday's."""
    bench = Bench(budget_calls_per_day=100)
    bench.budget.restore(99, MIDNIGHT_MS - 1, None)
    assert bench.budget.quota().remaining == 100


# The reserve


def test_the_first_half_of_the_budget_is_paced_by_the_interval_alone():
    """Calls go out back to back until half of the budget is spent; from then on evenly until it renews."""
    bench = Bench(hour=12, budget_calls_per_day=6000, budget_reserve=100, interval_secs=2)
    run(bench.calls(3_000))
    assert set(bench.gaps()) == {2.0}
    left_secs = 12 * HOUR - bench.elapsed()
    run(bench.calls(200))
    assert bench.gaps()[-200:] == pytest.approx([left_secs / 3_001] * 200, rel=0.001)


@pytest.mark.parametrize(("reserve", "silent_secs"), [(0, 1_300), (100, 60)])
def test_a_connector_that_never_stops_asking_has_calls_until_the_last_minutes(reserve, silent_secs):
    """Polled continuously from midnight the budget is used up, and at no hour of the day is there silence."""
    bench = Bench(budget_calls_per_day=6000, budget_reserve=reserve, interval_secs=2)
    run(bench.until(24))
    at_secs = [at for at in bench.at_secs if at < 86_399.9]
    assert 5_950 <= len(at_secs) <= 6_000
    assert max(later - earlier for earlier, later in pairwise([*at_secs, 86_400.0])) < silent_secs
    assert at_secs[2_999] < 6_100


def test_polls_that_the_budget_lasts_for_are_not_slowed():
    """Two hundred calls at the start of each hour go out back to back, also when less than half of the budget is left."""
    bench = Bench(budget_calls_per_day=6000, budget_reserve=100, interval_secs=2)

    async def scenario():
        for _ in range(24):
            began_secs = bench.elapsed()
            await bench.calls(200)
            bench.clock.advance(HOUR - bench.elapsed() + began_secs)

    run(scenario())
    assert sorted(set(bench.gaps())) == [2.0, HOUR - 199 * 2]


def test_an_hours_share_may_go_in_one_burst():
    """After a quiet hour in the second half, what the hour would get evenly goes back to back; the rest of the poll is spread."""
    bench = Bench(hour=11, budget_calls_per_day=6000, interval_secs=2)
    bench.budget.restore(4_800, MIDNIGHT_MS, None)
    bench.clock.advance(HOUR)
    run(bench.calls(200))
    burst = bench.gaps().index(next(gap for gap in bench.gaps() if gap > 2))
    assert 85 <= burst <= 101
    assert bench.gaps()[-1] == pytest.approx(12 * HOUR / 1_100, rel=0.02)


def test_the_last_calls_of_a_day_are_not_spread():
    """A poll needs some calls in a row: a budget too small for that is left to the reserve."""
    bench = Bench(budget_calls_per_day=40)
    run(bench.calls(40))
    assert bench.elapsed() == 0


def test_past_half_of_the_budget_health_says_why_it_waits():
    """The reason tells that the budget is what slows the calls, not the reserve."""
    bench = Bench(hour=12, budget_calls_per_day=200)
    bench.budget.restore(100, MIDNIGHT_MS, bench.clock.now_ms())

    async def scenario():
        bench.clock.auto = False
        while not bench.budget.waiting:
            waiting = asyncio.create_task(bench.call())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        said = bench.budget.waiting
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return said

    assert run(scenario()) == (
        "98 calls are left until 00:00Z, so one goes out every 436 s (more than half of http.budget.calls.per.day is spent)"
    )


def test_the_reserve_is_spread_evenly_until_renewal():
    """A hundred calls left at noon go out one every seven minutes, none sooner, all of them before midnight."""
    bench = Bench(hour=12, budget_calls_per_day=6000, budget_reserve=100, interval_secs=2)
    bench.budget.restore(5_900, MIDNIGHT_MS, bench.clock.now_ms())
    error = run(bench.until_refused())
    assert "is spent" in str(error)
    assert len(bench.at_secs) == 100
    assert bench.gaps() == pytest.approx([12 * HOUR / 101] * 99, abs=0.01)
    assert error.after_secs == pytest.approx(12 * HOUR / 101, abs=1)


def test_in_the_reserve_health_says_why_it_waits():
    """While a call is held back the reason tells what is left, until when, and which option holds it."""
    bench = Bench(hour=12, budget_calls_per_day=200, budget_reserve=100)
    bench.budget.restore(128, MIDNIGHT_MS, bench.clock.now_ms())

    async def scenario():
        bench.clock.auto = False
        waiting = asyncio.create_task(bench.call())
        await bench.clock.until_sleeping()
        said = bench.budget.waiting
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return said

    assert run(scenario()) == "72 calls are left until 00:00Z, so one goes out every 592 s (http.budget.reserve is 100)"
    assert bench.budget.waiting == ""


def test_nobody_is_blocked_for_hours():
    """Where the next turn is more than half an hour off the task is sent away, to come back at its time."""
    bench = Bench(hour=2, budget_calls_per_day=10, budget_reserve=10)

    async def scenario():
        await bench.call()
        with pytest.raises(TemporaryError, match=r"9 calls are left until 00:00Z, so one goes out every 7920 s") as caught:
            await bench.call()
        bench.clock.advance(caught.value.after_secs)
        return await bench.call()

    assert run(scenario()) is False
    assert bench.gaps() == [7_920]


# The vendor's word


def test_the_vendors_word_goes_before_our_count():
    """A header that says less, or more, is believed; the calls after it are taken off."""
    bench = Bench(budget_calls_per_day=6000)

    async def scenario():
        await bench.calls(3)
        await bench.call(left=42)
        less = bench.budget.quota().remaining
        await bench.call(left=5_999, renews_in_secs=5 * HOUR)
        more = bench.budget.quota().remaining
        await bench.calls(300)
        return less, more, bench.budget.quota().remaining

    assert run(scenario()) == (42, 5_999, 5_699)


def test_a_vendor_that_falls_silent_keeps_its_word_until_renewal():
    """What it said last, less the calls since and two that ask whether it still holds, holds until midnight; then our count goes on."""
    bench = Bench(hour=21, budget_calls_per_day=6000)

    async def scenario():
        await bench.call(left=3)
        await bench.calls(3)
        later = await bench.until_refused(status=429)
        bench.clock.advance(later.after_secs)
        error = await bench.until_refused(status=429)
        bench.clock.advance(error.after_secs)
        await bench.call()
        return later, error

    later, error = run(scenario())
    assert bench.gaps() == pytest.approx([0, 0, 0, 65, HOUR + 60, 2 * HOUR - 125])
    assert str(later) == (
        "the vendor says that no call is left, but not until when; asks again at 22:03Z. "
        "Look for other clients of this account, or have its quota raised"
    )
    assert str(error) == (
        "the vendor says that no call is left; goes on at 00:00Z. Look for other clients of this account, or have its quota raised"
    )
    assert bench.budget.quota().remaining == 5_999


def test_an_undated_zero_that_stands_is_believed_until_midnight():
    """The vendor is asked again after a minute and after an hour, and not a third time; several tasks ask no more than one."""
    bench = Bench(hour=10, budget_calls_per_day=6000, interval_secs=2)

    async def scenario():
        await bench.call(left=0, lasts_secs=1.0)
        await asyncio.gather(*(bench.until(24, status=429, left=0, lasts_secs=1.0) for _ in range(5)))

    run(scenario())
    assert [at for at in bench.at_secs if at < 14 * HOUR] == pytest.approx([0, 66, 66 + 61 + HOUR], abs=1)


class Window:
    """A vendor's quota of a window that its headers do not name: of a fixed minute or the last one, shared with other clients."""

    def __init__(self, calls, secs, *, slides=False, others=0):
        self.calls, self.secs, self.slides, self.others = calls, secs, slides, others
        self.at_secs = []

    def left(self, now_secs):
        self.at_secs.append(now_secs)
        began_secs = now_secs - self.secs if self.slides else now_secs // self.secs * self.secs
        return max(0, self.calls - self.others - sum(at >= began_secs for at in self.at_secs))


@pytest.mark.parametrize("slides", [False, True])
@pytest.mark.parametrize("others", [0, 5])
@pytest.mark.parametrize("calls", [6, 20, 60, 300])
def test_the_undated_count_of_a_minute_never_silences_for_the_day(calls, others, slides):
    """A window of a minute, said in a header that does not name it, costs minutes: then our own count holds."""
    bench = Bench(budget_calls_per_day=6000, budget_reserve=100, interval_secs=2)
    window = Window(calls, 60, slides=slides, others=others)

    async def scenario():
        while len(bench.at_secs) < 400:
            await bench.call(left=window.left, lasts_secs=0.5)

    run(scenario())
    assert bench.elapsed() < 400 * 2 + 10 * 60
    assert bench.budget.quota().remaining == 5_600


@pytest.mark.parametrize("slides", [False, True])
def test_the_undated_count_of_an_hour_costs_no_more_than_hours(slides):
    """An hour's window takes longer to be told from a day's, and then is."""
    bench = Bench(budget_calls_per_day=6000, budget_reserve=100, interval_secs=2)
    window = Window(60, 3600, slides=slides)

    async def scenario():
        while bench.elapsed() < 6 * HOUR:
            try:
                await bench.call(left=window.left, lasts_secs=0.5)
            except TemporaryError as error:
                bench.clock.advance(error.after_secs)

    run(scenario())
    assert max(bench.gaps()) <= HOUR + 61
    assert bench.budget.quota().remaining == 6_000 - len(bench.at_secs)


def test_refused_by_a_minutes_quota_the_vendor_is_asked_again_soon():
    """Three refusals under an undated count below the reserve are no proof of a spent day."""
    bench = Bench(budget_calls_per_day=6000, budget_reserve=100)

    async def scenario():
        await bench.call(left=5)
        await bench.calls(3, status=429)
        await bench.call()

    run(scenario())
    assert bench.elapsed() < 10 * 60


def test_after_a_count_that_rose_the_day_goes_by_ours():
    """The rest of the day the vendor's undated counts are not heard; tomorrow they are again."""
    bench = Bench(hour=20, budget_calls_per_day=6000)

    async def scenario():
        await bench.call(left=40)
        await bench.call(left=50)
        await bench.call(left=0)
        ours = bench.budget.quota().remaining
        bench.clock.advance(5 * HOUR)
        await bench.call(left=4_000)
        return ours, bench.budget.quota().remaining

    assert run(scenario()) == (5_997, 4_000)


def test_a_call_served_though_none_was_left_refutes_the_count():
    """A vendor that allows one call a minute says zero after each; it is no reason to stop."""
    bench = Bench(hour=10, budget_calls_per_day=6000, interval_secs=2)

    async def scenario():
        await bench.calls(2, left=0)
        await bench.calls(10, left=0)
        await bench.calls(5)

    run(scenario())
    assert bench.gaps() == [65.0, *[2.0] * 15]


def test_calls_under_way_when_the_vendor_says_zero_prove_nothing():
    """They were counted before it; only what goes out afterwards tries whether it holds."""
    bench = Bench(hour=10, budget_calls_per_day=6000)

    async def scenario():
        for _ in range(4):
            await bench.budget.take()
        bench.budget.answered(record(left=0))
        for _ in range(3):
            bench.budget.answered(record())
        await bench.call(left=50)

    run(scenario())
    assert bench.at_secs == [65]


def test_a_days_count_in_the_reserve_is_spread_though_it_is_undated():
    """Once it has been seen to fall after a minute's pause, it paces like a count of ours."""
    bench = Bench(hour=12, budget_calls_per_day=6000, budget_reserve=100)

    async def scenario():
        for left in range(80, 70, -1):
            await bench.call(left=left)

    run(scenario())
    assert bench.gaps()[0] == 65
    assert bench.gaps()[1:] == pytest.approx([12 * HOUR / 80] * 8, rel=0.01)


def test_a_vendors_own_day_renews_when_it_says():
    """A quota that renews at eight is whole at eight, also where the vendor says nothing any more and our day is spent."""
    bench = Bench(hour=6, budget_calls_per_day=10)

    async def scenario():
        await bench.calls(9)
        await bench.call(left=0, renews_in_secs=2 * HOUR)
        error = await bench.until_refused()
        bench.clock.advance(error.after_secs)
        again = await bench.until_refused()
        return error, again

    error, again = run(scenario())
    assert (error.after_secs, len(bench.at_secs)) == (2 * HOUR, 20)
    assert "goes on at 08:00Z" in str(error)
    assert again.after_secs == 24 * HOUR


def test_a_short_quota_of_the_vendor_binds_beside_the_days():
    """A thousand calls left of this minute's quota do not raise the day's budget."""
    bench = Bench(hour=12, budget_calls_per_day=20)
    error = run(bench.until_refused(left=1_000, renews_in_secs=30))
    assert len(bench.at_secs) == 20
    assert "the daily budget of 20 calls is spent" in str(error)


def test_a_short_quota_that_is_used_up_is_waited_for_in_place():
    """Nothing left for half a minute is half a minute's wait."""
    bench = Bench(hour=12, budget_calls_per_day=20)

    async def scenario():
        await bench.call(left=0, renews_in_secs=30)
        await bench.call()

    run(scenario())
    assert bench.gaps() == [pytest.approx(30)]


def test_of_calls_that_overlap_the_latest_started_knows_most():
    """An answer that was under way when a later call was answered does not turn the count back, and calls under way are taken off."""
    bench = Bench(budget_calls_per_day=6000)

    async def scenario():
        await bench.budget.take()
        bench.clock.advance(1)
        await bench.budget.take()
        bench.clock.advance(1)
        bench.budget.answered(record(left=9, secs=1.0))
        bench.clock.advance(3)
        bench.budget.answered(record(left=10, secs=5.0))
        latest = bench.budget.quota().remaining
        await bench.budget.take()
        bench.clock.advance(1)
        await bench.budget.take()
        bench.clock.advance(1)
        bench.budget.answered(record(left=8, secs=2.0))
        return latest, bench.budget.quota().remaining

    assert run(scenario()) == (9, 7)


def test_a_wall_clock_that_steps_back_does_not_stretch_the_wait():
    """The vendor's two hours are over after two hours, though the wall clock was set back by a day meanwhile."""
    bench = Bench(hour=6, budget_calls_per_day=10)

    async def scenario():
        await bench.call(left=0, renews_in_secs=2 * HOUR)
        bench.clock.wall_secs = -86_400
        bench.clock.advance(2 * HOUR)
        await bench.call()

    run(scenario())
    assert len(bench.at_secs) == 2


# 429


def test_a_vendor_that_goes_on_refusing_is_asked_ever_less():
    """After three refusals in a row the wait is a minute, then doubles up to an hour; one answer, and nothing is held against it."""
    bench = Bench(budget_calls_per_day=6000)

    async def scenario():
        for _ in range(40):
            try:
                await bench.call(status=429)
            except TemporaryError as error:
                bench.clock.advance(error.after_secs)
        bench.clock.advance(HOUR)
        await bench.call()
        await bench.calls(2, status=429)
        await bench.call()

    run(scenario())
    assert bench.gaps()[:2] == [0, 0]
    assert bench.gaps()[2:9] == pytest.approx([60, 120, 240, 480, 960, 1_920, 3_600])
    assert bench.gaps()[-3:] == [0, 0, 0]


def test_refused_in_the_reserve_means_spent():
    """Where hardly anything should be left, a vendor that refuses three times is asked again at its renewal."""
    bench = Bench(hour=12, budget_calls_per_day=6000, budget_reserve=100)
    bench.budget.restore(5_950, MIDNIGHT_MS, None)
    error = run(bench.until_refused(status=429))
    assert len(bench.at_secs) == 3
    assert "the vendor refused the last 3 calls (429); asks again at 00:00Z" in str(error)
    assert error.after_secs == pytest.approx(86_400 / 2 - bench.elapsed())


def test_calls_refused_side_by_side_are_one_refusal():
    """A burst that the vendor refuses as one is no proof that the quota is spent."""
    bench = Bench(budget_calls_per_day=6000)

    async def scenario():
        await asyncio.gather(*(bench.call(status=429, lasts_secs=1.0) for _ in range(5)))
        await bench.call()

    run(scenario())
    assert bench.elapsed() == 1


# The forecast


def test_the_forecast_is_of_the_last_hour():
    """Half a call a second leaves 4,200 of 6,000 after an hour, which last two hours and twenty minutes."""
    bench = Bench(hour=12, budget_calls_per_day=6000, interval_secs=2)
    run(bench.calls(1_800))
    assert bench.budget.quota() == Quota(
        remaining=4_200, budget=6000, reserve=0, ends_in_secs=8_400, renews_in_secs=11 * HOUR + 2, last_hour=1_800
    )


def test_nothing_known_is_said_to_be_unknown():
    """Without budget and header there is no number."""
    bench = Bench(interval_secs=2)
    run(bench.calls(10))
    assert bench.budget.quota() == Quota()


# Whatever happens

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("call"), st.integers(1, 12)),
        st.tuples(st.just("pass"), st.floats(0, 40_000)),
        st.tuples(st.just("wall"), st.floats(-0.45 * 86_400, 0.45 * 86_400)),
        st.tuples(st.just("back"), st.floats(0, 100_000)),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=150)
@given(steps=STEPS, budget=st.integers(1, 20), reserve=st.integers(0, 25), interval=st.sampled_from([0.0, 2.0, 600.0]))
def test_never_more_than_the_budget_in_a_day(steps, budget, reserve, interval):
    """Whatever is asked, by however many tasks, however the clocks step and whenever the process restarts: no day has more calls."""
    bench = Bench(hour=12, budget_calls_per_day=budget, budget_reserve=reserve, interval_secs=interval)
    days: Counter[int] = Counter()
    at_secs = []
    first_day = 0
    last_ms = 0

    async def task():
        with suppress(TemporaryError):
            await bench.budget.take()
            count()

    def count():
        nonlocal last_ms
        last_ms = bench.clock.now_ms()
        days[day_of(bench.clock.now_ms())] += 1
        at_secs.append(bench.elapsed())

    async def scenario():
        nonlocal first_day
        for step, amount in steps:
            match step:
                case "call":
                    await asyncio.gather(*(task() for _ in range(amount)))
                case "pass":
                    bench.clock.advance(amount)
                case "wall":
                    before_secs, bench.clock.wall_secs = bench.clock.wall_secs, amount
                    if day_of(bench.clock.now_ms()) < first_day:
                        bench.clock.wall_secs = before_secs  # a process cannot know the day before the one it was started on
                case "back":
                    bench.clock.back_secs += amount
                case "restart":
                    bench.budget = CallBudget(bench.settings, bench.clock)
                    today = first_day = day_of(bench.clock.now_ms())
                    # The records of the runs that were open tell of their calls up to now, or up to the last one where that lies ahead.
                    heard_ms = max(bench.clock.now_ms(), last_ms if days[today + 1] else 0)
                    bench.budget.restore(days[today] + days[today + 1], bench.clock.now_ms(), heard_ms)

    run(scenario())
    assert max(days.values(), default=0) <= budget
    assert min((later - earlier for earlier, later in pairwise(at_secs)), default=interval) >= interval - 1e-6


BURSTS = st.lists(st.tuples(st.integers(1, 200), st.floats(0, 20_000)), max_size=30)


@settings(deadline=None, max_examples=60)
@given(bursts=BURSTS, budget=st.integers(96, 400), reserve=st.integers(0, 100))
def test_bursts_at_any_hour_leave_calls_for_the_rest_of_the_day(bursts, budget, reserve):
    """However the polls fall, no day has more calls than its budget, and half of it is never gone within an hour after the first half."""
    bench = Bench(budget_calls_per_day=budget, budget_reserve=reserve, interval_secs=1)
    days: Counter[int] = Counter()
    late_secs: list[float] = []

    async def scenario():
        for calls, pause_secs in bursts:
            with suppress(TemporaryError):
                for _ in range(calls):
                    await bench.call()
                    day = day_of(bench.clock.now_ms())
                    days[day] += 1
                    if day == day_of(MIDNIGHT_MS) and budget / 2 < days[day] <= budget - 48 and bench.elapsed() < 18 * HOUR:
                        late_secs.append(bench.elapsed())
            bench.clock.advance(pause_secs)

    run(scenario())
    assert max(days.values(), default=0) <= budget
    for began_secs in late_secs:
        share = (budget / 2) * HOUR / (86_400 - began_secs)
        assert sum(began_secs <= at < began_secs + HOUR for at in late_secs) <= 2 * share + 3
