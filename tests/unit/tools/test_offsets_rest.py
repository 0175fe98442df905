import json

import httpx
import pytest

from wellhead.errors import PermanentError, TemporaryError
from wellhead.recovery.errors import Refused
from wellhead.recovery.plan import Change, Plan
from wellhead.testing.clock import FakeClock
from wellhead.tools.offsets_rest import ConnectRest

PARTITION = {"filename": "/data/in.txt"}


class Connect:
    """Kafka Connect's offsets endpoints for one connector, as recorded of a real one."""

    def __init__(self, state="RUNNING", cursor=None, ours=False):
        self.state, self.cursor, self.ours = state, cursor, ours
        self.asked = []
        self.stopping = 0
        self.refuse = None
        self.rebalancing = 0

    def __call__(self, request):
        path, method = request.url.raw_path.decode(), request.method
        self.asked.append((method, path))
        if self.rebalancing:
            self.rebalancing -= 1
            return self.error(409, "Cannot complete request momentarily due to stale configuration")
        if not path.startswith(("/connectors/fs%2Fa/", "/connectors?")) and path != "/connectors":
            return self.error(404, "Connector not found")
        if path == "/connectors":
            return httpx.Response(200, json=["fs/a"])
        return self.answer(method, path.removeprefix("/connectors/fs%2Fa/"), request)

    def answer(self, method, what, request):
        match method, what:
            case "GET", "status":
                tasks = [{"id": 0, "state": "RUNNING"}] if self.state != "STOPPED" or self.stopping else []
                self.stopping = max(0, self.stopping - 1)
                return httpx.Response(200, json={"name": "fs/a", "connector": {"state": self.state}, "tasks": tasks})
            case "PUT", "stop" | "resume" | "pause":
                self.state = {"stop": "STOPPED", "resume": "RUNNING", "pause": "PAUSED"}[what]
                return httpx.Response(204 if what == "stop" else 202)
            case "GET", "offsets":
                entry = {"partition": PARTITION, "offset": self.cursor}
                more = {"age_secs": 3.5, "stored_at": {"partition": 1, "offset": 2}} if self.ours else {}
                return httpx.Response(200, json={"offsets": [] if self.cursor is None else [{**entry, **more}]})
            case "PATCH", "offsets" | "offsets?dryRun=true":
                return self.alter(what, json.loads(request.content))
        return self.error(405, "no")

    def alter(self, what, body):
        if self.refuse is not None:
            return self.error(*self.refuse)
        (entry,) = body["offsets"]
        if what.endswith("true") and self.ours:
            return httpx.Response(200, json={"message": "would", "plan": made(self.cursor, entry["offset"]).as_json()})
        self.cursor = entry["offset"]
        return httpx.Response(200, json={"message": "The offsets for this connector have been altered successfully"})

    def error(self, status, message):
        return httpx.Response(status, json={"error_code": status, "message": message})


def made(before, after):
    change = Change(partition=PARTITION, before=before, after=after, why="alter")
    return Plan(id="plan-1", connector="fs/a", created_ms=1, created_at="then", changes=(change,))


def rest(connect):
    clock = FakeClock(start_ms=1_000_000)
    return ConnectRest(
        "http://user:s3cret@worker:8083",
        transport=httpx.MockTransport(connect),
        clock=clock,
        pause=clock.advance,
    )


@pytest.mark.parametrize(("state", "last"), [("RUNNING", "resume"), ("PAUSED", "pause"), ("FAILED", "resume")])
def test_a_connector_is_stopped_altered_and_goes_on(state, last):
    """The cursor is altered only once no task is left, and the connector goes on as before."""
    connect = Connect(state, {"position": 18})
    connect.stopping = 2
    with rest(connect) as client:
        applied = client.apply(made({"position": 18}, {"position": 6}))
    assert (applied.moved, connect.cursor) == (("filename=/data/in.txt",), {"position": 6})
    changes = [(method, path.rpartition("/")[2]) for method, path in connect.asked if method != "GET"]
    assert changes == [("PUT", "stop"), ("PATCH", "offsets"), ("PUT", last)]


def test_a_stopped_connector_stays_stopped():
    """What was stopped is not started by moving its cursor."""
    connect = Connect("STOPPED", {"position": 18})
    with rest(connect) as client:
        client.apply(made({"position": 18}, None))
    assert (connect.state, connect.cursor) == ("STOPPED", None)


def test_a_cursor_that_moved_is_not_altered_and_the_connector_goes_on():
    """A plan that was overtaken while the connector ran is refused; it runs again afterwards."""
    connect = Connect("RUNNING", {"position": 19})
    with rest(connect) as client, pytest.raises(Refused, match="moved since plan-1"):
        client.apply(made({"position": 18}, {"position": 6}))
    assert (connect.state, connect.cursor) == ("RUNNING", {"position": 19})
    connect.cursor = {"position": 6}
    with rest(connect) as client:
        assert client.apply(made({"position": 18}, {"position": 6})).already == ("filename=/data/in.txt",)


def test_what_the_worker_says_is_passed_on_without_the_password():
    """A refusal carries status, path and the worker's words; what nobody answers says where to look; neither tells the password."""
    connect = Connect("STOPPED", {"position": 18})
    connect.refuse = (400, "Partition must have 'filename'")
    with rest(connect) as client, pytest.raises(PermanentError, match="400 Partition must have") as caught:
        client.apply(made({"position": 18}, {"position": 6}))
    assert "s3cret" not in str(caught.value)

    def nobody(request):
        raise httpx.ConnectError("refused", request=request)

    with rest(nobody) as client, pytest.raises(TemporaryError, match=r"http://worker:8083.*Check that a worker listens"):
        client.names()


def test_a_rebalance_is_waited_for_but_not_for_ever():
    """409 is asked again; a group that never settles ends in an error that says so."""
    connect = Connect("STOPPED", {"position": 18})
    connect.rebalancing = 3
    with rest(connect) as client:
        assert client.names() == ["fs/a"]
        connect.rebalancing = 10_000
        with pytest.raises(TemporaryError, match="409"):
            client.names()


def test_a_connector_that_does_not_stop_is_left_as_it_was():
    """Where tasks do not end in time nothing is altered, and the connector is resumed."""
    connect = Connect("RUNNING", {"position": 18})
    connect.stopping = 10_000
    with rest(connect) as client, pytest.raises(TemporaryError, match="did not stop within 60 s"):
        client.apply(made({"position": 18}, {"position": 6}))
    assert (connect.state, connect.cursor) == ("RUNNING", {"position": 18})


def test_a_kafka_connect_is_never_asked_for_a_dry_run():
    """Kafka Connect would pass over the parameter and alter the offsets; ours, once stopped, plans."""
    connect = Connect("STOPPED", {"position": 18})
    entries = [{"partition": PARTITION, "offset": {"position": 6}}]
    with rest(connect) as client:
        assert client.dry_run("fs/a", entries) is None
        (stored,) = client.stored("fs/a")
    assert not [asked for asked in connect.asked if asked[0] == "PATCH"]
    assert (stored.at_ms, stored.kafka_offset, connect.cursor) == (0, -1, {"position": 18})
    ours = Connect("STOPPED", {"position": 18}, ours=True)
    with rest(ours) as client:
        plan = client.dry_run("fs/a", entries)
        (stored,) = client.stored("fs/a")
    assert plan is not None
    assert plan.changes[0].after == {"position": 6}
    assert (stored.at_ms, stored.kafka_partition, stored.kafka_offset) == (996_500, 1, 2)
    ours.state = "RUNNING"
    with rest(ours) as client:
        assert client.dry_run("fs/a", entries) is None
