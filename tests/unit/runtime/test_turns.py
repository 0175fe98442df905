"""Tests of the turns that a connector's streams take."""

import asyncio

import pytest

from wellhead.runtime.turns import Turns


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Asking:
    """Streams that ask for turns, and the order in which they got them."""

    def __init__(self, at_once: int, streams: int) -> None:
        self.turns = Turns(at_once, range(streams))
        self.got: list[int] = []
        self.tasks: dict[int, asyncio.Task[None]] = {}

    async def ask(self, number: int) -> None:
        async def take() -> None:
            await self.turns.take(number)
            self.got.append(number)

        self.tasks[number] = asyncio.create_task(take())
        await settle()


def test_streams_begin_in_order_however_long_each_takes_to_start():
    """One that is ready early waits for the first request of those before it; then each goes when the former gives back."""

    async def scenario() -> None:
        asking = Asking(1, 3)
        await asking.ask(2)
        await asking.ask(1)
        assert asking.got == []
        await asking.ask(0)
        assert asking.got == [0]
        asking.turns.give_back()
        await settle()
        assert asking.got == [0, 1]
        asking.turns.give_back()
        await settle()
        assert asking.got == [0, 1, 2]

    asyncio.run(scenario())


def test_whoever_goes_on_at_once_stands_behind_those_who_wait():
    """A stream that asks again as soon as its run ended lets each of the others go first, however low its number is."""

    async def scenario() -> None:
        asking = Asking(1, 3)
        for number in (0, 1, 2):
            await asking.ask(number)
        for number in (0, 1, 2, 0):
            asking.turns.give_back()
            await asking.ask(number)
        assert asking.got == [0, 1, 2, 0, 1]

    asyncio.run(scenario())


def test_a_stream_that_cannot_start_holds_up_nobody():
    """Once it is passed over the others begin, and it has its turn when it asks after all."""

    async def scenario() -> None:
        asking = Asking(1, 2)
        await asking.ask(1)
        asking.turns.pass_over(0)
        await settle()
        assert asking.got == [1]
        asking.turns.give_back()
        await asking.ask(0)
        assert asking.got == [1, 0]

    asyncio.run(scenario())


@pytest.mark.parametrize("at_once", [2, 5])
def test_so_many_go_at_once_and_no_more(at_once):
    """As many streams have a turn as there are slots."""

    async def scenario() -> None:
        asking = Asking(at_once, 7)
        for number in range(7):
            await asking.ask(number)
        assert asking.got == list(range(at_once))
        assert asking.turns.taken
        asking.turns.give_back()
        await settle()
        assert asking.got == list(range(at_once + 1))

    asyncio.run(scenario())


def test_whoever_is_cancelled_takes_no_turn_with_it():
    """Neither a place in the queue nor a slot just given is lost, whenever the cancellation strikes; the same stream may ask again."""

    async def scenario() -> None:
        asking = Asking(1, 1)
        await asking.ask(0)
        await asking.ask(0)
        asking.tasks[0].cancel()
        await settle()
        await asking.ask(0)
        waiting = asking.tasks[0]
        asking.turns.give_back()
        waiting.cancel()  # the slot is its already, but it never runs again
        await settle()
        assert asking.got == [0]
        assert not asking.turns.taken
        await asking.ask(0)
        assert asking.got == [0, 0]

    asyncio.run(scenario())
