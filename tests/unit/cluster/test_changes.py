"""Proves that what stands in the config topic is followed without trust in who wrote it."""

import asyncio
import logging
import threading
from types import SimpleNamespace

from wellhead.cluster.api import Cluster


def test_a_level_nobody_knows_changes_nothing():
    """A record with a level that is none, which anybody may have written, neither raises nor changes a logger."""
    logger = logging.getLogger("wellhead.test_changes")
    logger.setLevel("ERROR")
    cluster = Cluster(dict)
    cluster.follow_level("wellhead.test_changes", "verbose")
    assert logger.level == logging.ERROR


def test_changes_that_wait_hold_no_thread():
    """However many changes wait for a broker that is away, one thread waits with them: the others are needed for everything else."""
    inside, most, goes_on = [], [0], threading.Event()

    class Writer:
        def change(self, decide):
            inside.append(decide)
            most[0] = max(most[0], len(inside))
            assert goes_on.wait(30)
            inside.remove(decide)

    cluster = Cluster(dict)
    cluster._joined = SimpleNamespace(storage=SimpleNamespace(writer=Writer()))  # type: ignore[assignment]

    async def work():
        changes = [asyncio.create_task(cluster._change(lambda _view, n=n: [n])) for n in range(20)]
        while not inside:  # noqa: ASYNC110 - a thread tells
            await asyncio.sleep(0.001)
        assert await asyncio.wait_for(asyncio.to_thread(lambda: "free"), 30) == "free"
        goes_on.set()
        await asyncio.gather(*changes)

    asyncio.run(work())
    assert (most, inside) == ([1], [])
