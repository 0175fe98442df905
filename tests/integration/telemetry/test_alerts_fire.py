"""A real Prometheus, with the rules as they are shipped, scrapes a process in which things go wrong."""

import asyncio
import contextlib
import socket
import subprocess
import time

import httpx
import yaml

from tests.alerts.written import INSTALL, rule_files, tool
from wellhead.clock import SystemClock
from wellhead.rest.health import create_app
from wellhead.rest.serving import serve
from wellhead.telemetry import Stage, TaskTelemetry, Telemetry, TelemetrySettings
from wellhead.telemetry.floods import FlowTally
from wellhead.telemetry.lookups import LookupTally
from wellhead.telemetry.tally import Quota

DEADLINE_SECS = 60
AT_ONCE = {
    "WellheadTwoPullers",
    "WellheadCursorExpired",
    "WellheadDeadLetters",
    "WellheadQuotaLow",
    "WellheadSlowCalls",
    "WellheadRunLimit",
    "WellheadFileShrunk",
    "WellheadFileMissing",
    "WellheadConsumerDropped",
    "WellheadConnectionFlood",
}
"""Alerts that fire as soon as a rule is evaluated."""
IN_A_WHILE = {"WellheadTaskFailed", "WellheadCallsFail", "WellheadSchemaDrift", "WellheadLookupStale"}
"""Alerts that only after minutes fire; they are pending until then."""

UNTOLD = {"WellheadConsumerLag"}
"""Nobody measures the lag here, which is news after half a minute."""


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def prometheus(program, folder, target):
    """Run a Prometheus that scrapes `target` each second; give its address."""
    jobs = [{"job_name": "wellhead", "static_configs": [{"targets": [target]}]}]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(path) for path in rule_files()],
        "scrape_configs": jobs,
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    words = [f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data", f"--web.listen-address={address}"]
    with (folder / "log").open("wb") as log, subprocess.Popen([program, *words], stdout=log, stderr=log) as running:
        try:
            yield f"http://{address}"
        finally:
            running.kill()


async def until(client, url, read, wanted, folder):
    """Ask until what is read holds what is wanted; fail with what is missing after the deadline."""
    deadline_secs, found = time.monotonic() + DEADLINE_SECS, set()
    while not wanted <= found:
        assert time.monotonic() < deadline_secs, (sorted(wanted - found), (folder / "log").read_text()[-2_000:])
        await asyncio.sleep(0.2)
        with contextlib.suppress(httpx.TransportError):
            answer = await client.get(url)
            found = set(read(answer.json()["data"])) if answer.status_code == 200 else set()
    return found


def scraped(data):
    return [sample["metric"]["kafka_connect_connector"] for sample in data["result"]]


def standing(*states):
    return lambda data: [alert["labels"]["alertname"] for alert in data["alerts"] if alert["state"] in states]


def go_wrong(task, lookup, flow):
    """Let happen what somebody is to be called for."""
    task.noticed("second_client")
    task.rejected(7, Stage.ENCODE, "overflow")
    task.drift(3)
    task.quota(lambda: Quota(remaining=42, renews_in_secs=40_000.0))
    for _ in range(30):
        task.api_call("api.example.com", 500, 300.0, 10)
    with lookup.lock:
        lookup.alerts = frozenset({"shrunk", "missing", "run_failed"})
    flow.rejected(1)
    flow.open_findings({"proxy-1": ["share"]})


def test_alerts_fire_on_a_process_in_which_things_go_wrong(tmp_path):
    """While all is well nothing fires; once things go wrong each alert stands, with a summary that says of what."""
    program = tool("prometheus")
    if program is None:
        assert rule_files(), INSTALL
        return

    async def scenario():
        telemetry = Telemetry(TelemetrySettings("9.9"))
        names = {"stream": "event", "tenant": "acme"}
        task = TaskTelemetry(telemetry, connector="feed", task=0, **names)
        limited = TaskTelemetry(telemetry, connector="limited", task=0, **names)
        expired = TaskTelemetry(telemetry, connector="expired", task=0, **names)
        failed = TaskTelemetry(telemetry, connector="failed", task=0, **names)
        for each in (task, limited, expired, failed):
            each.state("RUNNING")
            each.caught_up()
        lookup = LookupTally("ti", SystemClock().now_ms())
        flow = FlowTally("office", SystemClock(), topic="gate.connection")
        telemetry.add_lookup(lookup)
        telemetry.add_part(flow)
        app = create_app(lambda: {"status": "healthy", "message": ""}, telemetry.render)
        async with await serve(app, "http://127.0.0.1:0") as serving, httpx.AsyncClient(timeout=10) as client:
            with prometheus(program, tmp_path, serving.urls[0].removeprefix("http://")) as url:
                seen = f"{url}/api/v1/query?query=kafka_connect_task_error_record_error_count_total"
                await until(client, seen, scraped, {"feed", "limited", "expired", "failed"}, tmp_path)
                quiet = (await client.get(f"{url}/api/v1/alerts")).json()["data"]["alerts"]
                go_wrong(task, lookup, flow)
                limited.run_ended("limit_reached")
                expired.run_ended("cursor_expired")
                failed.state("FAILED")
                await until(client, f"{url}/api/v1/alerts", standing("firing"), AT_ONCE, tmp_path)
                await until(client, f"{url}/api/v1/alerts", standing("firing", "pending"), IN_A_WHILE, tmp_path)
                alerts = (await client.get(f"{url}/api/v1/alerts")).json()["data"]["alerts"]
        telemetry.shutdown()
        return quiet, alerts

    quiet, alerts = asyncio.run(scenario())
    assert {alert["labels"]["alertname"] for alert in quiet} <= UNTOLD
    told = {alert["labels"]["alertname"]: alert["annotations"] for alert in alerts}
    assert told["WellheadTwoPullers"]["summary"] == "feed: event of acme is pulled by two clients"
    assert told["WellheadQuotaLow"]["summary"] == "feed has 42 calls left"
    assert told["WellheadConnectionFlood"]["steps"].startswith("1. `wellhead floods explain proxy-1 FILE`")
    assert {
        alert["labels"]["kafka_connect_connector"] for alert in alerts if alert["labels"]["alertname"] == "WellheadTaskFailed"
    } == {"failed"}
    assert told.keys() - AT_ONCE - IN_A_WHILE <= UNTOLD
