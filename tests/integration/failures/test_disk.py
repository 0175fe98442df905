"""There is no room for what the vendor sends."""

import asyncio

from deployed import running, task_of, until

FAR_TOO_MUCH = 1 << 60


def test_a_full_spool_disk(worker):
    """Without room for a download the worker names folder, figures and ways out, and waits; with room again nothing is missing."""
    worker.worker["listeners"] = ""
    worker.connector["http.min.free.bytes"] = FAR_TOO_MUCH

    async def scenario() -> dict:
        process = worker.process()
        async with running(process):
            await until(lambda: "spool" in task_of(process)["message"])
            return task_of(process)

    task = asyncio.run(scenario())
    assert task["state"] == "RUNNING"
    assert str(worker.folder / "spool") in task["message"]
    assert f"{FAR_TOO_MUCH:,} must stay free" in task["message"]
    for way_out in ("free space there", "spool.dir", "http.min.free.bytes"):
        assert way_out in task["message"]
    del worker.connector["http.min.free.bytes"]
    assert worker.run("wellhead", "run", "--once") == 0
    worker.assert_exactly_once()
