"""The process dies by SIGKILL at each named point; the next one goes on, and a reader at read_committed sees nothing of it."""

import signal

import pytest

CRASH = "wellhead.testing.crash"


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("point", ["begin", "mid_produce", "before_commit", "after_commit"])
def test_killed_at(worker, point: str, count: int):
    """Killed at a point of its first or a later transaction, the worker loses and doubles nothing once started again."""
    worker.connector["transaction.boundary"] = "poll"
    assert worker.run(CRASH, "--at", f"{point}:{count}") == -signal.SIGKILL
    assert worker.run() == 0
    worker.assert_exactly_once()
