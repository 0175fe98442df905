from random import Random

import pytest

from wellhead.runtime.schedule import CONTINUOUS_GAP_SECS, Schedule

MINUTE_MS = 60_000
NOON_MS = 1_767_225_600_000 + 12 * 3600 * 1000  # 2026-01-01T12:00:00Z


def schedule(**changes) -> Schedule:
    given = {"interval_secs": 60.0, "cron": None, "continuous": False, "jitter_ratio": 0.0, "random": Random(1)} | changes
    return Schedule(**given)


def test_an_interval_counts_from_the_start_of_the_last_poll():
    """A poll that took 20 of 60 seconds is followed after 40 more."""
    assert schedule().next_ms(NOON_MS, NOON_MS + 20_000) == NOON_MS + MINUTE_MS


def test_polls_never_overlap_or_pile_up():
    """A poll that took longer than the interval is followed once, at once."""
    assert schedule().next_ms(NOON_MS, NOON_MS + 200_000) == NOON_MS + 200_000


def test_jitter_stays_within_its_share():
    """With a tenth of jitter a minute lies between 54 and 66 seconds, and not always the same."""
    jittered = schedule(jitter_ratio=0.1)
    waits = {jittered.next_ms(0, 0) for _ in range(50)}
    assert len(waits) > 10
    assert all(54_000 <= wait <= 66_000 for wait in waits)


@pytest.mark.parametrize(("cron", "minutes"), [("*/5 * * * *", 5), ("0 * * * *", 60), ("0 0/1 * * *", 60)])
def test_cron_waits_for_its_next_time(cron, minutes):
    """A cron schedule polls at its times, also the first time after a start."""
    at = schedule(cron=cron)
    assert at.first_ms(NOON_MS + 1) == NOON_MS + minutes * MINUTE_MS
    assert at.next_ms(NOON_MS, NOON_MS + 1) == NOON_MS + minutes * MINUTE_MS


def test_interval_and_continuous_start_at_once():
    """Only cron makes a fresh start wait."""
    assert schedule().first_ms(NOON_MS) == NOON_MS
    assert schedule(continuous=True).first_ms(NOON_MS) == NOON_MS


def test_continuous_leaves_a_gap():
    """A continuous stream whose poll ends at once does not spin."""
    assert schedule(continuous=True).next_ms(NOON_MS, NOON_MS) == NOON_MS + CONTINUOUS_GAP_SECS * 1000


def test_streams_that_share_a_cron_expression_begin_in_order():
    """Each begins a moment after the one before it, at every tick, also when it looks at the clock in between."""
    minute_ms = 60_000
    first, second = schedule(cron="* * * * *", after_ms=0), schedule(cron="* * * * *", after_ms=20)
    for now_ms in (minute_ms - 1, minute_ms, minute_ms + 10):
        tick_ms = first.next_ms(0, now_ms) // minute_ms * minute_ms
        assert first.next_ms(0, now_ms) == tick_ms
        assert second.next_ms(0, now_ms) in (tick_ms + 20, tick_ms - minute_ms + 20)
    assert second.next_ms(0, minute_ms + 10) == minute_ms + 20
    assert second.next_ms(0, minute_ms + 20) == 2 * minute_ms + 20
