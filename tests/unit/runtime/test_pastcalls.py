"""What run records say of the vendor calls of a day."""

import json

import pytest

from wellhead.runtime.pastcalls import UNTOLD_CALLS, CallTally, PastCalls
from wellhead.runtime.runs import RunTally
from wellhead.runtime.states import Outcome

MIDNIGHT_MS = 1_767_225_600_000


def told(tally, run_id, calls, after_ms, outcome=Outcome.CAUGHT_UP, *, connector="ti", tenant="acme", stream="ip"):
    run = RunTally(connector, 0, stream, tenant, MIDNIGHT_MS, None, run_id=run_id, api_calls=calls)
    tally.add(f"{connector}/{stream}/{tenant}/{run_id}".encode(), run.record(outcome, "", MIDNIGHT_MS + after_ms))


@pytest.fixture
def tally():
    return CallTally("ti", "acme", MIDNIGHT_MS)


def test_nothing_told_is_no_call(tally):
    """An empty topic means a whole budget."""
    assert tally.total() == PastCalls(0, None)


def test_the_newest_record_of_each_run_counts(tally):
    """A run's records tell its calls so far; runs and streams add up, and the last moment is known."""
    for calls, after_ms in ((0, 10), (3, 20), (9, 30)):
        told(tally, "a", calls, after_ms, Outcome.RUNNING)
    told(tally, "a", 10, 40)
    told(tally, "b", 5, 50, Outcome.LIMIT_REACHED, stream="url")
    assert tally.total() == PastCalls(15, MIDNIGHT_MS + 50)


def test_a_record_that_was_taken_back_counts(tally):
    """The calls of an aborted transaction were made: of a run's records the one with the most calls counts, in any order."""
    told(tally, "a", 10, 40, Outcome.RUNNING)
    told(tally, "a", 7, 50)
    assert tally.total().calls == 10


def test_a_killed_run_counts_what_nobody_could_tell(tally):
    """A run that says it is still under way died, and calls since its last commit are assumed."""
    told(tally, "a", 0, 10, Outcome.RUNNING)
    told(tally, "b", 3, 20, Outcome.RUNNING)
    assert tally.total().calls == 3 + 2 * UNTOLD_CALLS


def test_of_a_run_over_midnight_only_todays_calls_count(tally):
    """What it had asked before midnight was yesterday's."""
    told(tally, "a", 400, -60_000, Outcome.RUNNING)
    told(tally, "a", 430, -1, Outcome.RUNNING)
    told(tally, "a", 500, 60_000)
    told(tally, "b", 99, -1)
    assert tally.total() == PastCalls(70, MIDNIGHT_MS + 60_000)


def test_a_clock_gone_astray_does_not_count_for_ever(tally):
    """A record from years ahead is no call of today."""
    told(tally, "a", 500, 400 * 86_400_000)
    assert tally.total().calls == 0


def test_others_do_not_count(tally):
    """Other connectors, also ones whose name begins alike or holds ours, and other tenants have their own budget."""
    told(tally, "a", 1, 1, connector="ti-two")
    told(tally, "b", 1, 1, connector="x")
    told(tally, "c", 1, 1, tenant="other")
    assert tally.total().calls == 0


@pytest.mark.parametrize(
    "value", [None, b"", b"no json", b"[]", b"{}", json.dumps({"connector": "ti", "tenant": "acme"}).encode()]
)
def test_what_is_no_run_record_is_nothing(tally, value):
    """A tombstone or a foreign message stops nobody."""
    tally.add(b"ti/ip/acme/a", value)
    tally.add(None, value)
    assert tally.total().calls == 0
