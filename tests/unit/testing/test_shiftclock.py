"""A shifted clock follows its base and jumps forward only."""

from __future__ import annotations

import asyncio

import pytest

from wellhead.testing.clock import FakeClock
from wellhead.testing.shiftclock import ShiftedClock


def test_it_follows_its_base_and_its_jumps():
    """Its time is the base's plus what it was advanced by, on both scales, and the base does not move."""
    base = FakeClock(start_ms=1_000)
    clock = ShiftedClock(base)
    assert clock.advance(1.5) == 2_500
    base.advance(2)
    assert (clock.now_ms(), clock.monotonic_secs(), base.now_ms()) == (4_500, 3.5, 3_000)


def test_it_does_not_run_backwards():
    """A negative jump is refused."""
    with pytest.raises(ValueError, match="backwards"):
        ShiftedClock(FakeClock()).advance(-1)


def test_sleep_is_the_bases():
    """To sleep on it is to sleep on its base."""
    base = FakeClock()
    asyncio.run(ShiftedClock(base).sleep(0))
    assert base.sleeps == [0]
