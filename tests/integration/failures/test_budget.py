"""The vendor's daily quota survives whatever happens to the process: a crash loop cannot burn it."""

import asyncio
import json
import signal
from itertools import pairwise

import pytest
from deployed import running, until
from worker_file import worker_section

from connectors.threatstream import simulator as threatstream
from wellhead.config.load import load
from wellhead.runtime.process import Process
from wellhead.testing.server import serve

CRASH = "wellhead.testing.crash"


def test_a_restarted_process_goes_on_counting(worker):
    """Killed in its run and started again, the worker has the calls of both processes on its account."""
    worker.connector["http.budget.calls.per.day"] = 1_000
    assert worker.run(CRASH, "--at", "before_commit:3") == -signal.SIGKILL
    before = len(worker.simulator.requests)
    assert before > 0
    worker.start("wellhead", "run")
    worker.until(lambda: worker.health()[1]["records"])
    health = worker.health()[1]
    asked = len(worker.simulator.requests)
    # What was killed may have asked more than it could tell, so a little more than was asked is counted, never less.
    assert 1_000 - asked - 8 <= health["quota_remaining"] <= 1_000 - before - 1
    assert any(line.get("event") == "budget_restored" and line["api_calls"] >= before for line in worker.said())


def test_a_crash_loop_ends_with_the_budget(worker):
    """However often the process is killed before it commits anything, the vendor is asked no more than the budget allows."""
    worker.connector["http.budget.calls.per.day"] = 10
    for _ in range(3):
        assert worker.run(CRASH, "--at", "before_commit:2") == -signal.SIGKILL
    asked = len(worker.simulator.requests)
    assert 3 <= asked <= 10
    worker.start("wellhead", "run")
    worker.until(lambda: spent(worker))
    assert len(worker.simulator.requests) == asked
    assert "the daily budget of 10 calls is spent; goes on at 00:00Z" in worker.health()[1]["message"]
    assert worker.health()[1]["quota_remaining"] == 0


def spent(worker):
    return any("the daily budget of 10 calls is spent" in str(line.get("reason")) for line in worker.said())


@pytest.mark.parametrize(
    ("headers", "budget", "said"),
    [("none", 12, "the daily budget of 12 calls is spent"), ("x-ratelimit", 6000, "the vendor says that no call is left")],
)
def test_streams_polled_side_by_side_share_interval_and_quota(worker, headers, budget, said):
    """Five streams at once ask one after the other, and never once more than the vendor allows: by our count, and by its headers."""
    simulator = threatstream.create(threatstream.Settings(quota_per_day=12, quota_headers=headers))
    with serve(simulator) as url:
        connector = {
            "connector.class": "threatstream",
            "topic.prefix": worker.prefix,
            "tasks.max": 5,
            "page_limit": 10,
            "http.interval.secs": 0.2,
            "http.budget.calls.per.day": budget,
            "http.budget.reserve": 0,
            **simulator.options(url),
        }
        section = worker_section(worker.bootstrap, worker.registry, worker.prefix, worker.folder)
        file = worker.folder / "deployment.json"
        file.write_text(json.dumps({"worker": section, "connectors": {"ti": connector}}))
        messages = asyncio.run(messages_when_held_back(Process(load([file], environ={}), worker_id="test", once=True)))
    assert all(said in message for message in messages)
    assert [request.status for request in simulator.requests] == [200] * 12
    began = [request.began_secs for request in simulator.requests]
    assert min(later - earlier for earlier, later in pairwise(began)) > 0.15


async def messages_when_held_back(process):
    def messages():
        return [task["message"] for task in process.health()["connectors"]["ti"]["tasks"]]

    async with running(process):
        await until(lambda: all("goes on at" in message for message in messages()))
        return messages()
