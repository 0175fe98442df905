"""Undated counts are held against each other, and only believed as far as they were tried."""

import pytest

from wellhead.http.undated import UndatedCount

DAY = 20_454
FOR_EVER = float("inf")


def heard(*counts, day=DAY):
    """Hear `(left, at)` from calls of half a second; give the count's judge and its last word."""
    count = UndatedCount()
    word = None
    for left, at_secs in counts:
        word = count.hear(left, at_secs, at_secs + 0.5, day)
    return count, word


@pytest.mark.parametrize(
    ("counts", "is_days"),
    [
        ([(9, 0)], True),
        ([(9, 0), (8, 2)], True),
        ([(9, 0), (9, 2)], True),
        ([(9, 0), (10, 2)], False),
        ([(9, 0), (9, 70)], False),
        ([(9, 0), (8, 70)], True),
        ([(0, 0), (0, 70)], True),
        ([(9, 0), (10, 0.3)], True),
        ([(9, 0), (10, 0.3), (9, 1), (10, 2)], False),
        ([(9, 0), (10, 2), (8, 4)], False),
    ],
)
def test_a_days_count_falls(counts, is_days):
    """One that rises, or stands still over a minute, is none of the day's; of calls that overlap nothing is concluded."""
    assert heard(*counts)[1] is is_days


@pytest.mark.parametrize(
    ("counts", "secs"),
    [
        ([(9, 0)], 65),
        ([(9, 0), (8, 2)], 65),
        ([(9, 0), (8, 66)], 3_660),
        ([(9, 0), (8, 4_000)], FOR_EVER),
        ([(0, 0), (0, 66), (0, 4_000)], FOR_EVER),
    ],
)
def test_a_count_holds_a_call_back_as_long_as_it_was_tried(counts, secs):
    """A minute first, an hour once it fell over a minute, for ever once it fell over an hour."""
    assert heard(*counts)[0].holds_secs() == secs


def test_a_vendor_that_is_silent_is_asked_twice():
    """Two calls that went out at zero and told nothing are trials, too."""
    count, _ = heard((0, 0))
    held = []
    for at_secs in (65.0, 4_000.0):
        count.probe(at_secs)
        held.append(count.holds_secs())
    assert held == [3_660, FOR_EVER]


def test_only_a_call_that_went_out_at_zero_refutes_it():
    """One that was under way before proves nothing."""
    count, _ = heard((0, 0))
    without = count.refutes(0.0)
    count.probe(65.0)
    assert (without, count.refutes(10.0), count.refutes(65.0)) == (False, False, True)
    assert count.hear(7, 70.0, 70.5, DAY) is False


def test_each_day_is_judged_anew():
    """What was found out yesterday is forgotten."""
    count, _ = heard((0, 0), (9, 2))
    assert count.hear(100, 90_000.0, 90_000.5, DAY + 1) is True
    assert count.holds_secs() == 65
