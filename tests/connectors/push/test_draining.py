"""Proves that all that is there is given at once, nothing is lost before an error, and nothing is read ahead of who takes it."""

import asyncio
from contextlib import aclosing

import pytest

from connectors.push.draining import Drain
from connectors.push.events import Arrived, PushEvent
from wellhead import TemporaryError
from wellhead.testing.clock import FakeClock


def arrived(number, nbytes=10):
    return Arrived(events=[PushEvent(str(number))], nbytes=nbytes)


class Source:
    """Arrivals that are there at once, then an end, an error or silence."""

    def __init__(self, pieces, end=None):
        self.pieces = list(pieces)
        self.end = end
        self.given = 0
        self.closed = False

    async def arrivals(self):
        try:
            for piece in self.pieces:
                self.given += 1
                yield piece
            if isinstance(self.end, Exception):
                raise self.end
            if self.end == "hold":
                await asyncio.Event().wait()
        finally:
            self.closed = True


def drain(source, clock, **options):
    chosen = {"alive_secs": 30.0, "linger_secs": 0.0, "most_bytes": 1_000} | options
    arrivals = source.arrivals()
    return arrivals, Drain(arrivals, clock.sleep, **chosen).lists()


def told(found):
    return [[event.data for each in piece for event in each.events] for piece in found]


def run(source, take, **options):
    async def scenario():
        clock = FakeClock()
        arrivals, lists = drain(source, clock, **options)
        async with aclosing(arrivals), aclosing(lists):
            return await take(lists, clock)

    return asyncio.run(scenario())


async def everything(lists, _clock):
    return told([each async for each in lists])


def test_what_is_there_comes_together():
    """Pieces that are there already are one list, which ends where the peer ends."""
    assert run(Source(map(arrived, range(5))), everything) == [["0", "1", "2", "3", "4"]]


def test_a_list_ends_at_its_bytes():
    """However much is there, a list holds no more than its bytes and one piece."""
    found = run(Source(arrived(n, nbytes=400) for n in range(7)), everything, most_bytes=1_000)
    assert [len(each) for each in found] == [3, 3, 1]


def test_what_came_before_an_error_is_given_first():
    """An error waits until what came before it has been taken."""

    async def take(lists, _clock):
        first = await anext(lists)
        with pytest.raises(TemporaryError, match="cut"):
            await anext(lists)
        return told([first])

    assert run(Source([arrived(1), arrived(2)], TemporaryError("cut")), take) == [["1", "2"]]


def test_one_piece_at_most_is_read_ahead():
    """While a list is not taken back, no more than one more piece is read."""
    source = Source([arrived(n, nbytes=1_000) for n in range(50)])

    async def take(lists, _clock):
        await anext(lists)
        before = source.given
        for _ in range(100):
            await asyncio.sleep(0)
        return source.given - before

    assert run(source, take) <= 1


def test_silence_is_said_now_and_then_without_a_loss():
    """Where nothing comes an empty list says that all is well, and what is being read is not given up for it."""
    source = Source([arrived(1)], "hold")

    async def take(lists, clock):
        found = [await anext(lists)]
        for _ in range(3):
            coming = asyncio.ensure_future(anext(lists))
            await clock.until_sleeping()
            clock.advance(30)
            found.append(await coming)
        return told(found)

    assert run(source, take) == [["1"], [], [], []]
    assert source.given == 1
    assert source.closed


def test_lingering_waits_for_more_and_no_longer():
    """With a time to linger, what comes within it is in the list; then the list is given."""

    async def scenario():
        clock, more = FakeClock(), asyncio.Event()

        async def arrivals():
            yield arrived(1)
            await more.wait()
            yield arrived(2)
            await asyncio.Event().wait()

        lists = Drain(arrivals(), clock.sleep, alive_secs=30, linger_secs=0.5, most_bytes=1_000).lists()
        async with aclosing(lists):
            coming = asyncio.ensure_future(anext(lists))
            await clock.until_sleeping(2)
            more.set()
            for _ in range(10):
                await asyncio.sleep(0)
            assert not coming.done()
            clock.advance(0.5)
            return told([await coming])

    assert asyncio.run(scenario()) == [["1", "2"]]


def test_letting_go_ends_what_is_being_read():
    """Closing the lists ends the reading under way and every wait; nothing is left running."""
    source = Source([arrived(1)], "hold")

    async def take(lists, _clock):
        await anext(lists)
        await lists.aclose()
        return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    assert run(source, take) == []
    assert source.closed
