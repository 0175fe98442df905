import json

import httpx
import pytest


@pytest.fixture
def serving(offsets):
    """A worker of a group that runs the connector and answers REST; gives its address."""
    worker = offsets.worker
    worker.connector = {"poll.interval.secs": 3600}
    worker.worker |= {
        "listeners": "http://127.0.0.1:0",
        "assignment.topic": f"{worker.prefix}assignment",
        "lease.topic": f"{worker.prefix}leases",
    }
    process = worker.start("wellhead", "worker", "-c")
    url = worker.listening().rstrip("/")
    worker.until(lambda: [run for run in worker.runs() if run["outcome"] == "caught_up"], secs=90)
    yield url
    process.terminate()
    assert process.wait(30) == 0


def state(url):
    status = httpx.get(f"{url}/connectors/wss-acme/status", timeout=30, trust_env=False).json()
    return status["connector"]["state"], [task["state"] for task in status["tasks"]]


def test_a_running_connector_is_reset_through_its_worker(offsets, serving):
    """Planned from Kafka and applied over REST: the connector is stopped, reset and resumed, and reads everything once more."""
    worker = offsets.worker
    once = len(worker.records())
    listed = offsets("list", "wss-acme", "--url", serving, "--output", "json", config=False).json
    assert [each["offset"] for each in listed] == [offsets.cursor()]
    plan, file = offsets.plan("--to-earliest")
    assert plan["changes"][0]["forecast"]["records"] == once
    refused = offsets("apply", str(file), "--url", serving, config=False)
    assert refused.code == 3
    applied = offsets("apply", str(file), "--url", serving, "--yes", config=False)
    assert applied.code == 0, applied.err
    worker.until(lambda: len(worker.records()) == 2 * once, secs=90)
    worker.until(lambda: state(serving) == ("RUNNING", ["RUNNING"]), secs=60)
    assert [move["why"] for move in offsets("log", "wss-acme", "--why", "reset", "--output", "json").json] == ["reset"]


def test_connectors_of_the_config_topic_are_known(offsets, serving, tmp_path):
    """A worker's file without connectors is enough: who runs them, and what their cursors hold, stands in the config topic."""
    deployment = json.loads(offsets.worker.file().read_text())
    file = tmp_path / "worker.json"
    file.write_text(json.dumps({"worker": deployment["worker"]}))
    planned = offsets("plan", "wss-acme", "--to-earliest", "--output", "json", "-c", str(file), config=False)
    assert planned.code == 0, planned.err
    (change,) = planned.json["changes"]
    assert change["transactional_id"] == f"{offsets.worker.prefix}group-wss-acme-0"
    assert (change["topic"], change["cleanup"]) == (f"{offsets.worker.prefix}wss.access_log", "delete")
    wrong = offsets("plan", "wss-acme", "--to-cursor", '{"nonsense": 1}', "-c", str(file), config=False)
    assert wrong.code == 2
    assert "nonsense" in wrong.err


def test_a_stopped_connector_is_planned_by_its_worker(offsets, serving):
    """Without Kafka at hand a stopped connector's worker makes the plan, forecast included; it stays stopped when that is applied."""
    worker = offsets.worker
    assert httpx.put(f"{serving}/connectors/wss-acme/stop", timeout=30, trust_env=False).status_code == 204
    worker.until(lambda: state(serving) == ("STOPPED", []), secs=60)
    planned = offsets("plan", "wss-acme", "--to-earliest", "--url", serving, "--output", "json", config=False)
    assert planned.code == 0, planned.err
    assert planned.json["changes"][0]["forecast"]["records"] == len(worker.records())
    file = worker.folder / "plan.json"
    file.write_text(planned.out)
    assert offsets("apply", str(file), "--url", serving, "--yes", config=False).code == 0
    assert offsets.cursor() is None
    assert state(serving) == ("STOPPED", [])
    assert offsets("undo", "wss-acme", "--url", serving, "--yes").code == 0
    assert offsets.cursor() == planned.json["changes"][0]["from"]
