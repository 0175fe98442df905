"""Alerts stand by the operator's thresholds, and go when what they were about is over."""

import pytest

from wellhead.telemetry.tally import Quota


@pytest.fixture
def stands(scrape):
    def read():
        return {
            alert
            for alert in ("quota_low", "slow_call", "failures", "run_limit")
            if scrape("wellhead_source_alert", wellhead_alert=alert)
        }

    return read


def test_a_healthy_task_has_none(task, scrape, stands):
    """Each alert is shown as 0, so that a rule can tell quiet from absent."""
    task.api_call("api.example.com", 200, 1.0, 1)
    assert scrape("wellhead_source_alert", wellhead_alert="quota_low") == 0
    assert stands() == set()


@pytest.mark.parametrize(
    ("quota", "low"),
    [(Quota(99, 6000, 100), True), (Quota(100, 6000, 100), False), (Quota(None, None, 100), False), (Quota(0), False)],
)
def test_the_quota_is_low_below_the_reserve(task, stands, quota, low):
    """The reserve is the threshold; without one, or with nothing known, there is no alert."""
    task.quota(lambda: quota)
    assert ("quota_low" in stands()) is low


def test_a_slow_call_stands_for_a_quarter_of_an_hour(task, clock, scrape, stands):
    """A call over the threshold is counted and stands; one at it does not."""
    task.alert_at(call_secs=60, failure_ratio=0.05)
    task.api_call("api.example.com", 200, 60.0, 1)
    assert stands() == set()
    task.api_call("api.example.com", 200, 60.1, 1)
    assert (stands(), scrape("wellhead_api_slow_count_total")) == ({"slow_call"}, 1)
    clock.advance(900)
    assert (stands(), scrape("wellhead_api_slow_count_total")) == (set(), 1)


def test_too_many_failures_of_the_last_hundred_calls(task, stands):
    """Six of a hundred are too many, five are not; a failure is 4xx, 5xx or no answer, and old ones are forgotten."""
    for status in (*[200] * 94, 304, 404, 429, 500, None, 503):
        task.api_call("api.example.com", status, 1.0, 1)
    assert stands() == set()
    task.api_call("api.example.com", 500, 1.0, 1)
    assert stands() == {"failures"}
    task.alert_at(call_secs=60, failure_ratio=0.06)
    assert stands() == set()
    task.alert_at(call_secs=60, failure_ratio=0.05)
    for _ in range(100):
        task.api_call("api.example.com", 200, 1.0, 1)
    assert stands() == set()


def test_a_few_calls_are_no_rate(task, stands):
    """One failure of the first two calls is no share of anything."""
    for status in (500, 200):
        task.api_call("api.example.com", status, 1.0, 1)
    assert stands() == set()


def test_a_run_that_hit_its_limit_stands_until_one_does_not(task, stands):
    """The last run's outcome counts."""
    task.run_ended("limit_reached")
    assert stands() == {"run_limit"}
    task.run_ended("caught_up")
    assert stands() == set()
