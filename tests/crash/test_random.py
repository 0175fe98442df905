"""The process dies by SIGKILL again and again, at moments nobody chose."""

import random
import signal
import time

import pytest
from deployed import deployed

KILLS = 3
# Archives that take a moment each, so that the pull lasts longer than the kills.
VENDOR = {
    "rows": 12_000,
    "hours": 12,
    "faults": ("broken_rows:40", "cut_body:1@4", "slow:*"),
    "slow_chunk_bytes": 4_096,
    "slow_pause_secs": 0.02,
}


@pytest.mark.parametrize("boundary", ["poll", "interval"])
def test_killed_at_random(stack, unique, tmp_path, boundary: str):
    """Killed several times at random while it pulls, the worker has in the end published every record once and left no download."""
    chance = random.Random(f"{boundary}/7")
    with deployed(stack, unique, tmp_path, **VENDOR) as worker:
        worker.connector |= {"transaction.boundary": boundary, "transaction.boundary.interval.ms": 40}
        for _ in range(KILLS):
            asked = len(worker.simulator.requests)
            process = worker.start()
            worker.until(lambda asked=asked: len(worker.simulator.requests) > asked + 1)
            time.sleep(chance.uniform(0, 0.6))
            assert process.poll() is None, "ended before it could be killed"
            process.kill()
            assert process.wait() == -signal.SIGKILL
        assert worker.cursors(), "killed before anything was committed"
        worker.simulator.faults.disarm()
        assert worker.run() == 0
        worker.assert_exactly_once()
        assert list((tmp_path / "spool").rglob("*.part")) == []
