"""Proves that many tenants and streams are shared out evenly, that little moves when the group changes, and that no stream is polled twice at once."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import readback
from grouped import NAME, Group, grouped
from spread import mark, owned, until_spread

from connectors.threatstream import simulator as threatstream
from wellhead.stack import Stack
from wellhead.testing.server import serve

TENANTS = {"north": "pw-north", "south": "pw-south", "east": "pw-east"}
SECRETS = {f"PASSWORD_{tenant}": password for tenant, password in TENANTS.items()}
MANY = 100
# Long, so that a busy machine is not taken for a dead worker, nor a restart for a loss.
PATIENT = {"session.timeout.ms": 60_000}


@pytest.fixture
def group(stack: Stack, unique: str, tmp_path: Path) -> Iterator[Group]:
    users = {f"{tenant}-user": password for tenant, password in TENANTS.items()}
    with grouped(stack, unique, tmp_path, rows=60, hours=1, tenants=users, faults=()) as made:
        yield made


def words_for(group: Group, tenants: str) -> dict[str, str]:
    """Give the words of one connector for several tenants, each with a password and a topic of its own."""
    words = group.config(
        **{"topic.prefix": f"{group.base.prefix}${{tenant}}.", "username": "${tenant}-user", "tenants": tenants},
        password="${env:PASSWORD_${tenant}}",
    )
    del words["tenant"]
    return words


def records_of(group: Group, tenant: str) -> int:
    return len(readback.messages(group.base.bootstrap, f"{group.base.prefix}{tenant}.wss.access_log"))


def states(member, tenant: str) -> list[str]:
    return [line["state"] for line in member.said() if line["event"] == "task_state" and line["tenant"] == tenant]


def test_a_tenant_comes_and_another_goes_and_the_rest_do_not_notice(group: Group):
    """Each tenant is read with its own secret into its own topic; one added and one taken out restart none of the others."""
    one, two = group.join(env=SECRETS), group.join(env=SECRETS)
    answer = one.api.post("/connectors", json={"name": NAME, "config": words_for(group, "north,south")})
    assert answer.status_code == 201, answer.text
    group.until(lambda: records_of(group, "north") == 60 and records_of(group, "south") == 60)
    before = [states(member, "north") for member in (one, two)]
    (north,) = [task for task in group.status(one)["tasks"] if task["id"] == 0]

    answer = two.api.put(f"/connectors/{NAME}/config", json=words_for(group, "north,east"))
    assert answer.status_code == 200, answer.text
    group.until(lambda: records_of(group, "east") == 60)
    group.until(lambda: "STOPPED" in states(one, "south") + states(two, "south"))
    assert [states(member, "north") for member in (one, two)] == before
    assert [task for task in group.status(one)["tasks"] if task["id"] == 0] == [north]
    assert {task["config"]["tenant"] for task in one.api.get(f"/connectors/{NAME}/tasks").json()} == {"north", "east"}
    kept = one.api.get(f"/connectors/{NAME}/offsets").json()["offsets"]
    assert {each["partition"]["tenant"] for each in kept} == {"north", "south", "east"}
    assert not [password for password in TENANTS.values() if password in one.log.read_text() + two.log.read_text()]


def many(group: Group, member) -> None:
    """Make a connector with many tasks that are placed and do not run: what moves is the same, and the machine is spared."""
    words = words_for(group, ",".join(f"t{number}" for number in range(MANY)))
    words["password"] = "${env:PASSWORD_north}"
    answer = member.api.post("/connectors", json={"name": NAME, "config": words, "initial_state": "PAUSED"})
    assert answer.status_code == 201, answer.text


def test_a_hundred_tasks_are_spread_and_only_the_fewest_move(group: Group):
    """Over three workers they are even within one; who joins or leaves moves what it must, and what the others keep stays."""
    one = group.join(env=SECRETS, **PATIENT)
    many(group, one)
    until_spread(group, MANY, one)
    two = group.join(env=SECRETS, **PATIENT)
    until_spread(group, MANY, one, two)
    marks = mark(one, two)
    three = group.join(env=SECRETS, **PATIENT)
    until_spread(group, MANY, one, two, three)
    moved = [each.moved() for each in marks]
    assert [given for given, _ in moved] == [[], []]
    assert sorted(slot for _, taken in moved for slot in taken) == sorted(owned(three))
    assert len(owned(three)) in (MANY // 3, MANY // 3 + 1)

    # A rolling restart: what one had goes to the others, and as much comes back; nothing else moves.
    members = [one, two, three]
    for place in range(len(members)):
        leaving = members.pop(place)
        theirs, marks = owned(leaving), mark(*members)
        assert leaving.stop() == 0
        until_spread(group, MANY, *members)
        moved = [each.moved() for each in marks]
        assert [taken for _, taken in moved] == [[], []]
        assert sorted(slot for given, _ in moved for slot in given) == sorted(theirs)
        marks = mark(*members)
        members.insert(place, group.start(env=SECRETS, **PATIENT))
        until_spread(group, MANY, *members)
        moved = [each.moved() for each in marks]
        assert [given for given, _ in moved] == [[], []]
        assert sorted(slot for _, taken in moved for slot in taken) == sorted(owned(members[place]))


def test_a_rolling_restart_of_named_workers_moves_nothing(group: Group):
    """With group.instance.id each of three workers gets back what it had, and the others hear of nothing."""
    names = ["w1", "w2", "w3"]
    members = [group.join(env=SECRETS, **PATIENT, **{"group.instance.id": name}) for name in names]
    many(group, members[0])
    until_spread(group, MANY, *members)
    for place, name in enumerate(names):
        theirs, others = owned(members[place]), [member for member in members if member is not members[place]]
        marks = mark(*others)
        assert members[place].stop() == 0
        members[place] = again = group.start(env=SECRETS, **PATIENT, **{"group.instance.id": name})
        group.until(lambda again=again, theirs=theirs: owned(again) == theirs, 90)
        assert [each.moved() for each in marks] == [([], []), ([], [])]


def test_streams_of_one_connector_are_spread_and_none_is_polled_twice_at_once(group: Group):
    """Five streams as five tasks run on every worker; while one worker joins and another leaves, no stream has two calls at a time."""
    vendor = threatstream.create(threatstream.Settings(quota_per_day=None, faults=("slow:*",), slow_pause_secs=0.001))
    with serve(vendor) as url:
        words = {
            "connector.class": "threatstream",
            "topic.prefix": group.base.prefix,
            "tenant": "acme",
            "tasks.max": "5",
            "page_limit": "20",
            "poll.interval.secs": "1",
            "http.interval.secs": "0",
            **vendor.options(url),
        }
        one = group.join()
        answer = one.api.post("/connectors", json={"name": "ti", "config": words})
        assert answer.status_code == 201, answer.text
        group.until(lambda: len(polled(vendor)) == 5)
        two = group.join()
        group.until(lambda: {task["worker_id"] for task in group.status(two, "ti")["tasks"]} == {one.worker_id, two.worker_id})
        running = [task["worker_id"] for task in group.status(two, "ti")["tasks"]]
        assert sorted(running.count(member.worker_id) for member in (one, two)) == [2, 3]
        assert one.stop() == 0
        since = {kind: len(spans) for kind, spans in polled(vendor).items()}
        group.until(lambda: all(len(spans) > since[kind] for kind, spans in polled(vendor).items()), 90)
        assert two.stop() == 0
    for spans in polled(vendor).values():
        assert all(later >= ended for (_, ended), (later, _) in pairwise(spans))


def polled(vendor: threatstream.ThreatStreamSimulator) -> dict[str, list[tuple[float, float]]]:
    """Give when the calls of each stream began and ended."""
    found: dict[str, list[tuple[float, float]]] = {}
    for request in list(vendor.requests):
        found.setdefault(request.params["type"], []).append((request.began_secs, request.ended_secs or float("inf")))
    return {kind: sorted(spans) for kind, spans in found.items()}
