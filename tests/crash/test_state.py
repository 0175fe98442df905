"""The process dies by SIGKILL while it publishes keyed state; what stands in the topic is the vendor's active set in the end."""

import random
import signal
import time

import pytest
from indicators import indicators

CRASH = "wellhead.testing.crash"


@pytest.mark.parametrize("count", [2, 8])
@pytest.mark.parametrize("point", ["begin", "mid_produce", "before_commit", "after_commit"])
def test_killed_at(stack, unique, tmp_path, point: str, count: int):
    """Killed at a point of an early or later transaction, all streams end with each active indicator standing once, published once.

    Nor does a stream wait for the transaction that another one left open: 60 s, by default.
    """
    with indicators(stack, unique, tmp_path) as worker:
        worker.connector["transaction.boundary"] = "poll"
        assert worker.run(CRASH, "--at", f"{point}:{count}") == -signal.SIGKILL
        began = time.monotonic()
        assert worker.run() == 0
        assert time.monotonic() - began < 50
        worker.assert_active_set()
        worker.assert_once()


@pytest.mark.parametrize("count", [4])
@pytest.mark.parametrize("point", ["mid_produce", "before_commit", "after_commit"])
def test_killed_while_indicators_end(stack, unique, tmp_path, point: str, count: int):
    """Killed in the run that deletes what is no longer active, nothing active goes and nothing ended stays."""
    with indicators(stack, unique, tmp_path) as worker:
        worker.connector |= {"transaction.boundary": "poll", "deletions_interval_secs": 0, "stability_delay_secs": 0}
        assert worker.run() == 0
        for place, record in enumerate(list(worker.simulator.truth(values=False))):
            if place % 7 == 0:
                worker.simulator.desk.deactivate(int(record.identity[0]), ("inactive", "falsepos")[place % 2])
        assert worker.run(CRASH, "--at", f"{point}:{count}") == -signal.SIGKILL
        assert worker.run() == 0
        worker.assert_active_set()


def test_killed_at_random_while_the_vendor_lives(stack, unique, tmp_path):
    """Killed again and again while indicators come, change and end, the topic holds the active set once life has stood still."""
    chance = random.Random("state/7")
    life = {"new_per_minute": 600, "changes_per_minute": 1200, "lively": 200, "late_max_secs": 1}
    with indicators(stack, unique, tmp_path, **life) as worker:
        worker.connector |= {"deletions_interval_secs": 0, "stability_delay_secs": 0, "transaction.boundary.interval.ms": 40}
        worker.connector |= {"lookback_secs": 5, "lookback_interval_secs": 0}
        for _ in range(4):
            asked = len(worker.simulator.requests)
            process = worker.start()
            worker.until(lambda asked=asked: len(worker.simulator.requests) > asked + 1)
            time.sleep(chance.uniform(0, 0.6))
            process.kill()
            assert process.wait() in (-signal.SIGKILL, 0)
        worker.simulator.pause_life()
        time.sleep(1.5)
        assert worker.run() == 0
        worker.assert_active_set()
