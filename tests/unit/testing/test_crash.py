import signal

import pytest

from wellhead.testing.crash import POINTS, crash_at


@pytest.mark.parametrize("count", [1, 3])
def test_the_signal_comes_at_the_named_point_and_count(count: int):
    """The process gets the signal when the point is reached for that time, not before, not again, and at no other point."""
    heard: list[int] = []
    former = signal.signal(signal.SIGUSR1, lambda signum, _frame: heard.append(signum))
    try:
        step = crash_at("mid_produce", count, signal.SIGUSR1)
        for reached in range(1, 6):
            for point in POINTS:
                step(point)
            assert len(heard) == int(reached >= count)
    finally:
        signal.signal(signal.SIGUSR1, former)
    assert heard == [signal.SIGUSR1]


def test_an_unknown_point_is_refused():
    """A point that does not exist would never be reached: it is refused with those that are."""
    with pytest.raises(ValueError, match=r"unknown crash point 'commit'.*before_commit"):
        crash_at("commit")


def test_a_count_below_one_is_refused():
    """A point cannot be reached for the 0th time."""
    with pytest.raises(ValueError, match="count from 1"):
        crash_at("begin", 0)
