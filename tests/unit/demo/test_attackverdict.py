"""Tests of what the demo says of attacks: that one hit, count or time in the wrong place is seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from wellhead.consumers.attacks.rules import load_rules
from wellhead.demo.attackverdict import judged
from wellhead.demo.lag import Lag

RULE = load_rules(["wallarm/basic"]).base
LAG = Lag(hits=2, found=2, p50_secs=0.1, p99_secs=0.2, max_secs=0.2)
TRUTH = {"h1": "first", "h2": "first", "h3": "second"}
STORED = {"h1": "a", "h2": "a", "h3": "b"}
RECORDS = {
    name: {"id": name, "time": datetime.fromtimestamp(secs, UTC), "ip": ip}
    for name, secs, ip in (("h1", 10, "192.0.2.1"), ("h2", 20, "192.0.2.2"), ("h3", 30, None))
}
ATTACKS = {
    "a": {"id": "a", "hits": 2, "first_time": 10_000, "last_time": 20_000, "ip_count": 2},
    "b": {"id": "b", "hits": 1, "first_time": 30_000, "last_time": 30_000, "ip_count": 0},
}


def verdict(*, truth=TRUTH, stored=STORED, attacks=ATTACKS, records=RECORDS, lag=LAG):
    return judged(truth, stored, attacks, records, rule=RULE, lag=lag)


def numbers(made):
    return made.missing, made.extra, made.altered


def test_attacks_that_are_as_the_vendor_made_them_are_ok_whatever_their_names():
    """The same hits together, told by the right counts and times, are the same attacks."""
    made = verdict()
    assert made.ok
    assert (made.hits, made.hits_stored, made.truth, made.attacks, *numbers(made)) == (3, 3, 2, 2, 0, 0, 0)
    assert made.as_json()["ok"] is True


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ({"h1": "a", "h2": "b", "h3": "b"}, (2, 2, 2)),  # a hit in another attack
        ({"h1": "a", "h2": "a", "h3": "a"}, (2, 1, 2)),  # two attacks taken for one
        ({"h1": "a", "h2": "c", "h3": "b"}, (1, 2, 2)),  # one attack torn in two
        ({"h1": "a", "h2": "a"}, (1, 0, 1)),  # a hit that is not stored
    ],
)
def test_hits_in_other_company_than_the_vendors_are_seen(stored, expected):
    """A hit in another attack, two attacks in one, one in two, and a lost hit each make attacks missing, extra or altered."""
    made = verdict(stored=stored)
    assert not made.ok
    assert numbers(made) == expected


@pytest.mark.parametrize("change", [{"hits": 3}, {"first_time": 9_999}, {"last_time": 20_001}, {"ip_count": 1}])
def test_an_attack_that_tells_other_counts_or_times_than_its_hits_have_is_seen(change):
    """Each number of an attack is held against the hits in the topic."""
    made = verdict(attacks={**ATTACKS, "a": ATTACKS["a"] | change})
    assert not made.ok
    assert numbers(made) == (0, 0, 1)


def test_hits_of_an_attack_without_a_document_are_seen():
    """An attack that stands in its hits alone is altered."""
    made = verdict(attacks={"a": ATTACKS["a"]})
    assert not made.ok
    assert numbers(made) == (0, 0, 1)


def test_a_hit_whose_attack_no_search_finds_is_no_ok():
    """The lag counts only what was found, so what was not found must be told."""
    assert not verdict(lag=replace(LAG, found=1)).ok


def test_no_hits_at_all_are_no_ok():
    """Nothing wrong about nothing is no proof."""
    assert not verdict(truth={}, stored={}, attacks={}, records={}).ok
