"""Two processes run the same connector under the same group.id: the newer one owns the task, the older one stops and says why."""

import asyncio
import signal

from deployed import task_of, until


def test_the_older_of_two_workers_stops_and_stays_down(worker):
    """A worker whose task another one took over reports FAILED with the reason, and does not take it back; nothing is doubled."""
    worker.worker["listeners"] = ""
    worker.connector |= {"poll.interval.secs": 0.3, "restart.backoff.initial.secs": 0.1, "restart.backoff.max.secs": 0.2}

    async def scenario() -> tuple[dict, dict]:
        async with worker.process() as older, worker.process() as newer:
            both = [asyncio.create_task(older.worker.run())]
            await until(
                lambda: task_of(older)["cursor_age_secs"] is not None and task_of(older)["next_poll_in_secs"] is not None
            )
            both.append(asyncio.create_task(newer.worker.run()))
            await until(lambda: task_of(older)["state"] == "FAILED")
            calls = task_of(newer)["api_calls"]
            await until(lambda: task_of(newer)["api_calls"] > calls + 3)  # time enough for a restart to show
            ends = task_of(older), task_of(newer)
            newer.worker.stop()
            older.worker.stop()
            await asyncio.gather(*both)
            return ends

    older, newer = asyncio.run(scenario())
    assert (older["state"], newer["state"]) == ("FAILED", "RUNNING")
    assert "another worker has taken over this task" in older["message"]
    assert "second process with the same group.id" in older["message"]
    assert "starts again" not in older["message"]
    read = [worker.simulator.identity_of(record) for record in worker.records()]
    assert set(read) == worker.simulator.identities()
    assert len(read) == len(set(read))


def test_a_worker_that_slept_through_the_takeover_publishes_nothing(worker):
    """A worker frozen in the middle of a transaction, and overtaken meanwhile, fails when it wakes; its records are not seen twice."""
    worker.worker["listeners"] = ""
    worker.connector["transaction.boundary"] = "poll"
    sleeper = worker.run_until_frozen("before_commit:4")
    assert worker.run() == 0
    sleeper.send_signal(signal.SIGCONT)
    assert sleeper.wait(60) == 1
    (reason,) = [line["reason"] for line in worker.said() if line.get("event") == "task_failed"]
    assert "another worker has taken over this task" in reason
    assert "group.id" in reason
    worker.assert_exactly_once()
