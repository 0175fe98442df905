"""Proves that connectors live in the group: made, changed, paused, stopped and deleted through any worker, run by one of them, exactly once."""

import json
import time

import pytest
from confluent_kafka.admin import AdminClient
from grouped import NAME, Group, grouped

from wellhead.stack import Stack


@pytest.fixture
def group(stack: Stack, unique: str, tmp_path):
    with grouped(stack, unique, tmp_path) as made:
        yield made


def state_of(group: Group, member, name=NAME):
    status = group.status(member, name)
    return status["connector"]["state"], [task["state"] for task in status["tasks"]]


def test_a_connector_made_over_rest_is_pulled_exactly_once(group):
    """What is made through one worker runs once in the group, is shown by every worker, and ends with nothing lost or doubled."""
    one, two = group.join(), group.join()
    group.create(one)
    group.until(lambda: group.status(two).get("tasks"))
    owner = group.owner(two)
    group.until(group.caught_up)
    assert group.status(one) == group.status(two)
    assert owner in (one, two)
    group.assert_exactly_once()
    assert not [request for request in group.base.simulator.requests if request.in_flight]


def test_targets_take_effect_through_any_worker(group):
    """Paused and stopped the vendor is left alone; stopped there are no tasks; resumed it goes on where it was."""
    one, two = group.join(), group.join()
    group.create(one)
    group.owner(one)
    group.until(group.caught_up)
    assert two.api.put(f"/connectors/{NAME}/pause").status_code == 202
    group.until(lambda: state_of(group, one) == ("PAUSED", ["PAUSED"]))
    calls = len(group.base.simulator.requests)
    time.sleep(2.5)
    assert len(group.base.simulator.requests) == calls
    assert one.api.put(f"/connectors/{NAME}/resume").status_code == 202
    group.until(lambda: state_of(group, two) == ("RUNNING", ["RUNNING"]))
    group.until(lambda: len(group.base.simulator.requests) > calls)
    assert two.api.put(f"/connectors/{NAME}/stop").status_code == 204
    group.until(lambda: state_of(group, one) == ("STOPPED", []))
    assert one.api.put(f"/connectors/{NAME}/resume").status_code == 202
    group.owner(two)
    group.assert_exactly_once()


def test_a_change_of_words_restarts_only_what_it_concerns(group):
    """Another connector's tasks go on as they were; the changed one runs with its new words, and the old ones can be had back."""
    one = group.join()
    group.create(one)
    group.create(one, "other", tenant="beta", **{"topic.prefix": f"{group.base.prefix}beta."})
    group.owner(one)
    group.owner(one, "other")
    began = [line for line in one.said() if line["event"] == "task_state" and line["connector"] == "other"]
    assert one.api.patch(f"/connectors/{NAME}/config", json={"poll.interval.secs": "2"}).status_code == 200
    versions = one.api.get(f"/connectors/{NAME}/versions").json()
    assert [version["version"] for version in versions] == [2, 1]
    group.until(lambda: [line for line in one.said() if line["event"] == "task_state" and line["state"] == "STOPPED"])
    group.owner(one)
    assert one.api.put(f"/connectors/{NAME}/rollback?version=1").json()["config"]["poll.interval.secs"] == "1"
    assert [line for line in one.said() if line["event"] == "task_state" and line["connector"] == "other"] == began


def test_deleted_with_its_cursors_it_begins_anew(group):
    """DELETE keeps the cursors, as Connect does, unless told otherwise."""
    one = group.join()
    group.create(one)
    group.until(group.caught_up)
    assert one.api.delete(f"/connectors/{NAME}").status_code == 204
    assert one.api.get(f"/connectors/{NAME}/status").status_code == 404
    group.create(one)
    assert one.api.get(f"/connectors/{NAME}/offsets").json()["offsets"]
    assert one.api.delete(f"/connectors/{NAME}?offsets=delete").status_code == 204
    group.create(one, name=NAME, **{"poll.interval.secs": 3600})
    group.until(lambda: len(group.base.records()) == 2 * group.base.held())


def test_connectors_kept_in_files_are_made(group, tmp_path):
    """A worker that is given files of connectors brings the group to what they say, and leaves others alone."""
    path = tmp_path / "connectors.json"
    path.write_text(json.dumps({"connectors": {NAME: group.config()}}))
    one = group.join("wellhead", "worker", str(path))
    group.until(group.caught_up)
    assert one.api.get("/connectors").json() == [NAME]
    group.assert_exactly_once()


def test_killed_its_tasks_go_on_elsewhere(group):
    """kill -9 of the owner costs less than 15 s, no record and no second copy; the vendor is never asked by two at once."""
    one, two = group.join(), group.join()
    group.create(one)
    owner = group.owner(one)
    left = two if owner is one else one
    owner.kill()
    killed_secs = time.monotonic()
    group.until(lambda: group.runs_on(left) == left.worker_id)
    assert time.monotonic() - killed_secs < 15
    group.until(group.caught_up)
    group.assert_exactly_once()
    assert not [request for request in group.base.simulator.requests if request.in_flight]


def test_who_owns_what_is_counted(group):
    """Each place of a task is owned once, by the metrics of all workers together; what one gives up for another is told as revoked."""

    def told(member, name):
        page = member.api.get("/metrics").text
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(name)}

    def owned(member):
        return sum(told(member, "wellhead_worker_place_owned").values())

    one = group.join()
    for name in ("first", "second"):
        group.create(one, name=name, **{"topic.prefix": f"{group.base.prefix}{name}.", "poll.interval.secs": 3600})
    group.until(lambda: owned(one) >= 2)
    places = owned(one)
    two = group.join()
    group.until(lambda: owned(two) > 0 and owned(one) + owned(two) == places)
    changes = told(one, "wellhead_worker_place_change_count_total")
    assert changes['wellhead_worker_place_change_count_total{wellhead_change="gained"}'] == places
    assert changes['wellhead_worker_place_change_count_total{wellhead_change="revoked"}'] == owned(two)


def test_another_group_may_not_share_the_topics(group):
    """A worker with another group.id on the same internal topics ends at once and says why: it would run every task a second time."""
    one = group.join()
    group.create(one)
    group.owner(one)
    stranger = group.start(**{"group.id": f"{group.base.prefix}other"})
    assert stranger.process.wait(60) == 1
    assert f"belongs to the group '{group.base.prefix}group'" in stranger.log.read_text()
    group.until(group.caught_up)
    group.assert_exactly_once()


def test_a_state_has_one_keeper_in_the_group(group):
    """Two connectors whose records would end each other's are refused, as they are in one file; with a prefix of its own the second is made."""
    one = group.join()
    words = {"connector.class": "threatstream", "url": "http://127.0.0.1:1", "user": "u", "api_key": "k" * 12, "types": "ip"}
    first = one.api.post("/connectors", json={"name": "first", "config": words, "initial_state": "PAUSED"})
    assert first.status_code == 201, first.text
    second = one.api.post("/connectors", json={"name": "second", "config": words})
    assert (second.status_code, "whose state connector first keeps" in second.json()["message"]) == (400, True)
    own = one.api.post(
        "/connectors", json={"name": "second", "config": {**words, "topic.prefix": "b."}, "initial_state": "STOPPED"}
    )
    assert own.status_code == 201, own.text
    assert one.api.patch("/connectors/second/config", json={"topic.prefix": None}).status_code == 400


def test_a_deleted_assignment_topic_is_made_again(group):
    """Whoever deletes the topic that tasks are placed on stops them for a moment: it is made again, and nothing is lost or doubled."""
    one = group.join()
    group.create(one)
    group.owner(one)
    admin = AdminClient({"bootstrap.servers": group.base.bootstrap})
    for deleted in admin.delete_topics([f"{group.base.prefix}assignment"]).values():
        deleted.result(30)
    group.until(lambda: [line for line in one.said() if line["event"] == "topics_made_again"], 90)
    began = len(group.base.simulator.requests)
    group.until(lambda: len(group.base.simulator.requests) > began and group.caught_up(), 90)
    group.assert_exactly_once()
