"""A clock for code that blocks."""

import asyncio

from wellhead.testing.blockingclock import SteppingClock


def test_a_wait_moves_time_and_costs_none():
    """Both times agree, and every wish to wait is kept."""
    clock = SteppingClock(start_ms=1_000)
    clock.wait(90)
    asyncio.run(clock.sleep(10))
    clock.advance(0.5)
    clock.wait(-3)
    assert (clock.now_ms(), clock.monotonic_secs(), clock.waits) == (101_500, 100.5, [90, 10, -3])
