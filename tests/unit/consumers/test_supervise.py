"""Tests of running a part again."""

import threading
from contextlib import contextmanager

import pytest

from wellhead.consumers.supervise import FAILED_WAIT_SECS, Supervised
from wellhead.errors import ConfigError, PermanentError, Problem, TemporaryError
from wellhead.telemetry.attacks import GrouperTally
from wellhead.testing.clock import FakeClock


class Rig:
    """Runs a part whose runs end as scripted, without waiting, until the script is over."""

    def __init__(self, *ends):
        self.clock = FakeClock()
        self.tally = GrouperTally("wallarm", self.clock)
        self.waits, self.states, self.closed = [], [], 0
        self.stop = threading.Event()
        self._ends = iter(ends)
        part = Supervised(
            "wallarm/group", self._make, self.tally, clock=self.clock, stop=self.stop, log="attacks", wait=self._wait, redact=lambda text: text.replace("s3cret", "***")
        )  # fmt: skip
        part.run()

    @contextmanager
    def _make(self):
        try:
            yield self
        finally:
            self.closed += 1

    def run(self):
        secs, error = next(self._ends, (0, "stop"))
        self.clock.advance(secs)
        if error == "stop":
            self.stop.set()
        elif error is not None:
            raise error

    def _wait(self, secs):
        self.waits.append(secs)
        self.states.append(self.tally.now[0])
        return False


def test_what_may_pass_is_tried_again_after_growing_waits():
    """One second first, then twice as long, at most half a minute; each run is closed before the next."""
    rig = Rig(*[(0, TemporaryError("no Redis"))] * 7)
    assert rig.waits == [1, 2, 4, 8, 16, 30, 30]
    assert set(rig.states) == {"waiting"}
    assert rig.closed == 8
    assert rig.tally.now[0] == "stopped"
    assert rig.tally.last_error[1] == "no Redis"


def test_a_run_that_lasted_begins_anew_with_short_waits():
    """Trouble of yesterday makes nobody wait today."""
    assert Rig(*[(0, TemporaryError("x"))] * 3, (61, TemporaryError("x")), (0, TemporaryError("x"))).waits == [1, 2, 4, 1, 2]


def test_the_other_side_may_ask_for_a_longer_wait():
    """`after_secs` counts where it is longer than ours."""
    assert Rig((0, TemporaryError("busy", after_secs=12)), (0, TemporaryError("busy", after_secs=1))).waits == [12, 2]


@pytest.mark.parametrize(
    "error",
    [
        PermanentError("wrong password s3cret"),
        ConfigError("rules", [Problem("x", "s3cret is none")]),
        ZeroDivisionError("s3cret"),
    ],
)
def test_what_a_person_must_change_is_tried_each_minute(error):
    """Failed is told meanwhile, without secrets; a defect of ours is no end either."""
    rig = Rig((0, error), (0, error))
    assert rig.waits == [FAILED_WAIT_SECS] * 2
    assert set(rig.states) == {"failed"}
    assert "s3cret" not in rig.tally.last_error[1]


def test_a_part_that_just_ends_is_started_again():
    """Only being told to stop is an end."""
    rig = Rig((0, None))
    assert rig.waits == [1]
    assert rig.tally.last_error[1].startswith("ended by itself")


def test_a_stop_while_waiting_ends_it():
    """Nothing is started any more."""
    clock, runs = FakeClock(), []

    class Broken:
        def run(self):
            runs.append(1)
            raise TemporaryError("away")

    @contextmanager
    def make():
        yield Broken()

    tally = GrouperTally("wallarm", clock)
    Supervised("p", make, tally, clock=clock, stop=threading.Event(), log="attacks", wait=lambda _secs: True).run()
    assert (len(runs), tally.now[0]) == (1, "stopped")
