"""Tests of what `wellhead lookup status` says."""

from wellhead.config.lookup import LookupSettings
from wellhead.consumers.lookup import report as reports
from wellhead.consumers.lookup.report import FileReport, RunReport
from wellhead.consumers.lookup.status import OVERDUE_MS, status_of, table_of

NOW_MS = 1_767_225_600_000


def settings(folder):
    return LookupSettings.model_validate({"name": "ti", "topic": "t", "files": "a", "state.dir": folder, "output.dir": "o"})


def report(**more):
    return RunReport(lookup="ti", target="directory", started_ms=NOW_MS - 5_000, ended_ms=NOW_MS - 4_000, **more)


def test_before_the_first_run_the_way_on_is_told(tmp_path):
    """There is nothing to show but what to do."""
    state = status_of(settings(tmp_path), NOW_MS)
    assert (state["files"], state["wrong"]) == ([], ["ti has not run yet: start it with `wellhead lookup run`"])
    assert list(table_of(state, NOW_MS))[-1].startswith("  ! ti has not run yet")


def test_the_table_shows_each_file(tmp_path):
    """Rows, bytes, newest change, delivery, alerts, and problems below."""
    files = [
        FileReport(file="a.csv", rows=1_200, nbytes=34_000, newest_ms=NOW_MS - 7_200_000, right_ms=NOW_MS - 4_000),
        FileReport(file="b.csv", alerts=["shrunk"], problem="b.csv is held back"),
    ]
    reports.write(tmp_path, report(next_ms=NOW_MS + 896_000, rows=5_000, files=files))
    assert list(table_of(status_of(settings(tmp_path), NOW_MS), NOW_MS)) == [
        "lookup ti: to directory, every 900 s",
        "  last run 4 s ago, next run in 15 min, 5,000 records in the state",
        "  file    rows   bytes  newest   delivered",
        "  a.csv  1,200  34,000  2 h ago  4 s ago    ok",
        "  b.csv      0       0  -        -          shrunk",
        "  ! b.csv is held back",
    ]


def test_a_run_that_does_not_come_means_that_nobody_runs_it(tmp_path):
    """Status alone finds a service that is dead."""
    reports.write(tmp_path, report(next_ms=NOW_MS))
    assert status_of(settings(tmp_path), NOW_MS + OVERDUE_MS)["wrong"] == []
    (wrong,) = status_of(settings(tmp_path), NOW_MS + OVERDUE_MS + 1)["wrong"]
    assert "see that `wellhead lookup run` is running" in wrong


def test_after_a_single_run_nothing_is_due(tmp_path):
    """A CronJob's lookup is not overdue."""
    reports.write(tmp_path, report())
    assert status_of(settings(tmp_path), NOW_MS * 2)["wrong"] == []


def test_a_report_that_cannot_be_read_counts_as_none(tmp_path):
    """A file of another version does no harm."""
    (tmp_path / reports.NAME).write_text("{}")
    assert reports.read(tmp_path) is None
