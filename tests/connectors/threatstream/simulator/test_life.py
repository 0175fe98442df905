"""Indicators come, change, end and are seen late as time moves, by a rule that is the same for the same seed."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.threatstream.simulation.pattern import STATUSES
from connectors.threatstream.simulation.population import Population, Reach
from connectors.threatstream.simulation.query import LAST_UID
from connectors.threatstream.simulation.rule import Moment
from connectors.threatstream.simulation.settings import Settings

START_MS = 1_767_225_600_000
EVERY = frozenset(range(len(STATUSES)))


def standing(population, at, low=0, high=LAST_UID, statuses=EVERY):
    """Give (number, update_id, status) in the order given."""
    return [
        (number, uid, STATUSES[status])
        for rows in population.standing(Reach(low, high, statuses), at)
        for number, uid, status in zip(rows.numbers.tolist(), rows.uids.tolist(), rows.statuses.tolist(), strict=True)
    ]


def moment(minutes):
    return Moment(START_MS + round(minutes * 60_000), START_MS + round(minutes * 60_000))


def test_new_indicators_come_at_the_rate_that_is_set(vendor):
    """Ten a minute for an hour are 600 more, with ids and update ids above all there were."""
    here = vendor(ips=100, inactive=0, falsepos=0, new_per_minute=10, late_ratio=0, history_days=10)
    before = here.objects(type="ip")
    here.clock.advance(3_600)
    after = here.objects(type="ip")
    assert (len(before), len(after)) == (100, 700)
    assert after[:100] == before
    assert min(told["id"] for told in after[100:]) > max(told["id"] for told in before)


def test_a_change_keeps_the_id_and_takes_a_new_update_id(vendor):
    """Who asks for what came after a place gets the changed ones with the same id and value, a later modified_ts and other details."""
    here = vendor(ips=200, changes_per_minute=5, lively=200, late_ratio=0, history_days=10, inactive=0, falsepos=0)
    before = {told["id"]: told for told in here.objects(type="ip")}
    newest = max(told["update_id"] for told in before.values())
    here.clock.advance(600)
    changed = here.objects(type="ip", update_id__gt=newest)
    assert 0 < len(changed) <= 50
    for told in changed:
        old = before[told["id"]]
        assert (old["value"], old["uuid"], old["created_ts"]) == (told["value"], told["uuid"], told["created_ts"])
        assert old["modified_ts"] < told["modified_ts"]
    assert any(told["confidence"] != before[told["id"]]["confidence"] for told in changed)
    assert not {told["update_id"] for told in here.objects(type="ip")} & {before[told["id"]]["update_id"] for told in changed}


def test_changes_deactivate_and_bring_back(vendor):
    """In a few rounds the same indicator is active, inactive or a false positive, and active again."""
    here = vendor(ips=20, lively=20, changes_per_minute=20, late_ratio=0, inactive=0, falsepos=0, history_days=10)
    seen: dict[int, list[str]] = {}
    for _ in range(20):
        here.clock.advance(60)
        for status in STATUSES:
            for told in here.objects(type="ip", status=status):
                seen.setdefault(told["id"], []).append(told["status"])
    assert all(len(states) == 20 for states in seen.values())
    paths = Counter(pair for states in seen.values() for pair in itertools.pairwise(states))
    assert {("active", "inactive"), ("inactive", "active"), ("active", "falsepos"), ("falsepos", "active")} <= set(paths)


def test_an_expired_one_stays_active_for_a_while(vendor):
    """After its expiration_ts an indicator is still given as active, but is no truth; later it is inactive, its update_id the same."""
    here = vendor(expired_active_secs=7_200)
    added = here.simulator.desk.add("ip", "192.0.2.7", expires_secs=60)
    uid = next(told["update_id"] for told in here.objects(type="ip") if told["id"] == added)
    assert (added, uid) in here.truth("ip")
    here.clock.advance(61)
    assert added in {told["id"] for told in here.objects(type="ip")}
    assert (added, uid) not in here.truth("ip")
    here.clock.advance(7_200)
    assert added not in {told["id"] for told in here.objects(type="ip")}
    assert (added, uid) in {(told["id"], told["update_id"]) for told in here.objects(type="ip", status="inactive")}


def test_it_may_stay_active_for_ever(vendor):
    """Where the settings say so, the vendor never notices that an indicator expired."""
    here = vendor(expired_active_secs=None, history_days=200)
    assert {told["status"] for told in here.walk(type="ip")} == {"active"}
    ids = {(told["id"], told["update_id"]) for told in here.walk(type="ip")}
    assert here.truth("ip") < ids


def test_late_changes_appear_below_update_ids_already_given():
    """Some changes become visible after ones with higher update ids, within the time set, and none is missing in the end."""
    population = Population(Settings(ips=100, new_per_minute=30, late_ratio=0.3, late_max_secs=300), "ip", START_MS)
    seen: set[int] = set()
    late = 0
    for minute in range(1, 61):
        now = {uid for _, uid, _ in standing(population, moment(minute))}
        fresh = now - seen
        late += sum(uid < max(seen, default=0) for uid in fresh)
        oldest = min(population.update_ids.moments(np.array(sorted(fresh))), default=0) if minute > 1 else START_MS
        assert oldest >= moment(minute).now_ms - (300 + 60) * 1000
        seen = now
    assert late > 100
    assert len([1 for number, _, _ in standing(population, moment(66)) if number >= 100]) >= 30 * 60


def test_late_ones_are_no_truth_before_they_are_visible(vendor):
    """The truth is what can be read now, and so has a late one only from then on."""
    here = vendor(ips=10)
    added = here.simulator.desk.add("ip", "192.0.2.8", late_secs=300)
    assert added not in {identifier for identifier, _ in here.truth("ip")}
    here.clock.advance(60)
    later = here.simulator.desk.add("ip", "192.0.2.9")
    here.clock.advance(240)
    uids = {told["id"]: told["update_id"] for told in here.objects(type="ip")}
    assert uids[added] < uids[later]
    assert {added, later} <= {identifier for identifier, _ in here.truth("ip")}


def test_paused_life_stands_still_while_time_moves(vendor):
    """After pause_life nothing comes or changes, what was late becomes visible, and resuming catches up."""
    here = vendor(ips=50, new_per_minute=20, changes_per_minute=20, late_ratio=0.5, lively=50)
    here.clock.advance(600)
    here.simulator.pause_life()
    here.clock.advance(300)
    settled = here.objects(type="ip", status="active")
    here.clock.advance(6_000)
    assert here.objects(type="ip", status="active") == settled
    assert max(told["update_id"] for told in settled) > 10**12
    here.simulator.resume_life()
    assert len(here.objects(type="ip")) > len(settled)


def test_the_same_seed_is_the_same_vendor(vendor):
    """Two simulators with one seed and one start give the same pages at every moment; another seed gives others."""
    told = []
    for seed in (1, 1, 2):
        here = vendor(seed=seed, start_ms=START_MS, new_per_minute=5, changes_per_minute=5)
        here.clock.advance(max(0, START_MS / 1000 + 3_600 - here.clock.now_ms() / 1000))
        told.append([here.page(order_by="update_id", limit=200, update_id__gt=10**12)["objects"], here.objects(type="email")])
    assert told[0] == told[1]
    assert told[0] != told[2]


lives = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 1_000),
        "ips": st.integers(0, 700),
        "history_days": st.sampled_from([0.01, 1, 90, 300]),
        "inactive": st.sampled_from([0, 0.07, 0.4]),
        "falsepos": st.sampled_from([0, 0.1]),
        "new_per_minute": st.sampled_from([0, 0.3, 7]),
        "changes_per_minute": st.sampled_from([0, 0.5, 11, 60]),
        "lively": st.integers(1, 90),
        "late_ratio": st.sampled_from([0, 0.2, 1]),
        "late_max_secs": st.sampled_from([1, 60, 900]),
        "expired_active_secs": st.sampled_from([None, 0, 86_400]),
    }
)


@given(lives, st.lists(st.integers(0, 150), min_size=1, max_size=3, unique=True).map(sorted), st.data())
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_any_life_keeps_the_vendors_laws(life, minutes, data):
    """Each id stands once with one update_id that never goes down, any reach gives the same rows as all of them, and counts agree."""
    population = Population(Settings(**life), "ip", START_MS)
    known: dict[int, int] = {}
    for minute in minutes:
        at = moment(minute)
        told = standing(population, at)
        uids = [uid for _, uid, _ in told]
        assert uids == sorted(set(uids))
        now = {number: uid for number, uid, _ in told}
        assert len(now) == len(told)
        assert all(now[number] >= uid for number, uid in known.items())
        known = now
        assert population.count(Reach(0, LAST_UID, EVERY), at) == len(told)
        low, high = sorted(data.draw(st.lists(st.sampled_from([0, *uids, LAST_UID]), min_size=2, max_size=2)))
        statuses = data.draw(st.sampled_from([EVERY, *(frozenset({place}) for place in EVERY)]))
        wanted = [row for row in told if low <= row[1] < high and row[2] in {STATUSES[place] for place in statuses}]
        assert standing(population, at, low, high, statuses) == wanted
        assert population.count(Reach(low, high, statuses), at) == len(wanted)
        for number, uid, _ in told[-60:]:
            assert population.one(number, at).uids.tolist() == [uid]


def test_months_later_the_counts_still_agree():
    """When lifetimes have run out and the vendor has noticed, counting by arithmetic is counting one by one."""
    settings_of = Settings(ips=300, new_per_minute=0.02, changes_per_minute=0.01, lively=50, expired_active_secs=86_400)
    population = Population(settings_of, "ip", START_MS)
    for days in (29, 31, 92, 400):
        at = moment(days * 1_440)
        for statuses in (EVERY, *(frozenset({place}) for place in EVERY)):
            assert population.count(Reach(0, LAST_UID, statuses), at) == len(standing(population, at, statuses=statuses))


@pytest.mark.parametrize("duplicates", [0, 0.2, 0.3, 0.4])
def test_a_set_share_of_values_stands_under_several_ids(vendor, duplicates):
    """20 to 40 % of the indicators repeat a value of another id, with details of their own and of the same kind."""
    here = vendor(hashes=1_000, duplicates=duplicates, history_days=10, inactive=0, falsepos=0)
    objects = here.objects(type="hash")
    by_value: dict[str, list[dict[str, object]]] = {}
    for told in objects:
        by_value.setdefault(told["value"], []).append(told)
    assert 1 - len(by_value) / len(objects) == pytest.approx(duplicates, abs=0.02)
    assert all(len({told["subtype"] for told in same}) == 1 for same in by_value.values())
    assert not duplicates or any(len({told["confidence"] for told in same}) > 1 for same in by_value.values())
