"""The vendor is away, refuses us, or sends what cannot be read."""

import asyncio
import socket

import httpx
import readback
from deployed import deployed, running, task_of, until

from connectors.wss.simulation.quirks import BROKEN_ROW_FAULTS, CONTENT_FAULTS, LAYOUT_FAULTS
from wellhead.testing.server import serve

# What a dead letter says of each kind of broken row.
WRONG = (
    "no #Fields line stands before this record",
    "a quote is not closed",
    "values, its #Fields line names",
    "time: date and time are missing or unreadable",
    "sc_bytes: the value is not a whole number",
)


def test_a_vendor_that_is_not_there(worker):
    """A vendor that refuses connections is named with its address; the worker goes on by itself once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    worker.worker["listeners"] = ""
    worker.connector |= {"url": f"http://127.0.0.1:{port}", "freshness.target.secs": 5}

    async def scenario() -> tuple[dict, dict, dict]:
        process = worker.process()
        async with running(process):
            await until(lambda: "refused" in task_of(process)["message"])
            first = task_of(process)
            await until(lambda: task_of(process)["state"] == "DEGRADED")
            stale, health = task_of(process), process.health()
            with serve(worker.simulator, port=port):
                await until(lambda: task_of(process)["records"] == worker.held())
                await until(lambda: task_of(process)["next_poll_in_secs"] is not None)
                assert task_of(process)["message"] == ""
        return first, stale, health

    first, stale, health = asyncio.run(scenario())
    assert first["state"] in ("RUNNING", "DEGRADED")
    assert f"127.0.0.1:{port}/reportpod/logs/sync: the connection was refused" in first["message"]
    assert "no successful poll for" in stale["message"]
    assert "the connection was refused" in stale["message"]
    assert health["status"] == "unhealthy"
    worker.assert_exactly_once()


def ask(process) -> int:
    return httpx.get(f"{process.urls[0]}/health", timeout=5, trust_env=False).status_code


def test_a_vendor_that_refuses_the_credentials(worker):
    """Refused credentials fail the task and name the options to change; nothing is lost once they are accepted."""
    worker.connector |= {"restart.backoff.initial.secs": 0.5, "restart.backoff.max.secs": 0.5}
    worker.simulator.arm("http_401:*")

    async def scenario() -> tuple[dict, list[int]]:
        process = worker.process()
        async with running(process):
            await until(lambda: task_of(process)["state"] == "FAILED")
            failed = task_of(process)
            codes = [await asyncio.to_thread(ask, process)]
            worker.simulator.faults.disarm("http_401")
            await until(lambda: task_of(process)["records"] == worker.held())
            await until(lambda: task_of(process)["next_poll_in_secs"] is not None)
            codes.append(await asyncio.to_thread(ask, process))
        return failed, codes

    failed, codes = asyncio.run(scenario())
    assert codes == [500, 200]
    assert "401: the API credentials are refused" in failed["message"]
    assert "Set the options `username` and `password`" in failed["message"]
    assert "wss-password" not in failed["message"]
    worker.assert_exactly_once()


def test_every_kind_of_bad_data(stack, unique, tmp_path):
    """Whatever is wrong with rows and members, good records are published, broken lines are dead letters that say why, and none is lost."""
    faults = [f"{name}:{3 if name in BROKEN_ROW_FAULTS else 1}" for name in CONTENT_FAULTS if name not in LAYOUT_FAULTS]
    faults += ["no_fields:1", "new_field:1@1", "field_subset:1@2"]
    with deployed(stack, unique, tmp_path, rows=1_500, hours=3, faults=tuple(faults)) as worker:
        assert worker.run("wellhead", "run", "--once") == 0
        worker.assert_exactly_once()
        letters = readback.messages(worker.bootstrap, f"{worker.prefix}wss.access_log.dlq")
        reasons = {dict(letter.headers())["__connect.errors.exception.message"].decode() for letter in letters}
    assert len(letters) > 200, "a member without #Fields was to be among them"
    for told in WRONG:
        assert [reason for reason in reasons if told in reason], (told, reasons)
