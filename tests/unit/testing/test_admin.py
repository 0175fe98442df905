"""Another process can see and drive a simulator under `/_sim`, without leaving a trace in its log."""

from __future__ import annotations

import json

import httpx
import pytest

from wellhead.testing.server import serve


@pytest.fixture
def served(toy):
    """Give a served toy and a client whose addresses begin at it."""
    simulator = toy()
    with serve(simulator) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield simulator, client


def test_time_can_be_moved(served):
    """The clock jumps by what was posted, and says where it is."""
    simulator, client = served
    before = simulator.clock.now_ms()
    assert client.post("/_sim/clock", json={"advance_secs": 60}).json() == {"now_ms": before + 60_000}
    assert client.get("/_sim/clock").json() == {"now_ms": simulator.clock.now_ms()}
    refused = client.post("/_sim/clock", json={"advance_secs": -1})
    assert (refused.status_code, simulator.clock.now_ms()) == (400, before + 60_000)


def test_faults_can_be_armed_and_disarmed(served):
    """A posted fault strikes; a deleted one does not; the state tells both."""
    _, client = served
    assert client.post("/_sim/faults", json={"name": "http_500", "count": 2}).json()["armed"] == ["http_500:2"]
    assert client.get("/items").status_code == 500
    assert client.delete("/_sim/faults").json() == {"armed": [], "struck": {"http_500": 1}}
    assert client.get("/items").status_code == 200


@pytest.mark.parametrize("body", [{"name": "http_599"}, {"name": "http_500", "count": 0}, {"nom": "x"}, []])
def test_a_wrong_fault_is_refused(served, body):
    """What cannot be armed is 400 with the reason."""
    response = served[1].post("/_sim/faults", json=body)
    assert response.status_code == 400
    assert response.json()["problems"]


def test_content_is_fixed_by_the_first_request(served):
    """A content fault can be posted before the first request, and is 409 after it."""
    simulator, client = served
    assert client.post("/_sim/faults", json={"name": "odd"}).status_code == 200
    assert "odd" in simulator.content
    client.get("/items")
    assert client.post("/_sim/faults", json={"name": "odd", "count": 2}).status_code == 409


def test_requests_can_be_read_and_cleared(served):
    """The log as JSON, without the admin's own requests; cleared on DELETE."""
    simulator, client = served
    client.get("/items", params={"key": "hunter2", "page": 1})
    (record,) = client.get("/_sim/requests").json()
    assert (record["path"], record["params"], record["status"]) == ("/items", {"page": "1"}, 200)
    assert client.delete("/_sim/requests").json() == []
    assert simulator.requests == []


def test_the_truth_can_be_fetched(served):
    """One JSON object a line, with the values when asked for."""
    _, client = served
    plain = [json.loads(line) for line in client.get("/_sim/truth").text.splitlines()]
    full = [json.loads(line) for line in client.get("/_sim/truth?values=true").text.splitlines()]
    assert [line["kind"] for line in plain] == ["record", "broken"]
    assert "values" not in plain[0]
    assert full[0]["values"] == {"name": "é", "size": None}


def test_the_state_counts_what_clients_do(served):
    """Requests and sockets of clients are counted, the admin's own socket is not."""
    _, client = served
    client.get("/items")
    state = client.get("/_sim/state").json()
    assert (state["simulator"], state["requests"], state["open_connections"]) == ("toy", 1, 0)
