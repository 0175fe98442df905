"""Proves that channels are received side by side, each made again by itself, and none beyond its place."""

import asyncio
from random import Random

import pytest

from wellhead.errors import PermanentError, TemporaryError
from wellhead.http.channels import FAILED_WAIT_SECS, Channels
from wellhead.testing.clock import FakeClock


class Feed:
    """A way to receive that does what a test says: items, errors, or `None` for waiting for ever."""

    def __init__(self, **scripts):
        self.scripts = {name: list(script) for name, script in scripts.items()}
        self.opened = []
        self.open = set()
        self.asked = asyncio.Event()

    async def __call__(self, name):
        self.opened.append(name)
        self.open.add(name)
        try:
            while self.scripts[name]:
                what = self.scripts[name].pop(0)
                if isinstance(what, BaseException):
                    raise what
                if what == "end":
                    return
                yield what
            self.asked.set()
            await asyncio.Event().wait()
        finally:
            self.open.discard(name)


def channels(feed, *, max_bytes=10_000, size_of=lambda _item: 1, changes=None):
    told = (lambda *each: changes.append(each)) if changes is not None else (lambda *_each: None)
    return Channels(
        feed,
        feed.scripts,
        clock=FakeClock(auto=True),
        size_of=size_of,
        max_bytes=max_bytes,
        on_change=told,
        random=Random(1),
    )


async def gather(kept, count):
    found = []
    async with asyncio.timeout(20):
        while len(found) < count:
            found += await kept.take(1e9)
    return found


def test_each_channel_comes_in_its_order_beside_the_others():
    """What came of all channels is given at once, that of each in order, and every connection is closed at the end."""

    async def scenario():
        feed = Feed(a=[1, 2, 3], b=[10, 20])
        async with channels(feed) as kept:
            found = await gather(kept, 5)
            assert feed.open == {"a", "b"}
        assert feed.open == set()
        return found

    found = asyncio.run(scenario())
    assert [item for name, item in found if name == "a"] == [1, 2, 3]
    assert [item for name, item in found if name == "b"] == [10, 20]


def test_one_that_is_cut_is_made_again_while_the_others_go_on():
    """A temporary error or the end of a connection makes the channel anew, as often as it takes, and is told."""

    async def scenario():
        changes = []
        feed = Feed(a=[1, TemporaryError("cut"), TemporaryError("refused", after_secs=7), 2, "end", 3], b=[10])
        async with channels(feed, changes=changes) as kept:
            found = await gather(kept, 4)
        return found, feed.opened.count("a"), changes

    found, opened, changes = asyncio.run(scenario())
    assert [item for name, item in found if name == "a"] == [1, 2, 3]
    assert opened == 4
    assert [(state, reason) for name, state, reason in changes if name == "a"] == [
        ("open", ""),
        ("waiting", "cut"),
        ("waiting", "refused"),
        ("open", ""),
        ("waiting", "its connection ended"),
        ("open", ""),
    ]


def test_a_server_that_says_how_long_is_not_asked_before():
    """The wait after an error is at least what the server asked for, and grows where it said nothing."""

    async def scenario():
        feed = Feed(a=[TemporaryError("busy", after_secs=120), *[TemporaryError("down")] * 8, 1])
        clock = FakeClock(auto=True)
        kept = Channels(feed, ["a"], clock=clock, size_of=lambda _item: 1, max_bytes=10, random=Random(1))
        began = clock.monotonic_secs()
        async with kept:
            async with asyncio.timeout(20):
                await feed.asked.wait()
        return clock.monotonic_secs() - began

    assert asyncio.run(scenario()) > 120 + 60


def test_one_that_fails_for_good_does_not_stop_the_others():
    """A channel that a person must mend is told and tried again much later; only when all are such is the error raised."""

    async def scenario():
        changes = []
        feed = Feed(a=[PermanentError("no such stream"), 1], b=[10, TemporaryError("cut"), 20])
        async with channels(feed, changes=changes) as kept:
            found = await gather(kept, 3)
        assert sorted(item for _, item in found) == [1, 10, 20]
        assert ("a", "failed", "no such stream") in changes
        alone = Feed(a=[PermanentError("no such stream")], b=[PermanentError("not allowed")])
        stopped = FakeClock()
        async with Channels(alone, ["a", "b"], clock=stopped, size_of=lambda _item: 1, max_bytes=10) as kept:
            with pytest.raises(PermanentError, match="no such stream"):
                async with asyncio.timeout(20):
                    await kept.take(1e9)
        assert FAILED_WAIT_SECS > 60

    asyncio.run(scenario())


def test_nothing_is_received_without_a_place_to_put_it():
    """While what waits has no room left, no channel is asked for more; taking makes room."""

    async def scenario():
        asked = []

        async def endless(name):
            for number in range(1_000):
                asked.append((name, number))
                yield number

        kept = Channels(endless, ["a", "b"], clock=FakeClock(), size_of=lambda _item: 1_000, max_bytes=4_000)
        async with kept:
            for _ in range(50):
                await asyncio.sleep(0)
            assert len(asked) == 4 + 2, "four have room, and each channel holds one"
            found = await kept.take(1)
            assert len(found) == 4
            for _ in range(50):
                await asyncio.sleep(0)
            assert len(asked) == 8 + 2
            found += await gather(kept, 100)
        for one in ("a", "b"):
            items = [item for name, item in found if name == one]
            assert items == list(range(len(items)))
            assert items

    asyncio.run(scenario())


def test_nothing_comes_for_a_while():
    """Without anything to give, `take` gives nothing once its time is over; a defect of the source is raised where it is taken."""

    async def scenario():
        async with channels(Feed(a=[])) as kept:
            assert await kept.take(30) == []

    asyncio.run(scenario())


def test_a_defect_is_raised_once_what_came_is_taken():
    """An error nobody foresaw ends all, also while other channels would go on for ever, and loses nothing that was received."""

    async def scenario():
        feed = Feed(a=[1, ZeroDivisionError("a defect")], b=list(range(10_000)))
        found = []

        async def all_of(kept):
            while True:
                found.extend(await kept.take(1e9))

        async with channels(feed, max_bytes=1_000) as kept, asyncio.timeout(20):
            with pytest.raises(ZeroDivisionError):
                await all_of(kept)
        assert ("a", 1) in found
        items = [item for name, item in found if name == "b"]
        assert items == list(range(len(items)))
        assert len(items) < 10_000

    asyncio.run(scenario())


def test_that_nothing_comes_is_no_sign_of_life_while_nothing_is_open():
    """Where no channel is open it is said, with the reason of one; one that is open and quiet is well, whatever the others are."""

    async def scenario():
        down = [TemporaryError("refused")] * 1_000
        async with channels(Feed(a=list(down), b=[PermanentError("no such stream")])) as kept:
            with pytest.raises(TemporaryError, match=r"none of 2 channels is open; (a: refused|b: no such stream)"):
                await kept.take(30)
        async with channels(Feed(a=[1], b=list(down))) as kept:
            assert await gather(kept, 1) == [("a", 1)]
            assert await kept.take(30) == []

    asyncio.run(scenario())


def test_a_connection_that_gives_only_a_sign_of_life_does_not_shorten_the_wait():
    """One that is reset as soon as it is open is asked ever more slowly; one that brought something is soon asked again."""

    async def scenario(item):
        feed = Feed(a=[each for _ in range(9) for each in (item, TemporaryError("reset"))])
        clock = FakeClock(auto=True)
        began = clock.monotonic_secs()
        kept = Channels(feed, ["a"], clock=clock, size_of=lambda _item: 1, max_bytes=10_000, is_content=bool, random=Random(1))
        async with kept, asyncio.timeout(20):
            await feed.asked.wait()
        return clock.monotonic_secs() - began

    assert asyncio.run(scenario(0)) > 60
    assert asyncio.run(scenario(1)) < 9
