"""Tests of what the parts of flood watches report."""

import pytest

from wellhead.telemetry.floods import BypassTally, FlowTally


@pytest.fixture
def flow(telemetry, clock):
    made = FlowTally("proxies", clock, 60, topic="gate.connection")
    telemetry.add_part(made)
    return made


@pytest.fixture
def bypass(telemetry, clock):
    made = BypassTally("proxies", clock)
    telemetry.add_part(made)
    return made


def test_totals_of_a_flow_are_shown(flow, scrape):
    """Records, dead letters, findings by detector and event, state, and how often it was read again."""
    flow.watched(7)
    flow.rejected(2)
    flow.committed([("idle", "opened"), ("idle", "opened"), ("share", "closed")], 900)
    flow.committed([], 100)
    flow.rebuilt("gained")
    name = {"wellhead_floods": "proxies", "wellhead_topic": "gate.connection"}
    assert scrape("wellhead_floods_record_count_total", **name) == 7
    assert scrape("wellhead_floods_reject_count_total", **name) == 2
    assert scrape("wellhead_floods_finding_count_total", **name, wellhead_detector="idle", wellhead_event="opened") == 2
    assert scrape("wellhead_floods_commit_count_total", **name) == 2
    assert scrape("wellhead_floods_state_size_bytes_total", **name) == 1000
    assert scrape("wellhead_floods_rebuild_count_total", **name, wellhead_reason="gained") == 1
    assert "dropped" in flow.health()["alerts"]


def test_open_findings_are_told_by_gateway_within_bounds(flow, scrape):
    """What was open and is no more is gone from the page; a crowd of gateways, or a name that is no word, is one label."""
    flow.open_findings({"proxy-1": ["idle", "share"], "proxy-2": []})
    open_now = "wellhead_floods_open"
    assert scrape(open_now, wellhead_gateway="proxy-1", wellhead_detector="idle") == 1
    flow.open_findings({"proxy-1": ["share"], "a b\n": ["share"]} | {f"g{number}": ["share"] for number in range(100)})
    assert scrape(open_now, wellhead_gateway="proxy-1", wellhead_detector="share") == 1
    assert scrape(open_now, wellhead_gateway="other", wellhead_detector="share") > 50
    assert len(flow.known) <= 33
    assert flow.health()["open_findings"] == 102


def test_the_bypass_file_tells_how_it_is(bypass, clock, scrape):
    """How many entries, how many kept out, and for how long nobody has looked."""
    bypass.written(3, 1, changed=True)
    bypass.written(3, 1, changed=False)
    clock.advance(30)
    name = {"wellhead_floods": "proxies"}
    assert scrape("wellhead_floods_bypass_entries", **name) == 3
    assert scrape("wellhead_floods_bypass_kept_out", **name) == 1
    assert scrape("wellhead_floods_bypass_write_count_total", **name) == 1
    assert scrape("wellhead_floods_bypass_age_seconds", **name) == 30
