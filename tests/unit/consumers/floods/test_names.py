from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from wellhead.consumers.floods.names import AGE_MS, HOSTS_PER_ADDRESS, Names

NOW = 1_770_000_000_000


def test_names_of_one_domain_make_their_addresses_one_family():
    """p1, p2, p3 at three addresses are one; an address without a name is itself."""
    names = Names(100)
    for number in (1, 2, 3):
        names.learn(f"198.51.100.{number}", f"p{number}.example.net", NOW)
    assert {names.family_at(f"198.51.100.{number}") for number in (1, 2, 3)} == {"*.example.net"}
    assert names.family_at("198.51.100.9") == "198.51.100.9"
    assert names.hosts_at("198.51.100.1") == ("p1.example.net",)


def test_an_address_that_several_sites_share_is_nobodys():
    """A hoster's address stays an address: nothing tells which of its sites a connection is to."""
    names = Names(100)
    for number in range(5):
        names.learn("198.51.100.1", f"www.shop{number}.example", NOW)
    names.learn("198.51.100.2", "www.shop0.example", NOW)
    assert names.family_at("198.51.100.1") == "198.51.100.1"
    assert names.family_at("198.51.100.2") == "*.shop0.example"
    assert len(names.hosts_at("198.51.100.1")) == 5


def test_one_service_under_two_names_is_one_family():
    """Domains that stand together at the same servers are one family, under the name known first."""
    names = Names(100)
    for number in (1, 2, 3):
        names.learn(f"198.51.100.{number}", f"p{number}.results.example", NOW + number)
        names.learn(f"198.51.100.{number}", f"p{number}.livesport.example", NOW)
    assert {names.family_at(f"198.51.100.{number}") for number in (1, 2, 3)} == {"*.livesport.example"}
    assert names.family_named("www.results.example") == "*.livesport.example"


def test_customers_of_one_host_are_not_one_family():
    """Two domains at the same two addresses, or at three of which one has more, are strangers: neither stands for the other."""
    names = Names(100)
    for number in (1, 2):
        names.learn(f"198.51.100.{number}", "www.bank.example", NOW)
        names.learn(f"198.51.100.{number}", "push.evil.example", NOW + 1)
    assert names.family_named("push.evil.example") == "*.evil.example"
    assert names.family_at("198.51.100.1") == "198.51.100.1"
    for number in (3, 4, 5):
        names.learn(f"198.51.100.{number}", "www.bank.example", NOW)
    names.learn("198.51.100.3", "push.evil.example", NOW + 1)
    assert names.family_named("push.evil.example") == "*.evil.example"


def test_a_hoster_of_many_sites_at_two_addresses_joins_none_of_them():
    """Beyond a few domains an address tells nothing of who belongs together."""
    names = Names(100)
    for number in range(12):
        for at in (1, 2):
            names.learn(f"198.51.100.{at}", f"www.shop{number}.example", NOW)
    assert names.family_named("www.shop3.example") == "*.shop3.example"
    assert names.family_at("198.51.100.1") == "198.51.100.1"


def test_what_is_remembered_is_bounded_and_ages():
    """Of too many addresses those seen last stay, of too many names at one likewise, and none longer than a day."""
    names = Names(3)
    for number in range(10):
        names.learn(f"198.51.100.{number}", "www.example.net", NOW + number)
        names.learn("198.51.100.200", f"w{number}.example.net", NOW + 100)
    for number in range(40):
        names.learn("198.51.100.200", f"x{number}.example.net", NOW + 200 + number)
    names.forget(NOW + 300)
    kept = names.kept()["hosts"]
    assert set(kept) == {"198.51.100.200", "198.51.100.9", "198.51.100.8"}
    assert len(kept["198.51.100.200"]) == HOSTS_PER_ADDRESS
    names.forget(NOW + AGE_MS + 1000)
    assert names.kept() == {"hosts": {}, "first": {}}


def test_what_is_no_name_is_not_learned():
    """Addresses, and texts that are no name, name nothing."""
    names = Names(10)
    for address, host in (("198.51.100.1", "198.51.100.1"), ("198.51.100.1", "a..b"), ("nowhere", "www.example.net")):
        names.learn(address, host, NOW)
    assert names.kept()["hosts"] == {}


SEEN = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 5), st.integers(0, 1000)), max_size=40)


@given(SEEN, SEEN)
def test_names_go_on_from_json_as_if_nothing_had_been(before, after):
    """What is kept, read again, gives the same families whatever comes then."""
    first, second = Names(4), Names(4)
    for address, domain, time_ms in before:
        first.learn(f"198.51.100.{address}", f"w.d{domain}.example", NOW + time_ms)
    first.forget(NOW)
    second.restore(json.loads(json.dumps(first.kept())))
    for names in (first, second):
        for address, domain, time_ms in after:
            names.learn(f"198.51.100.{address}", f"w.d{domain}.example", NOW + time_ms)
        names.forget(NOW + 1000)
    assert second.kept() == first.kept()
    at = [f"198.51.100.{number}" for number in range(1, 7)]
    assert [second.family_at(one) for one in at] == [first.family_at(one) for one in at]
