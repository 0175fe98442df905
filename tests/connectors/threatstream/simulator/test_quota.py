"""The quota of a day is counted, told and kept, and what was called is known by type."""

from __future__ import annotations

import pytest

DAY_SECS = 86_400


@pytest.mark.parametrize(("form", "status"), [("429", 429), ("207", 207)])
def test_beyond_the_quota_calls_are_refused_until_the_day_is_over(vendor, form, status):
    """Three calls a day: the fourth is refused and told to wait until midnight UTC, the first of the next day is not."""
    here = vendor(quota_per_day=3, quota_form=form)
    here.clock.advance(DAY_SECS - here.clock.now_ms() // 1000 % DAY_SECS + 1_000)
    assert [here.ask().status_code for _ in range(4)] == [200, 200, 200, status]
    assert here.ask().headers["Retry-After"] == str(DAY_SECS - 1_000)
    here.clock.advance(DAY_SECS - 1_000)
    assert here.ask().status_code == 200


def test_headers_tell_what_is_left_where_set(vendor):
    """X-RateLimit-Limit, -Remaining and -Reset, or none of them."""
    here = vendor(quota_per_day=5, quota_headers="x-ratelimit")
    told = [here.ask().headers for _ in range(6)]
    assert [headers["X-RateLimit-Remaining"] for headers in told] == ["4", "3", "2", "1", "0", "0"]
    assert {headers["X-RateLimit-Limit"] for headers in told} == {"5"}
    assert 0 < int(told[0]["X-RateLimit-Reset"]) <= DAY_SECS
    assert not [name for name in vendor().ask().headers if name.startswith("x-ratelimit")]


def test_only_what_is_let_in_is_counted(vendor):
    """A wrong key and an injected status cost nothing; the quota may be absent."""
    here = vendor(quota_per_day=1, faults=["http_500"])
    assert [here.ask().status_code, here.ask(headers={}).status_code, here.ask().status_code] == [500, 401, 200]
    assert [vendor(quota_per_day=None).ask().status_code for _ in range(3)] == [200] * 3


def test_calls_are_told_by_type(vendor):
    """The state says how many calls each type cost, and how many the day has had."""
    here = vendor()
    for kind in ("ip", "ip", "hash"):
        here.ask(type=kind)
    here.ask()
    state = here.http.get(f"{here.url}/_sim/state").json()
    told = state["state"]
    assert (told["calls"], told["calls_today"]) == ({"ip": 2, "hash": 1, "(all)": 1}, 4)
    assert told["start_ms"] == here.simulator.start_ms
    for kind, counts in told["indicators"].items():
        assert counts == {status: len(here.objects(type=kind, status=status)) for status in ("active", "inactive", "falsepos")}
    assert state["open_connections"] == 0  # the one that asks is not counted
