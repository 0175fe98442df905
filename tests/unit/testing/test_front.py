"""Every request is logged without its credentials, and transport faults strike in front of the vendor."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from wellhead.testing.server import serve

IMPATIENT = httpx.Timeout(30, read=0.2)


@pytest.fixture
def client():
    with httpx.Client(trust_env=False, headers={"User-Agent": "test/1"}) as client:
        yield client


def test_the_log_tells_a_request_without_its_secrets(toy, client):
    """Method, path, parameters but for secret ones, client, status and size are kept."""
    simulator = toy()
    with serve(simulator) as url:
        client.get(f"{url}/items", params={"page": "2", "key": "hunter2", "empty": ""})
    (record,) = simulator.requests
    assert (record.method, record.path, record.params) == ("GET", "/items", {"page": "2", "empty": ""})
    assert (record.status, record.sent_bytes, record.complete, record.fault) == (200, 4_000, True, None)
    assert (record.user_agent, record.in_flight, record.at_ms) == ("test/1", 0, simulator.clock.now_ms())
    assert record.ended_secs >= record.began_secs
    assert "hunter2" not in repr(simulator.requests)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 423, 429, 500, 502, 503, 504])
def test_a_status_fault_answers_in_place_of_the_vendor(toy, client, status):
    """The armed status is answered once, with Retry-After where that status has it, and the vendor never sees the request."""
    simulator = toy(faults=[f"http_{status}"], retry_after_secs=9)
    with serve(simulator) as url:
        answers = [client.get(f"{url}/items") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status, 200]
    assert answers[0].headers.get("Retry-After") == ("9" if status in (423, 429, 503) else None)
    assert simulator.delivered == 1
    assert simulator.requests[0].fault == f"http_{status}"


def test_a_cut_body_ends_in_the_middle(toy, client):
    """So many bytes arrive, then the connection breaks; the vendor is not told that it delivered."""
    simulator = toy(faults=["cut_body"], cut_after_bytes=100)
    received: list[bytes] = []
    with serve(simulator) as url, client.stream("GET", f"{url}/items") as response, pytest.raises(httpx.RemoteProtocolError):
        received.extend(response.iter_raw())
    assert b"".join(received) == b"x" * 100
    assert (simulator.delivered, simulator.requests[0].complete) == (0, False)


def test_a_short_body_is_cut_too(toy, client):
    """A body shorter than the bytes let through is cut in its half."""
    with serve(toy(faults=["cut_body", "short"])) as url, pytest.raises(httpx.RemoteProtocolError):
        client.get(f"{url}/items")


def test_a_slow_body_arrives_whole_in_pieces(toy, client):
    """Dribbled bytes are all the bytes."""
    simulator = toy(faults=["slow"], slow_chunk_bytes=500, slow_pause_secs=0)
    with serve(simulator) as url:
        assert len(client.get(f"{url}/items").content) == 4_000
    assert simulator.requests[0].sent_bytes == 4_000
    assert simulator.delivered == 1


def test_a_stalled_body_holds_until_the_client_leaves(toy):
    """Half arrives and no more; the read times out at the client, and the simulator notices that it has left."""
    simulator = toy(faults=["stall"])
    with serve(simulator) as url, pytest.raises(httpx.ReadTimeout), httpx.Client(trust_env=False, timeout=IMPATIENT) as client:
        client.get(f"{url}/items")
    assert (simulator.requests[0].complete, simulator.requests[0].ended_secs is None) == (False, False)


def test_a_stall_has_an_end(toy, client):
    """After the seconds it is held open, a stalled connection is closed."""
    with serve(toy(faults=["stall"], stall_secs=0.01)) as url, pytest.raises(httpx.RemoteProtocolError):
        client.get(f"{url}/items")


def test_overlapping_calls_are_seen(toy, client):
    """A request that comes while another is being answered says so."""
    simulator = toy(faults=["stall"])
    with serve(simulator) as url, client.stream("GET", f"{url}/items") as stalled:
        pieces = stalled.iter_raw()
        next(pieces)
        with ThreadPoolExecutor() as pool:
            pool.submit(httpx.get, f"{url}/items", trust_env=False).result()
        pieces.close()
    assert [record.in_flight for record in simulator.requests] == [0, 1]
