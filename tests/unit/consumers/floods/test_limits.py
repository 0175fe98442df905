from __future__ import annotations

import pytest

from wellhead.consumers.floods.limits import DestinationLimits, FloodLimits, matches


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("*.ticker.example", "*.ticker.example"),
        ("*.ticker.example", "p1.ticker.example"),
        ("*.ticker.example", "ticker.example"),
        ("*.Ticker.example.", "P1.TICKER.example"),
        ("p?.ticker.example", "p1.ticker.example"),
        ("198.51.100.7", "198.51.100.7"),
        ("198.51.100.0/24", "198.51.100.7"),
        ("2001:db8::/32", "2001:db8:1::7"),
        ("*", "anything"),
    ],
)
def test_a_pattern_is_of_names_and_networks(pattern, name):
    """Names match by `*` and `?` in any case, addresses by their network, too."""
    assert matches(pattern, name)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("*.ticker.example", "myticker.example"),
        ("*.ticker.example", "ticker.example.net"),
        ("198.51.100.0/24", "198.51.101.7"),
        ("198.51.100.0/24", "p1.example.net"),
        ("2001:db8::/32", "198.51.100.7"),
        ("0.0.0.0/0", "::1"),
    ],
)
def test_a_pattern_is_of_nothing_else(pattern, name):
    """A pattern ends where its label, its network or its kind of address ends."""
    assert not matches(pattern, name)


def test_the_first_destination_that_matches_gives_its_limits_and_the_gateway_the_rest():
    """Limits that a destination does not have are the gateway's."""
    own = (DestinationLimits("p1.ticker.example", idle_max=7), DestinationLimits("*.ticker.example", idle_max=9, share_max=0.9))
    limits = FloodLimits(established_max=50, destinations=own)
    assert limits.of(["*.ticker.example", "p1.ticker.example"]).idle_max == 7
    found = limits.of(["*.ticker.example", "p2.ticker.example"])
    assert (found.idle_max, found.share_max, found.established_max) == (9, 0.9, 50)
    assert limits.of(["*.other.example"]).idle_max == FloodLimits().idle_max


def test_limits_of_some_gateways_replace_only_what_they_name():
    """None replaces nothing; what is no limit is refused by name."""
    assert FloodLimits().changed({"share_max": 0.7, "idle_max": None}) == FloodLimits(share_max=0.7)
    with pytest.raises(ValueError, match="no such limit: shares_max"):
        FloodLimits().changed({"shares_max": 0.7})
