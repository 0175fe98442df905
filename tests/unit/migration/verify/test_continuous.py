"""Rounds look at windows that are closed."""

from wellhead.migration.copy.clients import parse_clients
from wellhead.migration.verify.asking import Stopped
from wellhead.migration.verify.continuous import Pace, watch
from wellhead.migration.verify.report import Report
from wellhead.migration.verify.spans import Span
from wellhead.migration.verify.verifying import Wanted
from wellhead.testing.clock import FakeClock


def test_a_window_is_left_alone_until_it_has_settled():
    """The newest window that is compared ended at least the settle time ago, and each round looks back."""
    pace = Pace(window_secs=60, lookback_secs=600, settle_secs=10)
    assert pace.span(1_000_000) == Span(360_000, 960_000)
    assert pace.span(969_999) == Span(300_000, 900_000)


class Verdicts:
    """Reports one after the other; then it is stopped."""

    def __init__(self, *failures) -> None:
        self._failures = list(failures)
        self.spans = []

    def run(self, wanted):
        self.spans.append(wanted.span)
        if not self._failures:
            raise Stopped("stopped")
        return Report("from", "to", "all", wanted.span, failure=self._failures.pop(0))


def test_rounds_go_on_until_stopped_and_are_counted():
    """Every round is told with the counts so far, also one that could not compare; the last whole one is the outcome."""
    said, verifying = [], Verdicts(None, "a store is away", None)
    wanted = Wanted(parse_clients("all"), Span(0, 1))
    last = watch(
        verifying, wanted, Pace(), clock=FakeClock(), pause=lambda _secs: False, tell=lambda each: said.append(each.fields())
    )
    assert [each["verdict"] for each in said] == ["equal", "incomparable", "equal"]
    assert (said[-1]["rounds_equal"], said[-1]["rounds_incomparable"]) == (2, 1)
    assert last.verdict == "equal"
    assert len(verifying.spans) == 4
