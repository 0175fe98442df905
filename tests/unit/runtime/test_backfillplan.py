"""Proves that a backfill's cost is told from the live stream's rate, and not at all where that says nothing."""

from wellhead.recovery.forecast import Run
from wellhead.runtime.backfill import Backfill
from wellhead.runtime.backfillplan import _expected

HOUR_MS = 3_600_000


def runs(*started_hours, records=100):
    """Give runs, the first of which read a long history."""
    return [
        Run(str(number), None, {}, int(hour * HOUR_MS), 0, 1_000_000 if number == 0 else records, 0, 10)
        for number, hour in enumerate(started_hours)
    ]


def span(hours):
    return Backfill("b", "s", "t", 0, int(hours * HOUR_MS))


def test_the_rate_is_that_of_live_runs():
    """The first run on record, which may have read a year, does not count."""
    told = _expected(runs(0, 1, 2, 3), span(1.5), now_ms=4 * HOUR_MS)
    assert (told["records"], told["api_calls"]) == (150, 15)


def test_what_the_runs_do_not_cover_is_unknown():
    """A span longer than what is on record, or a record of one run, is no ground for a number."""
    short = _expected(runs(0, 3), span(2), now_ms=4 * HOUR_MS)
    assert (short["records"], short["api_calls"]) == (None, None)
    assert "cover 1.0 h" in short["note"]
    assert _expected(runs(0), span(1), now_ms=4 * HOUR_MS)["records"] is None
    assert _expected([], span(1), now_ms=4 * HOUR_MS)["records"] is None
