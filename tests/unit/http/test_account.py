"""One process in a group: when it reports, what it says, and when what it is granted may begin."""

import pytest

from wellhead.http import CallRecord
from wellhead.http.account import ECHO_SECS, SIGN_OF_LIFE_SECS, GroupAccount
from wellhead.http.reports import Claim, Report
from wellhead.http.share import Share
from wellhead.http.sharing import valid_ms

STAMP_MS = 1_700_000_000_000


class Bench:
    """An account and the log it reads, with half a second between the two clocks' steps."""

    def __init__(self, calls=80, first=0, is_start=True):
        self.woken = 0
        self.account = GroupAccount("m", self._wake)
        self.share = Share("feed", True, calls, 10_000)
        self.account.add(self.share)
        self.account.begin(first, is_start=is_start)
        self.offset = first - 1

    def _wake(self):
        self.woken += 1

    def read(self, report, stamp_ms):
        self.offset += 1
        self.account.read(self.offset, stamp_ms, report)

    def call(self, status=200, secs=0.1, **said):
        said = {"quota_remaining": None, **said}
        return CallRecord("v.example", "GET", status, secs, 0, retried=False, **said)


def test_who_waits_is_told_of_at_once_and_served_when_the_log_is_read():
    """The first call of a process costs one way to the log and back."""
    bench = Bench()
    bench.share.callers = 1
    assert not bench.account.take(bench.share, 100.0)
    report = bench.account.report(100.0)
    assert report is not None
    assert report.claims["feed"].target == 1
    bench.read(report, STAMP_MS)
    assert bench.woken == 1
    assert bench.account.take(bench.share, 100.02)
    assert not bench.account.take(bench.share, 100.02)


def test_a_grant_ages_from_the_sending_of_the_report():
    """However late the log is read, a call begins no later than its time after the report was sent."""
    for late, may in ((valid_ms(10_000) / 1000 - 0.01, True), (valid_ms(10_000) / 1000, False)):
        bench = Bench()
        bench.share.callers = 1
        report = bench.account.report(100.0)
        assert report is not None
        bench.read(report, STAMP_MS)
        assert bench.account.take(bench.share, 100.0 + late) is may


def test_one_report_at_a_time():
    """While a report has not come back none follows, until it must be thought lost."""
    bench = Bench()
    bench.share.callers = 1
    assert bench.account.report(100.0) is not None
    assert bench.account.report(100.0 + ECHO_SECS - 0.1) is None
    assert bench.account.report(100.0 + ECHO_SECS) is not None


def test_who_has_nothing_to_say_gives_a_sign_of_life_only():
    """An idle process costs a message every ten seconds, and is counted as there."""
    bench = Bench()
    report = bench.account.report(100.0)
    assert report is not None
    bench.read(report, STAMP_MS)
    assert bench.account.report(100.0 + SIGN_OF_LIFE_SECS - 0.1) is None
    assert bench.account.report(100.0 + SIGN_OF_LIFE_SECS) is not None


@pytest.mark.parametrize(
    ("said", "pause_ms"),
    [({}, 10_000), ({"retry_after_secs": 30.0}, 30_000), ({"quota_remaining": 0, "quota_renews_in_secs": 7.0}, 7_000)],
)
def test_a_refusal_is_told_with_the_time_the_vendor_asks_for(said, pause_ms):
    """Retry-After, else the renewal, else a window; told at once, and the process itself stops with what it has."""
    bench = Bench()
    bench.share.callers = 2
    report = bench.account.report(100.0)
    assert report is not None
    bench.read(report, STAMP_MS)
    assert bench.account.take(bench.share, 100.1)
    bench.account.answered(bench.share, bench.call(429, **said), 100.2)
    report = bench.account.report(100.2)
    assert report is not None
    assert report.pause_ms == pause_ms
    bench.read(report, STAMP_MS + 200)
    assert not bench.account.take(bench.share, 100.3)


def test_what_the_vendor_says_is_told_with_what_was_known_then():
    """The count holds for the calls that had ended when the call began."""
    bench = Bench()
    bench.share.callers = 1
    report = bench.account.report(100.0)
    assert report is not None
    bench.read(report, STAMP_MS)
    assert bench.account.take(bench.share, 100.1)
    bench.read(Report("other", 1, {"feed": Claim(True, 0, 80, 10_000)}), STAMP_MS + 100)
    said = bench.call(secs=0.2, quota_remaining=5, quota_renews_in_secs=4.0)
    bench.account.answered(bench.share, said, 100.3)
    report = bench.account.report(101.0)
    assert report is not None
    assert report.told is not None
    assert (report.told.left, report.told.renews_ms, report.told.seen) == (5, 4_000, 0)


def test_a_joiner_goes_on_from_a_state_in_the_log():
    """Read from the middle, a log says nothing until a report carries the state of where it is read from, or later."""
    old = Bench()
    old.share.callers = 5
    joiner = Bench(first=1, is_start=False)
    for number in range(12):
        report = old.account.report(100.0 + 11 * number, at_once=True)
        assert report is not None
        old.read(report, STAMP_MS + 11_000 * number)
        if number:
            joiner.read(report, STAMP_MS + 11_000 * number)
    assert joiner.account.is_based
    assert joiner.account.window.to_state() == old.account.window.to_state()


def test_a_state_of_before_what_was_read_is_no_use():
    """What lies between it and the first message is unknown: more has to be read."""
    old = Bench()
    report = old.account.report(100.0)
    assert report is not None
    assert report.state is not None
    joiner = Bench(first=5, is_start=False)
    joiner.read(report, STAMP_MS)
    assert not joiner.account.is_based
    assert joiner.account.report(200.0) is None


def test_who_leaves_says_so_once():
    """The last claim gives everything back; then the process is silent."""
    bench = Bench()
    bench.account.remove(bench.share)
    report = bench.account.report(100.0)
    assert report is not None
    assert report.claims["feed"].target == 0
    assert bench.account.is_empty
    assert bench.account.report(200.0) is None
