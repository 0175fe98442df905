"""Tests of what a person woken by a finding is told."""

import pytest
from watchable import NOON_MS, finding, settings

from wellhead.consumers.floods.explain import explained, headline, matching
from wellhead.consumers.floods.findings import Client, Suggestion
from wellhead.consumers.floods.known import GatewayView


def told(found, **words):
    return "\n".join(explained(found, settings(**words), NOON_MS + 120_000))


def test_a_finding_is_told_from_the_first_line_to_the_evidence():
    """What, where, since when, by which limit, what to do, what was seen; in this order."""
    lines = told(finding(clients=3, clients_top=(Client("192.0.2.1", 40),))).splitlines()
    assert lines[0] == ("proxy-1: 1,800 connections to *.ticker.example without a client that could use them (at least 1,700)")
    text = "\n".join(lines)
    for part in (
        "state       OPEN",
        "since       2026-02-03 11:59:00 UTC (3.0 min ago)",
        "limits      orphan.max = 100, orphan.secs = 15",
        "growth      +120 connections a minute",
        "clients     3, most of all 192.0.2.1 (40)",
        "names       p1.ticker.example, p2.ticker.example",
        "id          f1",
        "What to do now:",
        "1. Let the gateway's content filter pass *.ticker.example by.",
        "No bypass.file is set: write *.ticker.example into the gateway's own bypass list",
        'add to floods.proxies.destinations\n       - {match: "*.ticker.example", limits: {orphan.max: ...}}',
        "10.0.0.1:40112  198.51.100.7:443  p1.ticker.example  15.0 min  14.0 min  512 B  20,480 B  filter",
    ):
        assert part in text
    assert text.index("What to do now:") < text.index("What was seen")


def test_the_bypass_says_whether_it_is_done_already():
    """In the file, kept out of it, or nothing a file may hold."""
    assert "*.ticker.example is in /tmp/b.txt already" in told(finding(), bypass={"file": "/tmp/b.txt"})
    kept = told(finding(), bypass={"file": "/tmp/b.txt", "allow": "p9.ticker.example"})
    assert "is NOT in the bypass file: bypass.allow holds p9.ticker.example" in kept
    odd = told(finding(suggestion=Suggestion("bypass", "*.com", "x")), bypass={"file": "/tmp/b.txt"})
    assert "'*.com' is nothing a bypass file may hold" in odd


def test_a_closed_finding_asks_for_nothing():
    """Why it closed is told; what nobody knows any more is not called well."""
    below = told(finding(kind="closed", reason="below"))
    assert "closed 2.0 min ago: it is below its limit again" in below
    assert "Nothing has to be done now." in below
    assert "nothing was heard of the gateway any more" in told(finding(kind="closed", reason="silent"))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"detector": "established", "family": "*"}, "proxy-1: 1,800 established connections in all (90% of 2,000)"),
        ({"detector": "established"}, "proxy-1: 1,800 established connections to *.ticker.example (90% of 2,000)"),
        ({"detector": "share"}, "proxy-1: 90% of 2,000 connections to destinations are to *.ticker.example (1,800)"),
        ({"detector": "idle"}, "proxy-1: 1,800 idle connections to *.ticker.example (90% of 2,000)"),
        ({"detector": "growth"}, "proxy-1: 120 more connections a minute to *.ticker.example (1,800 now)"),
        (
            {"detector": "idle", "approximate": True, "gateway": ""},
            "a gateway without a name: about 1,800 idle connections to *.ticker.example (90% of 2,000)",
        ),
    ],
)
def test_each_detector_says_what_it_counted(changes, line):
    """In one sentence."""
    assert headline(finding(**changes)) == line


def test_the_limit_of_a_whole_gateway_is_its_own():
    """There is no destination to raise it for."""
    text = told(finding(detector="established", family="*", suggestion=Suggestion("raise_limit", None, "See the others.")))
    assert "raise floods.proxies.limits (total.max)" in text


def test_findings_are_found_by_id_or_gateway():
    """The beginning of an id; all that stand at a gateway, or the last that stood there."""
    first, second = finding("abc1"), finding("abd2", kind="closed", time_ms=NOON_MS - 5)
    third = finding("abe3", kind="closed", time_ms=NOON_MS - 1, gateway="proxy-2")
    views = [GatewayView("proxy-1", "t", NOON_MS, {}, (first, second)), GatewayView("proxy-2", "t", NOON_MS, {}, (third,))]
    assert matching(views, "ab") == [first, second, third]
    assert matching(views, "abd") == [second]
    assert matching(views, "proxy-1") == [first]
    assert matching(views, "proxy-2") == [third]
    assert matching(views, "proxy-3") == matching(views, "") == []
