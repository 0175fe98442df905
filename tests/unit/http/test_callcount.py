"""Calls by day and by rate, on clocks that step."""

import pytest

from wellhead.http.callcount import CallRate, DayCount, SteadyTime, day_of, secs_to_midnight
from wellhead.testing.clock import FakeClock

MIDNIGHT_MS = 1_767_225_600_000
DAY = day_of(MIDNIGHT_MS)


@pytest.mark.parametrize(("after_ms", "day", "secs"), [(0, DAY, 86_400), (1, DAY, 86_399.999), (-1, DAY - 1, 0.001)])
def test_a_day_begins_at_midnight_utc(after_ms, day, secs):
    """Midnight itself belongs to the day it begins, with all of its seconds to come."""
    assert (day_of(MIDNIGHT_MS + after_ms), secs_to_midnight(MIDNIGHT_MS + after_ms)) == (day, secs)


def test_a_new_day_begins_with_none():
    """Yesterday's calls do not count today."""
    days = DayCount()
    days.add(DAY, 7)
    assert (days.on(DAY), days.on(DAY + 1)) == (7, 0)


def test_a_clock_set_back_over_midnight_gives_nothing_away():
    """Calls of the day that was already begun count on both days."""
    days = DayCount()
    days.add(DAY, 3)
    days.add(DAY + 1, 5)
    assert (days.on(DAY), days.on(DAY + 1), days.on(DAY + 2)) == (8, 5, 0)


def test_calls_of_a_clock_gone_astray_were_made_today():
    """A clock that was years ahead for a while leaves its calls with today, and none with the days to come."""
    days = DayCount()
    days.add(DAY, 3)
    days.add(DAY + 4_000, 5)
    assert (days.on(DAY), days.on(DAY + 1), days.on(DAY + 4_000)) == (8, 0, 0)


def test_days_do_not_pile_up():
    """A process that runs for years remembers the last weeks only."""
    days = DayCount()
    for day in range(DAY, DAY + 1_000):
        days.add(day)
        assert days.on(day) == 1
    assert len(days._calls) < 100


def test_time_never_runs_backwards():
    """A monotonic clock that steps back goes on from where it was."""

    class Stepping(FakeClock):
        step_secs = 0.0

        def monotonic_secs(self):
            return super().monotonic_secs() + self.step_secs

    clock = Stepping()
    time = SteadyTime(clock)
    clock.advance(10)
    before_secs = time.now_secs()
    clock.step_secs = -1_000
    assert time.now_secs() == before_secs
    clock.advance(5)
    assert time.now_secs() == before_secs + 5


def test_the_rate_is_of_the_last_hour():
    """Calls older than an hour are forgotten."""
    rate = CallRate(0.0)
    for secs in range(0, 7_200, 2):
        rate.add(float(secs))
    assert rate.last_hour(7_199.0) == 1_800
    assert rate.per_sec(7_199.0) == 0.5
    assert rate.last_hour(7_199.0 + 1_800) == 900
    assert rate.per_sec(100_000.0) == 0


def test_a_young_rate_does_not_cry_wolf():
    """A burst in the first minute counts as that of ten minutes; from then on the time really counted."""
    rate = CallRate(0.0)
    for secs in range(60):
        rate.add(float(secs))
    assert rate.per_sec(59.0) == 0.1
    assert rate.per_sec(1_199.0) == 0.05
