"""Backfills that a group runs beside its live streams: real workers, a real broker, a vendor that serves one client per tenant."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grouped import NAME, Group, Member, grouped
from spanned import Span

from wellhead.stack import Stack

PATH = f"/connectors/{NAME}/backfills"


@pytest.fixture
def group(stack: Stack, unique: str, tmp_path: Path) -> Iterator[Group]:
    with grouped(stack, unique, tmp_path, rows=6_000, hours=4, quiet_secs=1, faults=()) as made:
        yield made


def begin(member: Member, span: Span, **more: Any) -> str:
    """Ask for a backfill of the span, give its id."""
    body = {"from_ms": span.from_ms, "to_ms": span.to_ms, "share": 0.5, **more}
    answer = member.api.post(PATH, json=body)
    assert answer.status_code == 201, answer.text
    (made,) = answer.json()["backfills"]
    return str(made["id"])


def offsets(member: Member, *words: str) -> Any:
    """Run `wellhead offsets` against a worker, give what it says as JSON."""
    command = [sys.executable, "-m", "wellhead", "offsets", *words, "--url", str(member.api.base_url)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def told_all(member: Member) -> list[dict[str, Any]]:
    return list(member.api.get(PATH).json())


def live_tasks(member: Member) -> list[dict[str, Any]]:
    """Give what runs on the worker, live streams and backfills alike."""
    return list(member.api.get("/health").json()["connectors"][NAME]["tasks"])


def told(member: Member) -> dict[str, Any]:
    (found,) = member.api.get(PATH).json()
    return dict(found)


def assert_read_once(group: Group, span: Span, name: str) -> None:
    found = span.published()
    assert found[name] == span.held()
    assert found[""] == Counter(group.base.simulator.identities())


def test_killed_with_its_worker_it_goes_on_elsewhere_and_ends(group):
    """kill -9 of the worker that runs live stream and backfill: another goes on with both, nothing is lost or doubled, and it ends."""
    first, second = group.join(), group.join()
    group.create(first, quiet_secs=1)
    owner = group.owner(first)
    other = second if owner is first else first
    span = Span(group.base, hours=2)
    name = begin(other, span, share=0.3)
    group.until(lambda: span.published().get(name))
    owner.kill()
    group.until(lambda: told(other)["state"] == "DONE", 240)
    assert told(other)["records"] == span.held().total()
    assert_read_once(group, span, name)
    requests = group.base.simulator.requests
    assert not [request.params for request in requests if request.in_flight]
    again = other.api.post(PATH, json={"from_ms": span.from_ms, "to_ms": span.to_ms})
    assert again.status_code == 409
    assert other.stop() == 0
    assert not [line for member in group.members for line in member.said() if line.get("event") == "second_client"]


def test_a_cancelled_one_stops_and_the_live_stream_goes_on(group):
    """Begun and cancelled from the command line it asks no more and stays in the list; live polls go on, what was published stays."""
    member = group.join()
    group.create(member, quiet_secs=1)
    span = Span(group.base, hours=2)
    asked = ("backfill", NAME, "--from", span.since, "--to", span.until, "--share", "0.2", "--output", "json")
    group.until(lambda: group.runs_on(member))
    (planned,) = offsets(member, *asked)["backfills"]
    assert (planned["stands"], told_all(member)) == ("new", [])
    (begun,) = offsets(member, *asked, "--yes")["backfills"]
    name = begun["id"]
    group.until(lambda: span.published().get(name))
    (listed,) = offsets(member, "backfills", NAME, "--cancel", name, "--output", "json")
    assert (listed["id"], listed["state"]) == (name, "CANCELLED")
    group.until(lambda: len(live_tasks(member)) == 1)
    requests = group.base.simulator.requests
    count = len(requests)
    lane = [request for request in requests if request.params["endDate"] != "0"]
    group.until(lambda: len(requests) > count + 3)
    assert [request for request in requests if request.params["endDate"] != "0"] == lane
    assert span.published()[name] <= span.held()
    assert member.api.delete(f"{PATH}/nothing").status_code == 404


def test_what_cannot_be_is_refused_in_words(group):
    """Times that make no span, a stream or tenant that is not there: 400 with the reason, nothing is begun; a dry run begins nothing."""
    member = group.join()
    group.create(member)
    span = Span(group.base)
    refused = [
        ({"from_ms": span.to_ms, "to_ms": span.from_ms}, "which is not after its beginning"),
        ({"from_ms": span.from_ms, "to_ms": 4_000_000_000_000}, "which is in the future"),
        ({"streams": ["nothing"]}, "has no stream 'nothing'; it has access_log"),
        ({"tenants": ["nobody"]}, "has no tenant 'nobody'; it has acme"),
    ]
    for more, why in refused:
        answer = member.api.post(PATH, json={"from_ms": span.from_ms, "to_ms": span.to_ms, **more})
        assert (answer.status_code, why in answer.json()["message"]) == (400, True), answer.text
    shown = member.api.post(f"{PATH}?dryRun=true", json={"from_ms": span.from_ms, "to_ms": span.to_ms})
    assert shown.json()["backfills"][0]["stands"] == "new"
    assert member.api.get(PATH).json() == []
