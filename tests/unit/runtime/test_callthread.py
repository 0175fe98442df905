import asyncio
import threading
from typing import Any

import pytest

from wellhead.runtime.callthread import CallThread


def nothing() -> None:
    pass


def made() -> CallThread:
    return CallThread("test-calls", nothing, nothing)


def test_calls_run_in_order_on_one_thread():
    """Calls give their results, one after the other, all on the same thread, which is not the caller's."""

    async def scenario() -> list[Any]:
        calls = made()
        try:
            return await asyncio.gather(*(calls.run(lambda n=n: (n, threading.get_ident())) for n in range(5)))
        finally:
            calls.shutdown()

    results = asyncio.run(scenario())
    assert [number for number, _ in results] == list(range(5))
    assert len({thread for _, thread in results}) == 1
    assert results[0][1] != threading.get_ident()


def test_errors_are_the_callers():
    """What a call raises is raised where it was awaited, and the next call runs."""

    async def scenario() -> int:
        calls = made()
        try:
            with pytest.raises(ZeroDivisionError):
                await calls.run(lambda: 1 // 0)
            return await calls.run(lambda: 7)
        finally:
            calls.shutdown()

    assert asyncio.run(scenario()) == 7


def test_a_call_under_way_ends_though_its_caller_is_cancelled():
    """Cancelling the caller does not stop the call, and the next call runs after it."""
    begun, go_on, done = threading.Event(), threading.Event(), []

    def slow() -> None:
        begun.set()
        go_on.wait(10)
        done.append("first")

    async def scenario() -> None:
        calls = made()
        caller = asyncio.create_task(calls.run(slow))
        await asyncio.to_thread(begun.wait, 10)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        go_on.set()
        await calls.run(lambda: done.append("second"))
        calls.shutdown()

    asyncio.run(scenario())
    assert done == ["first", "second"]


def test_shutdown_waits_for_nothing():
    """After shutdown whoever waits is cancelled at once, a later call is refused, and the thread does not hold up the interpreter."""
    begun, go_on = threading.Event(), threading.Event()
    threads: list[threading.Thread] = []

    def hang() -> None:
        threads.append(threading.current_thread())
        begun.set()
        go_on.wait(10)

    async def scenario() -> None:
        calls = made()
        caller = asyncio.create_task(calls.run(hang))
        await asyncio.to_thread(begun.wait, 10)
        calls.shutdown()
        with pytest.raises(asyncio.CancelledError):
            await caller
        with pytest.raises(asyncio.CancelledError):
            await calls.run(nothing)

    try:
        asyncio.run(scenario())
        assert threads[0].daemon
        assert not go_on.is_set()
    finally:
        go_on.set()
        threads[0].join(10)


def test_a_late_call_is_told_and_so_is_its_return():
    """A call that takes too long is told once, and once again when it is back; a quick one is never told."""
    told: list[str] = []
    go_on = threading.Event()

    async def scenario() -> None:
        late = asyncio.Event()

        def on_late() -> None:
            told.append("late")
            late.set()

        calls = CallThread("test-calls", on_late, lambda answered: told.append(f"back, answered: {answered}"), late_secs=0.01)
        caller = asyncio.create_task(calls.run(lambda: go_on.wait(10)))
        await late.wait()
        go_on.set()
        await caller
        calls.shutdown()

    asyncio.run(scenario())
    assert told == ["late", "back, answered: True"]


def test_a_thread_that_is_not_called_ends_and_begins_anew():
    """While nothing is called there is no thread; the next call has one again, also where it comes just as the former ends."""

    async def scenario() -> list[int]:
        calls = CallThread("test-rest", nothing, nothing, idle_secs=0.001)
        given = []
        for number in range(300):
            given.append(await calls.run(lambda number=number: number))
            await asyncio.sleep(0.001 if number % 2 else 0)
        for thread in [each for each in threading.enumerate() if each.name == "test-rest"]:
            await asyncio.to_thread(thread.join, 30)
        assert "test-rest" not in {each.name for each in threading.enumerate()}
        given.append(await calls.run(lambda: 300))
        calls.shutdown()
        return given

    assert asyncio.run(asyncio.wait_for(scenario(), 60)) == list(range(301))
