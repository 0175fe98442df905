import asyncio

import pytest

from wellhead.runtime.bytequeue import ByteQueue


async def _blocked(coroutine) -> bool:
    task = asyncio.ensure_future(coroutine)
    for _ in range(5):
        await asyncio.sleep(0)
    blocked = not task.done()
    task.cancel()
    return blocked


def test_items_come_in_order():
    """What is put first is given first."""

    async def scenario() -> list[int]:
        queue: ByteQueue[int] = ByteQueue(1_000_000)
        for number in range(5):
            await queue.put(number, 10)
        return [await queue.get() for _ in range(5)]

    assert asyncio.run(scenario()) == [0, 1, 2, 3, 4]


def test_the_putter_waits_at_the_bound():
    """A put that would pass the bound waits until what was taken is worked off, which its getter says by asking for more."""

    async def scenario() -> None:
        queue: ByteQueue[str] = ByteQueue(100_000)
        await queue.put("a", 60_000)
        assert await _blocked(queue.put("b", 60_000))
        assert await queue.get() == "a"
        assert await _blocked(queue.put("b", 60_000))
        assert await _blocked(queue.get())
        await asyncio.wait_for(queue.put("b", 60_000), 1)

    asyncio.run(scenario())


def test_one_item_above_the_bound_passes_alone():
    """An item larger than the whole bound is accepted when nothing else waits, and nothing joins it."""

    async def scenario() -> None:
        queue: ByteQueue[str] = ByteQueue(100)
        await asyncio.wait_for(queue.put("huge", 10**9), 1)
        assert await _blocked(queue.put("next", 1))
        assert await queue.get() == "huge"
        assert await _blocked(queue.put("next", 1))

    asyncio.run(scenario())


def test_empty_items_are_bounded_too():
    """Items that say they hold nothing cannot pile up without end."""

    async def scenario() -> int:
        queue: ByteQueue[int] = ByteQueue(100_000)
        accepted = 0
        while not await _blocked(queue.put(accepted, 0)):
            accepted += 1
        return accepted

    assert asyncio.run(scenario()) < 100


def test_the_last_item_never_waits():
    """The end of a run reaches a full queue, so that a failed commit side cannot hang the polling side."""

    async def scenario() -> list[str]:
        queue: ByteQueue[str] = ByteQueue(10)
        await queue.put("full", 1_000)
        queue.put_last("end")
        return [await queue.get(), await queue.get()]

    assert asyncio.run(scenario()) == ["full", "end"]


def test_a_cancelled_get_loses_nothing():
    """An item put after a get was cancelled is still given."""

    async def scenario() -> str:
        queue: ByteQueue[str] = ByteQueue(10)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await queue.get()
        await queue.put("kept", 1)
        return await queue.get()

    assert asyncio.run(scenario()) == "kept"
