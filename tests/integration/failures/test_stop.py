"""The real command line is interrupted, or ends by itself: in time, with the right exit code, and the next start goes on."""

import signal
import subprocess
import time

import pytest
from breakable import kill_lone
from deployed import deployed

RUN = ("wellhead", "run")


@pytest.fixture
def slow_vendor(stack, unique, tmp_path):
    """A tenant whose next archive takes minutes to arrive."""
    with deployed(stack, unique, tmp_path, slow_chunk_bytes=2_048, slow_pause_secs=0.05, faults=("slow:1@1",)) as made:
        yield made


def test_interrupted_in_the_middle_of_a_download(slow_vendor):
    """Ctrl-C in a download ends the process within 5 s, exit code 0, its socket and spool file gone; the next start loses and doubles nothing."""
    worker = slow_vendor
    process = worker.start(*RUN)
    worker.until(lambda: len(worker.simulator.requests) == 2 and worker.simulator.requests[1].sent_bytes > 10_000)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert time.monotonic() - began < 5
    assert not worker.simulator.requests[1].complete
    worker.until(lambda: worker.simulator.open_connections == 0, secs=5)
    assert list((worker.folder / "spool").rglob("*.part")) == []
    assert [run["outcome"] for run in worker.runs()] == ["stopped"]
    assert worker.run(*RUN, "--once") == 0
    worker.assert_exactly_once()


def test_a_second_interrupt_ends_at_once(brittle, brittle_worker):
    """Ctrl-C twice, while the first waits for a broker that is gone, ends the process at once with 130; nothing is lost then either."""
    worker = brittle_worker
    worker.worker["task.shutdown.graceful.timeout.ms"] = 60_000
    worker.simulator.arm("stall:1@1")
    process = worker.start(*RUN)
    worker.until(lambda: len(worker.simulator.requests) == 2)
    kill_lone(brittle)
    try:
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert time.monotonic() - began < 1
    finally:
        brittle.kafka.restart()
    worker.simulator.faults.disarm()
    assert worker.run(*RUN, "--once") == 0
    worker.assert_exactly_once()


def test_once_ends_by_itself(worker):
    """`--once` ends with 0 when every stream is caught up and with 1 when one failed, the reason in the log."""
    assert worker.run(*RUN, "--once") == 0
    worker.simulator.arm("http_403:*")
    assert worker.run(*RUN, "--once") == 1
    (failed,) = [line for line in worker.said() if line.get("event") == "task_failed"]
    assert (failed["level"], failed["connector"], failed["stream"]) == ("error", "wss-acme", "access_log")
    assert "`username` and `password`" in failed["reason"]
    worker.simulator.faults.disarm()
    assert worker.run(*RUN, "--once") == 0
    worker.assert_exactly_once()


def test_a_bad_configuration(worker):
    """A configuration that cannot be used ends with 2 and one screen that names every problem by its path, without a traceback."""
    worker.connector |= {"chunk_byts": 1, "quiet_secs": "soon", "transaction.boundary": "never"}
    worker.worker["listeners"] = "everywhere"
    assert worker.run(*RUN) == 2
    told = worker.log.read_text()
    for path in ("chunk_byts", "quiet_secs", "transaction.boundary", "worker.listeners"):
        assert path in told, told
    assert "did you mean chunk_bytes" in told
    assert "Traceback" not in told
    assert len(told.splitlines()) <= 24
    assert max(map(len, told.splitlines())) < 300
    assert worker.simulator.requests == []
