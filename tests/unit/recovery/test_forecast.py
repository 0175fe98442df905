from wellhead.recovery.forecast import Quota, Run, forecast
from wellhead.recovery.way import Between, Step


def run(name, records, calls, secs, rejects=0):
    return Run(name, None, None, 0, int(secs * 1000), records, rejects, calls)


def step(run_id, records, rejects=0):
    return Step({"n": 0}, {"n": 1}, 0, run_id, records, rejects)


def test_a_run_counts_by_the_share_that_comes_again():
    """Calls and minutes of a run that is read again in part are the same part of its own."""
    between = Between("back", [step("a", 50), step("b", 100, rejects=20)])
    told = forecast(between, {"a": run("a", 100, 40, 600), "b": run("b", 100, 10, 60, rejects=20)})
    assert (told.records, told.rejects, told.api_calls, told.minutes) == (150, 20, 30, 6.0)
    assert (told.quota_minutes, told.quota_ratio, told.note) == (None, None, "")


def test_an_unknown_way_has_no_numbers():
    """Where the way is not known every number is None, and the reason is told."""
    told = forecast(None, {}, why_not="nobody knows")
    assert told.direction == "unknown"
    assert (told.records, told.rejects, told.api_calls, told.minutes, told.quota_minutes) == (None,) * 5
    assert told.note == "nobody knows"


def test_runs_off_record_leave_calls_unknown():
    """Records are known from the moves alone; calls and minutes are not guessed when no run is on record."""
    told = forecast(Between("back", [step("gone", 7)]), {})
    assert (told.records, told.api_calls, told.minutes) == (7, None, None)
    assert "cannot be known" in told.note


def test_some_runs_off_record_are_said_to_be_missing():
    """Where some runs are off record, the others stand for them and the forecast says so."""
    told = forecast(Between("back", [step("a", 100), step("gone", 100)]), {"a": run("a", 100, 10, 60)})
    assert (told.records, told.api_calls, told.minutes) == (200, 20, 2.0)
    assert "1 of 2 runs" in told.note


def test_passing_over_costs_nothing():
    """A cursor that goes forward asks the vendor nothing for what it passes over."""
    told = forecast(Between("forward", [step("a", 100)]), {"a": run("a", 100, 10, 60)})
    assert (told.direction, told.records, told.api_calls, told.minutes) == ("forward", 100, 0, 0.0)


def test_the_quota_bounds_the_time():
    """A call every 6 s and 100 calls a day: 50 calls take half a day and half the day's calls."""
    told = forecast(Between("back", [step("a", 100)]), {"a": run("a", 100, 50, 60)}, Quota(6, 100))
    assert (told.quota_minutes, told.quota_ratio) == (720.0, 0.5)
    by_interval = forecast(Between("back", [step("a", 100)]), {"a": run("a", 100, 50, 60)}, Quota(6))
    assert (by_interval.quota_minutes, by_interval.quota_ratio) == (5.0, None)


def test_the_same_place_costs_nothing():
    """Where nothing lies between, nothing comes again."""
    told = forecast(Between("none", []), {})
    assert (told.direction, told.records, told.api_calls) == ("none", 0, 0)
