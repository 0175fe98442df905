"""The fake clock moves only as told, wakes in order, and never waits for real."""

import asyncio
import contextlib
import time

from wellhead.clock import Clock
from wellhead.testing.clock import FakeClock


def test_it_is_a_clock_whose_two_times_agree() -> None:
    """Wall clock and monotonic time move by the same amount."""
    clock: Clock = (fake := FakeClock(start_ms=1_000))
    fake.advance(2.5)
    assert (clock.now_ms(), clock.monotonic_secs()) == (3_500, 2.5)


def test_sleepers_wake_when_due_and_not_before() -> None:
    """A sleeper wakes exactly when advance() reaches its moment."""

    async def scene() -> list[str]:
        clock, woken = FakeClock(), list[str]()

        async def nap(name: str, secs: float) -> None:
            await clock.sleep(secs)
            woken.append(f"{name}@{clock.monotonic_secs():g}")

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(nap("late", 10))
            tasks.create_task(nap("early", 5))
            await clock.until_sleeping(2)
            clock.advance(4.999)
            await asyncio.sleep(0)
            assert woken == []
            clock.advance(0.001)
            await clock.pass_time(20)
        return woken

    assert asyncio.run(scene()) == ["early@5", "late@10"]


def test_pass_time_lets_a_loop_tick_on_time() -> None:
    """A task that sleeps again and again ticks once per interval within one pass_time."""

    async def scene() -> list[float]:
        clock, ticks = FakeClock(), list[float]()

        async def tick() -> None:
            while True:
                await clock.sleep(1)
                ticks.append(clock.monotonic_secs())

        task = asyncio.create_task(tick())
        await clock.until_sleeping()
        await clock.pass_time(3.5)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert clock.sleeping == 0
        return ticks

    assert asyncio.run(scene()) == [1, 2, 3]


def test_automatic_time_costs_no_time_and_keeps_order() -> None:
    """With auto on, hours of sleep pass at once and the shortest sleeper still wakes first."""

    async def scene() -> tuple[list[str], FakeClock]:
        clock, woken = FakeClock(auto=True), list[str]()

        async def nap(name: str, secs: float) -> None:
            await clock.sleep(secs)
            woken.append(name)

        await asyncio.gather(nap("hours", 7200), nap("hour", 3600), nap("day", 86400), nap("none", 0))
        return woken, clock

    started = time.monotonic()
    woken, clock = asyncio.run(scene())
    assert woken == ["none", "hour", "hours", "day"]
    assert clock.monotonic_secs() == 86400
    assert clock.sleeps == [7200, 3600, 86400, 0]
    assert time.monotonic() - started < 5
