"""The broker is not there, or goes: the worker waits and says so, asks the vendor nothing, and loses nothing."""

import signal
import time

from breakable import kill_lone
from deployed import deployed

GRACE_SECS = 1.0
# What a worker may take beyond its grace period: aborting, closing, and the interpreter's own end. Five seconds in all are promised.
OVER_SECS = 4.0
# How long an answer of the broker is believed before the next call to the vendor.
BELIEVED_SECS = 2.5
# Each takes a moment to arrive, so that there is always another to ask for.
MANY_ARCHIVES = {"rows": 6_000, "hours": 24, "faults": ("slow:*",), "slow_chunk_bytes": 2_048, "slow_pause_secs": 0.05}


def stop(process) -> float:
    """Interrupt a worker and give the seconds it took to end cleanly."""
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    return time.monotonic() - began


def test_no_broker_at_the_start(brittle, brittle_worker):
    """Without a broker the worker says where it looks and what to check, answers 503, leaves the vendor alone, and stops in time."""
    kill_lone(brittle)
    try:
        brittle_worker.worker["task.shutdown.graceful.timeout.ms"] = int(GRACE_SECS * 1000)
        process = brittle_worker.start("wellhead", "run")
        brittle_worker.until(lambda: "kafka at" in brittle_worker.health()[1]["message"])
        status, task = brittle_worker.health()
        assert (status, task["state"]) == (503, "UNASSIGNED")
        assert f"kafka at {brittle.bootstrap_servers}" in task["message"]
        assert "kafka.bootstrap.servers" in task["message"]
        assert stop(process) < GRACE_SECS + OVER_SECS
    finally:
        brittle.kafka.restart()
    assert brittle_worker.simulator.requests == []


def test_stopped_while_the_broker_is_away(brittle, brittle_worker):
    """A worker told to stop in the middle of a transaction whose broker is gone ends within its grace period; the next loses nothing."""
    brittle_worker.worker["task.shutdown.graceful.timeout.ms"] = int(GRACE_SECS * 1000)
    process = brittle_worker.run_until_frozen("before_commit:2")
    kill_lone(brittle)
    try:
        process.send_signal(signal.SIGCONT)
        brittle_worker.until(lambda: "kafka at" in brittle_worker.health()[1]["message"])
        assert stop(process) < GRACE_SECS + OVER_SECS
    finally:
        brittle.kafka.restart()
    assert brittle_worker.run() == 0
    brittle_worker.assert_exactly_once()


def test_broker_killed_in_the_middle_of_a_transaction(brittle, unique, tmp_path):
    """While the broker is away the worker says that it waits and the vendor hears nothing; after its return nothing is lost or doubled."""
    with deployed(brittle, unique, tmp_path, **MANY_ARCHIVES) as worker:
        worker.worker["listeners"] = "http://127.0.0.1:0"
        worker.connector["transaction.boundary"] = "poll"
        process = worker.run_until_frozen("before_commit:3")
        kill_lone(brittle)
        killed_secs = time.monotonic()
        process.send_signal(signal.SIGCONT)
        worker.until(lambda: "kafka at" in worker.health()[1]["message"])
        status, task = worker.health()
        time.sleep(max(0, killed_secs + BELIEVED_SECS + 3 - time.monotonic()))
        away_secs = time.monotonic()
        brittle.kafka.restart()
        worker.simulator.faults.disarm()
        assert process.wait(60) == 0
        worker.assert_exactly_once()
        asked = [request.began_secs - killed_secs for request in worker.simulator.requests]
    assert (status, task["state"]) == (200, "RUNNING")
    assert "the vendor is not asked" in task["message"]
    assert not [secs for secs in asked if BELIEVED_SECS < secs < away_secs - killed_secs], asked
    assert [secs for secs in asked if secs > away_secs - killed_secs], "nothing was left to ask for"


def test_broker_frozen_for_longer_than_a_transaction_lasts(freezable, freezable_worker):
    """A broker that stands still until the open transaction has expired costs that transaction only; its records come again, once."""
    freezable_worker.connector |= {"transaction.boundary": "poll", "producer.override.transaction.timeout.ms": 2_000}
    process = freezable_worker.run_until_frozen("before_commit:3")
    freezable.kafka.pause()
    process.send_signal(signal.SIGCONT)
    try:
        freezable_worker.until(lambda: "kafka at" in freezable_worker.health()[1]["message"])
        time.sleep(3)
    finally:
        freezable.kafka.resume()
    assert process.wait(60) == 0
    freezable_worker.assert_exactly_once()


def test_stopped_while_the_broker_stands_still(freezable, unique, tmp_path):
    """Told to stop while it asks a broker that neither answers nor hangs up, the worker still ends within its grace period."""
    with deployed(freezable, unique, tmp_path, **MANY_ARCHIVES) as worker:
        worker.worker["task.shutdown.graceful.timeout.ms"] = int(GRACE_SECS * 1000)
        process = worker.start("wellhead", "run")
        worker.until(lambda: len(worker.simulator.requests) > 2)
        freezable.kafka.pause()
        try:
            time.sleep(BELIEVED_SECS)
            assert stop(process) < GRACE_SECS + OVER_SECS
        finally:
            freezable.kafka.resume()
        worker.simulator.faults.disarm()
        assert worker.run() == 0
        worker.assert_exactly_once()
