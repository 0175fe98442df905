"""A test may give single indicators a life by hand, in the process or over the admin routes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.threatstream.simulation.population import Reach
from connectors.threatstream.simulation.query import LAST_UID
from connectors.threatstream.simulation.render import id_of
from connectors.threatstream.simulation.rows import NONE, Rows
from connectors.threatstream.simulator import Settings, create
from wellhead.testing.clock import FakeClock


def one(here, identifier, **params):
    found = [told for told in here.objects(**params) if told["id"] == identifier]
    assert len(found) <= 1
    return found[0] if found else None


def test_an_added_one_is_the_newest(vendor):
    """It has a new id, the highest update_id, the value and fields given, and the rest by rule."""
    here = vendor(ips=50)
    newest = max(told["update_id"] for told in here.objects())
    added = here.simulator.desk.add("ip", "2001:db8::5", confidence=7, tags=[{"id": "x", "name": "a,b"}])
    told = one(here, added, type="ip")
    assert (told["value"], told["ip"], told["type"], told["confidence"]) == ("2001:db8::5", "2001:db8::5", "ipv6", 7)
    assert told["update_id"] > newest
    assert told["expiration_ts"] == "9999-12-31T00:00:00.000Z"
    assert told["tags"] == [{"id": "x", "name": "a,b"}]
    assert told["source"]
    assert one(here, here.simulator.desk.add("hash", "ab" * 20), type="hash")["subtype"] == "SHA1"
    assert one(here, here.simulator.desk.add("domain"), type="domain")["value"]


def test_one_of_the_rule_is_updated_deactivated_and_brought_back(vendor):
    """Each step has a new update_id, the same id, and shows under its status alone."""
    here = vendor(ips=50)
    desk, old = here.simulator.desk, here.objects(type="ip")[3]
    steps = [desk.update(old["id"], confidence=1), desk.deactivate(old["id"]), desk.deactivate(old["id"], "falsepos")]
    assert steps == sorted({*steps, old["update_id"]})[1:]
    assert one(here, old["id"], type="ip") is None
    told = one(here, old["id"], type="ip", status="falsepos")
    assert (told["update_id"], told["confidence"], told["value"]) == (steps[-1], 1, old["value"])
    assert (told["expiration_ts"], told["created_ts"]) == (old["expiration_ts"], old["created_ts"])
    assert desk.reactivate(old["id"]) > steps[-1]
    assert one(here, old["id"], type="ip")["status"] == "active"


def test_expire_sets_the_end_and_remove_leaves_no_trace(vendor):
    """An expired one is served but no truth; a removed one is served under no status."""
    here = vendor(ips=50)
    desk, (first, second) = here.simulator.desk, [told["id"] for told in here.objects(type="ip")[:2]]
    uid = desk.expire(first)
    assert one(here, first, type="ip")["update_id"] == uid
    assert first not in {identifier for identifier, _ in here.truth("ip")}
    desk.remove(second)
    assert not any(one(here, second, type="ip", status=status) for status in ("active", "inactive", "falsepos"))
    assert second not in {identifier for identifier, _ in here.truth("ip")}


def test_a_late_change_leaves_the_old_state_until_it_is_visible(vendor):
    """The old update_id is served meanwhile, then the new one, which is below those given in between."""
    here = vendor(ips=50)
    old = here.objects(type="ip")[3]
    late = here.simulator.desk.update(old["id"], late_secs=120, confidence=1)
    here.clock.advance(60)
    between = here.simulator.desk.add("ip")
    assert one(here, old["id"], type="ip") == old
    here.clock.advance(60)
    assert one(here, old["id"], type="ip")["update_id"] == late < one(here, between, type="ip")["update_id"]


def test_what_is_not_there_cannot_be_changed(vendor):
    """An unknown id is a LookupError, a removed one too."""
    desk = vendor(ips=50).simulator.desk
    added = desk.add("url")
    desk.remove(added)
    for identifier in (5, 58_000_000_007, 58_000_008_000, added, added + 8):
        with pytest.raises(LookupError, match=str(identifier)):
            desk.update(identifier)


steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "update", "deactivate", "falsepos", "reactivate", "expire", "remove", "wait"]),
        st.integers(0, 30),
        st.sampled_from([0, 0, 90, 400]),
    ),
    max_size=40,
)


@given(steps)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_any_history_by_hand_is_the_truth_of_a_plain_model(taken):
    """Whatever was done by hand, the truth is what a list of states says, and counts and pages agree with it."""
    clock = FakeClock()
    simulator = create(Settings(ips=20, inactive=0, falsepos=0, history_days=10), clock=clock)
    desk = simulator.desk
    # id -> changes, each (visible from, status, end or None)
    model = {int(record.identity[0]): [(0, "active", None)] for record in simulator.truth_of("ip", values=False)}
    for action, which, late_secs in taken:
        now_ms = clock.now_ms()
        identifier = sorted(model)[which % len(model)]
        _, status, end = model[identifier][-1]
        visible_ms = now_ms + late_secs * 1_000
        if action == "wait":
            clock.advance(which * 10)
        elif action == "add":
            model[desk.add("ip", expires_secs=which * 60, late_secs=late_secs)] = [
                (visible_ms, "active", now_ms + which * 60_000)
            ]
        elif status == "gone":
            continue
        elif action == "remove":
            desk.remove(identifier)
            model[identifier].append((now_ms, "gone", None))
        elif action == "expire":
            desk.expire(identifier)
            model[identifier].append((now_ms, status, now_ms))
        else:
            new = {"update": status, "deactivate": "inactive", "falsepos": "falsepos", "reactivate": "active"}[action]
            desk.update(identifier, status=new, late_secs=late_secs)
            model[identifier].append((visible_ms, new, end))
    now_ms = clock.now_ms()
    current = {number: next((s for s in reversed(states) if s[0] <= now_ms), None) for number, states in model.items()}
    active = {number for number, s in current.items() if s and s[1] == "active" and (s[2] is None or s[2] > now_ms)}
    assert {int(record.identity[0]) for record in simulator.truth_of("ip", values=False)} == active
    told = list(simulator.truth_of("ip"))
    assert {record.values["id"] for record in told} == active
    assert all(record.identity == (str(record.values["id"]), str(record.values["update_id"])) for record in told)


def test_the_rule_leaves_what_was_touched_alone(vendor):
    """In the midst of life, an indicator with a late change stands as it was until that is visible, its update_id never going down."""
    here = vendor(ips=20, lively=20, changes_per_minute=20, late_ratio=0, inactive=0, falsepos=0, history_days=10)
    here.clock.advance(90)
    old = here.objects(type="ip")[0]
    late = here.simulator.desk.update(old["id"], late_secs=300, confidence=1)
    here.clock.advance(299)
    assert one(here, old["id"], type="ip") == old
    assert sum(told["update_id"] > late for told in here.objects(type="ip")) > 5
    here.clock.advance(1)
    assert one(here, old["id"], type="ip")["update_id"] == late


@given(steps, st.integers(0, 99))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_rule_and_hand_together_keep_the_vendors_laws(taken, seed):
    """In the midst of life, each id stands once, its update_id never goes down, and counts agree with what is told."""
    clock = FakeClock()
    simulator = create(
        Settings(seed=seed, ips=20, lively=20, changes_per_minute=20, late_ratio=0.3, late_max_secs=40), clock=clock
    )
    population, desk, every = simulator.holdings.populations["ip"], simulator.desk, frozenset(range(3))
    known: dict[int, int] = {}
    for action, which, late_secs in taken:
        identifier = id_of(which % 20, "ip")
        if action == "wait":
            clock.advance(which * 30)
        elif action == "add":
            desk.add("ip", late_secs=late_secs)
        elif action == "remove":
            continue
        elif action == "expire":
            desk.expire(identifier)
        else:
            desk.update(identifier, late_secs=late_secs, confidence=which)
        rows = Rows.together([NONE, *population.standing(Reach(0, LAST_UID, every), simulator.at())])
        now = dict(zip(rows.numbers.tolist(), rows.uids.tolist(), strict=True))
        assert len(now) == len(rows) == population.count(Reach(0, LAST_UID, every), simulator.at())
        assert rows.uids.tolist() == sorted(set(now.values()))
        assert all(now[number] >= uid for number, uid in known.items())
        known = now


def test_another_process_does_the_same(vendor):
    """POST /_sim/indicators and /_sim/life do what the desk does; mistakes are answered 400 and 404; none is logged as a call."""
    here = vendor(ips=20)

    def post(path, **body):
        return here.http.post(here.url + "/_sim/" + path, json=body)

    added = post("indicators", action="add", type="url", value="http://x.example/", fields={"confidence": 3}).json()["id"]
    told = {
        record["values"]["id"]: record["values"]
        for record in map(_json, here.http.get(f"{here.url}/_sim/indicators?type=url").iter_lines())
    }
    assert (told[added]["value"], told[added]["confidence"]) == ("http://x.example/", 3)
    uids = [
        post("indicators", action=action, id=added).json()["update_id"]
        for action in ("update", "deactivate", "reactivate", "expire")
    ]
    assert uids == sorted(set(uids))
    assert post("indicators", action="remove", id=added).json() == {}
    assert post("indicators", action="update", id=added).status_code == 404
    assert post("indicators", action="explode").status_code == 400
    assert here.http.get(f"{here.url}/_sim/indicators?type=x").status_code == 400
    assert post("life", paused=True).json() == {"paused": True}
    assert post("life", paused=False).json() == {"paused": False}
    assert post("life", puased=False).status_code == 400
    assert here.simulator.requests == []


def _json(line):
    return json.loads(line)
