"""Tests of the metrics of lookups."""

import pytest

from wellhead.telemetry.lookups import ALERTS, FileTally, LookupTally


@pytest.fixture
def tally(telemetry, clock):
    made = LookupTally("ti", clock.now_ms(), stale_after_secs=100)
    telemetry.add_lookup(made)
    return made


def test_sizes_and_ages_are_by_file(tally, clock, scrape):
    """Rows, bytes, ratio, missing runs, and ages at the time of the scrape."""
    tally.files["a.csv"] = FileTally(7, 700, 0.9, clock.now_ms() - 60_000, clock.now_ms(), 2)
    clock.advance(30)
    labels = {"wellhead_lookup": "ti", "wellhead_lookup_file": "a.csv"}
    assert scrape("wellhead_lookup_file_rows", **labels) == 7
    assert scrape("wellhead_lookup_file_size_bytes", **labels) == 700
    assert scrape("wellhead_lookup_file_ratio", **labels) == 0.9
    assert scrape("wellhead_lookup_file_missing_runs", **labels) == 2
    assert scrape("wellhead_lookup_newest_age_seconds", **labels) == 90
    assert scrape("wellhead_lookup_delivery_age_seconds", **labels) == 30


def test_what_has_not_happened_is_absent(tally, scrape):
    """An age of nothing is no number."""
    tally.files["a.csv"] = FileTally()
    for name in ("file_ratio", "newest_age_seconds", "delivery_age_seconds"):
        assert scrape(f"wellhead_lookup_{name}", wellhead_lookup_file="a.csv") is None


def test_each_alert_is_a_series_of_its_own(tally, clock, scrape):
    """Those of the lookup, of its files, and of time passing without a good run; 0 while they do not stand."""
    tally.files["a.csv"] = FileTally(alerts=frozenset({"shrunk"}))
    tally.alerts = frozenset({"run_failed"})
    clock.advance(101)
    assert {alert for alert in ALERTS if scrape("wellhead_lookup_alert", wellhead_alert=alert) == 1} == {
        "shrunk",
        "run_failed",
        "stale",
    }
    tally.last_good_ms = clock.now_ms()
    tally.files.clear()
    tally.alerts = frozenset()
    assert {scrape("wellhead_lookup_alert", wellhead_alert=alert) for alert in ALERTS} == {0}


def test_the_failure_ratio_is_of_the_last_hundred(tally, scrape):
    """Old failures wear off."""
    assert scrape("wellhead_lookup_delivery_failure_ratio") == 0
    tally.recent.extend([False] * 5 + [True] * 95)
    assert scrape("wellhead_lookup_delivery_failure_ratio") == 0.05
    tally.recent.extend([True] * 5)
    assert scrape("wellhead_lookup_delivery_failure_ratio") == 0
