"""Proves that a person on call is told what is wrong and what to do, and can take back what broke it."""

import json
import subprocess
import sys

import pytest
from grouped import NAME, grouped

from wellhead.stack import Stack

SELDOM = {"restart.backoff.initial.secs": "120", "restart.backoff.max.secs": "120"}
"""A task that failed is not RUNNING again, for the moment of another try, while the test looks at it."""


@pytest.fixture
def group(stack: Stack, unique: str, tmp_path):
    with grouped(stack, unique, tmp_path) as made:
        yield made


def wellhead(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "wellhead", *words], capture_output=True, text=True, timeout=60, check=False)


def test_an_incident_is_explained_and_taken_back(group):
    """A wrong password shows up with its owner, its error and the next step; a rollback mends it, and the same verb says that all is well."""
    one = group.join()
    url = str(one.api.base_url)
    group.create(one)
    group.until(group.caught_up)
    group.until(lambda: one.api.get(f"/connectors/{NAME}/explain").json()["tasks"][0]["streams"][0].get("records"))
    well = wellhead("explain", NAME, "--url", url)
    assert (well.returncode, well.stderr) == (0, "")
    assert f"RUNNING on {one.worker_id} since" in well.stdout
    assert "wellhead dlq list" in well.stdout  # some of the vendor's lines are broken; else nothing is wrong
    assert "cursor written:" in well.stdout
    shown = wellhead("top", "--once", "--url", url)
    assert (shown.returncode, shown.stderr) == (0, "")
    (line,) = [line for line in shown.stdout.splitlines() if NAME in line]
    assert ("RUNNING" in line, one.worker_id in line) == (True, True)

    assert one.api.patch(f"/connectors/{NAME}/config", json={"password": "wrong-word", **SELDOM}).status_code == 200
    group.until(lambda: group.status(one)["tasks"][0]["state"] == "FAILED")
    ill = json.loads(wellhead("explain", NAME, "--url", url, "--output", "json").stdout)
    assert ill["tasks"][0]["state"] in {"FAILED", "RESTARTING"}
    assert "the API credentials are refused" in ill["advice"][0]
    assert "wrong-word" not in json.dumps(ill)

    told = wellhead("connectors", "history", NAME, "--url", url)
    assert "~ password" not in told.stdout
    assert "patch" in told.stdout
    dry = wellhead("connectors", "rollback", NAME, "1", "--url", url)
    assert (dry.returncode, "nothing was changed" in dry.stderr) == (3, True)
    assert wellhead("connectors", "rollback", NAME, "1", "--url", url, "--yes").returncode == 0
    group.until(lambda: group.runs_on(one) == one.worker_id)
    group.until(lambda: f"RUNNING on {one.worker_id}" in wellhead("explain", NAME, "--url", url).stdout)


def test_a_task_that_cannot_be_started_makes_its_worker_unhealthy(group, tmp_path):
    """A secret's file that is missing here is told by the worker's /health, the connector's status and explain; once it is there all is well."""
    one = group.join()
    password = group.config()["password"]
    secret = tmp_path / "password"
    secret.write_text(password)
    group.create(one, password=f"${{file:{secret}}}")
    group.until(group.caught_up)
    secret.unlink()
    assert one.api.post(f"/connectors/{NAME}/tasks/0/restart").status_code == 204
    group.until(lambda: one.api.get("/health").status_code == 500)
    told = one.api.get("/health").json()
    assert f"1 tasks cannot be started here, such as {NAME}, task 0" in told["message"]
    assert str(secret) in told["message"]
    assert one.api.get("/ready").status_code == 200
    group.until(lambda: group.status(one)["tasks"][0]["state"] == "FAILED")
    secret.write_text(password)
    group.until(lambda: one.api.get("/health").status_code == 200)
    group.until(lambda: group.runs_on(one) == one.worker_id)


def test_what_is_not_there_is_told(group):
    """An unknown connector and an address where nobody listens are errors with the next step, not tracebacks."""
    one = group.join()
    unknown = wellhead("explain", "nope", "--url", str(one.api.base_url))
    assert (unknown.returncode, "Connector nope not found" in unknown.stderr) == (1, True)
    nobody = wellhead("explain", NAME, "--url", "http://127.0.0.1:1")
    assert (nobody.returncode, "Check that a worker listens there" in nobody.stderr) == (1, True)
