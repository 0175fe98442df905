"""Whose traces a 429 may be: a rival's, this task's own, or those of whoever ran it before."""

import pytest

from connectors.wss.rival import Rival
from wellhead.testing.clock import FakeClock

QUIET_SECS = 60.0


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def reports():
    return []


@pytest.fixture
def rival(clock, reports):
    return Rival(lambda event, _message, **fields: reports.append((event, fields["evidence"])), clock)


def refused(rival, clock):
    """Ask when the quiet that the cursor knows of is over, and be told 429."""
    rival.watch_status(429, "done", int(clock.now_ms()) - 1, QUIET_SECS)


def test_the_first_refusal_may_be_the_former_owners_doing(rival, clock, reports):
    """Killed or moved between the vendor's `done` and the commit, the former owner leaves a quiet that no cursor knows: no rival's trace."""
    refused(rival, clock)
    assert reports == []


def test_a_refusal_after_a_kept_quiet_is_a_rivals(rival, clock, reports):
    """Refused again although it has not asked for the whole quiet, the task can only have been overtaken by somebody else."""
    refused(rival, clock)
    clock.advance(QUIET_SECS)
    refused(rival, clock)
    assert reports == [("second_client", "429")]


def test_a_refusal_within_the_quiet_is_its_own_doing(rival, clock, reports):
    """Asking too early is answered 429, whoever else there is."""
    refused(rival, clock)
    clock.advance(QUIET_SECS - 1)
    refused(rival, clock)
    assert reports == []
