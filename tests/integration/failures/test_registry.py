"""The schema registry is away, or holds a schema that ours cannot follow."""

import asyncio
import json
import urllib.request

from deployed import running, task_of, until

OTHER = {
    "type": "record",
    "name": "AccessLog",
    "namespace": "other",
    "fields": [{"name": "time", "type": {"type": "array", "items": "string"}}],
}


def test_no_registry_at_the_start(brittle, brittle_worker):
    """Without a registry the worker names it and waits, leaving the vendor alone; when the registry comes, it goes on by itself."""
    brittle_worker.worker["listeners"] = ""
    brittle.registry.kill()

    async def scenario() -> tuple[dict, dict, int]:
        process = brittle_worker.process()
        try:
            async with running(process):
                await until(lambda: "registry" in task_of(process)["message"])
                health, task, calls = process.health(), task_of(process), len(brittle_worker.simulator.requests)
                await asyncio.to_thread(brittle.registry.restart)
                await until(lambda: task_of(process)["records"] == brittle_worker.held())
                await until(lambda: task_of(process)["next_poll_in_secs"] is not None)
                assert (task_of(process)["state"], task_of(process)["message"]) == ("RUNNING", "")
        finally:
            if brittle.registry.pid is None:
                brittle.registry.restart()
        return health, task, calls

    health, task, calls = asyncio.run(scenario())
    assert (health["status"], task["state"]) == ("starting", "UNASSIGNED")
    assert f"registry 127.0.0.1:{brittle.registry.port}: cannot be reached" in task["message"]
    assert "schema.registry.url" in task["message"]
    assert calls == 0
    brittle_worker.assert_exactly_once()


def test_an_incompatible_schema(worker):
    """Where the subject holds what our schema cannot read, the task fails with the subject and the reason, before the vendor is asked."""
    subject = f"{worker.prefix}wss.access_log-value"
    body = json.dumps({"schema": json.dumps(OTHER)}).encode()
    request = urllib.request.Request(
        f"{worker.registry}/subjects/{subject}/versions", body, {"Content-Type": "application/vnd.schemaregistry.v1+json"}
    )
    urllib.request.urlopen(request, timeout=10).close()
    assert worker.run("wellhead", "run", "--once") == 1
    (reason,) = [line["reason"] for line in worker.said() if line.get("event") == "task_failed"]
    assert "wss.access_log v1 is incompatible with what" in reason
    assert subject in reason
    assert "use another topic" in reason
    assert worker.simulator.requests == []
