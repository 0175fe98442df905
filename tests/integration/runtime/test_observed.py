import asyncio
import json
import re

import httpx
import readback

from wellhead import TemporaryError


def test_records_carry_the_trace_of_their_batch(rig):
    """With trace.headers each record has a W3C traceparent, one trace for each batch."""
    rig.worker["trace.headers"] = True
    rig.run_once()
    messages = readback.messages(rig.bootstrap, f"{rig.prefix}scripted.event")
    parents = [dict(message.headers())["traceparent"].decode() for message in messages]
    assert len(parents) == 100
    assert all(re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]", parent) for parent in parents)
    assert len({parent.split("-")[1] for parent in parents}) == 10


def test_without_trace_headers_records_carry_none(rig):
    """Headers cost bytes in each record, so there are none unless asked for."""
    rig.run_once()
    assert all(not message.headers() for message in readback.messages(rig.bootstrap, f"{rig.prefix}scripted.event"))


def test_health_and_metrics_tell_of_a_running_task(rig):
    """/health and /metrics answer over HTTP with what the task did, and with 500 while it is overdue."""
    rig.worker["listeners"] = "http://127.0.0.1:0"
    rig.settings["freshness.target.secs"] = 0.5

    def before(number):
        if number == 50:
            raise TemporaryError("the vendor answers 503")

    rig.script.before = before
    seen: dict[str, object] = {}

    async def scenario() -> None:
        async with rig.process(once=False) as process:
            running = asyncio.create_task(process.worker.run())
            (url,) = process.urls
            async with httpx.AsyncClient(base_url=url, timeout=10) as client, asyncio.timeout(40):
                while True:
                    health = await client.get("/health")
                    task = health.json()["connectors"]["feed"]["tasks"][0]
                    seen[task["state"]] = (health.status_code, task)
                    if task["state"] == "DEGRADED" and "trying again" in task["message"]:
                        break
                    await asyncio.sleep(0.05)
                seen["live"] = (await client.get("/live")).status_code
                seen["metrics"] = (await client.get("/metrics")).text
            process.worker.stop()
            await running

    asyncio.run(scenario())
    code, task = seen["DEGRADED"]
    assert code == 500
    assert "freshness.target.secs" in task["message"]
    assert "the vendor answers 503" in task["message"]
    assert task["records"] == 50
    assert seen["live"] == 200
    written = re.search(r"^kafka_connect_source_record_write_count_total\{.*\} (\S+)$", seen["metrics"], re.MULTILINE)
    assert float(written[1]) == 50.0
    assert json.dumps(seen["DEGRADED"])


def test_only_the_newest_event_and_polls_make_a_task_fresh(rig):
    """Freshness tells "answers" from "answers with data": a poll without records moves the one age, not the other."""
    rig.run_once()
    detail = rig.run_once().health()["connectors"]["feed"]["tasks"][0]
    assert detail["last_poll_age_secs"] is not None
    assert detail["newest_event_age_secs"] is None
    assert detail["records"] == 0
