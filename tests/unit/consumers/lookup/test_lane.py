"""Tests of running a lookup again and again: schedule, totals, health and what is left on disk."""

import asyncio
import threading

import pytest

from wellhead.config.deployment import LoadedLookup
from wellhead.config.lookup import LookupSettings
from wellhead.consumers.lookup import report as reports
from wellhead.consumers.lookup.lane import Lane
from wellhead.consumers.lookup.report import FileReport, RunReport
from wellhead.errors import PermanentError, TemporaryError
from wellhead.telemetry.lookups import LookupTally
from wellhead.testing.clock import FakeClock


class Builder:
    """Gives the reports it is told to, or raises them."""

    def __init__(self, clock):
        self.clock, self.told, self.forced, self.calls = clock, [], [], []

    def run(self, *, force=False):
        self.forced.append(force)
        told = self.told.pop(0) if self.told else {}
        if isinstance(told, Exception):
            raise told
        now_ms = self.clock.now_ms()
        return RunReport(lookup="ti", target="directory", started_ms=now_ms, ended_ms=now_ms, **told)


@pytest.fixture
def scene(tmp_path):
    class Scene:
        def __init__(self):
            words = {
                "name": "ti",
                "topic": "t",
                "files": "a",
                "state.dir": tmp_path,
                "output.dir": "o",
                "run.interval.secs": 600,
            }
            settings = LookupSettings.model_validate(words)
            self.clock = FakeClock()
            self.builder = Builder(self.clock)
            self.tally = LookupTally("ti", self.clock.now_ms(), 7_200)
            lookup = LoadedLookup(settings, None, None)
            self.lane = Lane(
                lookup,
                self.builder,
                self.tally,
                clock=self.clock,
                redact=lambda text: text.replace("s3cret", "***"),
                force=True,
            )
            self.folder = tmp_path

        async def runs(self, count):
            stopping = asyncio.Event()
            running = asyncio.create_task(self.lane.run(stopping, once=False))
            for number in range(count):
                await self.clock.until_sleeping()
                if number < count - 1:
                    self.clock.advance(self.clock.sleeps[-1])
            stopping.set()
            await running

    return Scene()


def test_runs_follow_the_schedule_and_force_is_for_the_first(scene):
    """Every ten minutes, the first at once; what --force allowed once is not allowed again."""
    asyncio.run(scene.runs(3))
    assert scene.clock.sleeps == [600.0, 600.0, 600.0]
    assert scene.builder.forced == [True, False, False]


def test_trouble_is_tried_again_within_a_minute(scene):
    """A run that failed, or a delivery that did, does not wait for a long schedule where it may pass; what only a person can change does."""
    scene.builder.told = [
        TemporaryError("the disk is full"),
        {"files": [FileReport(file="a", problem="away", alerts=["not_delivered"], again_secs=0.0)]},
        {"files": [FileReport(file="a", problem="refused", alerts=["not_delivered"])]},
        PermanentError("no right to write there"),
        {"files": [FileReport(file="a", problem="held back", alerts=["shrunk"])]},
    ]
    asyncio.run(scene.runs(5))
    assert scene.clock.sleeps == [60.0, 60.0, 600.0, 600.0, 600.0]


def test_nobody_is_asked_before_the_time_they_named(scene):
    """The longest wait that a target asked for holds, be it longer than the schedule."""
    files = [FileReport(file=str(secs), problem="wait", again_secs=secs) for secs in (0.0, 900.0, 30.0)]
    scene.builder.told = [{"files": files}, {"files": files[2:]}, {"files": files[:1], "again_secs": 90.0}]
    asyncio.run(scene.runs(3))
    assert scene.clock.sleeps == [900.0, 60.0, 90.0]


def test_an_unexpected_error_ends_neither_the_lookup_nor_its_neighbours(scene):
    """The run counts as failed, without the error's text, and the next one comes."""
    scene.builder.told = [ZeroDivisionError("s3cret inside")]
    asyncio.run(scene.runs(2))
    assert scene.tally.runs == {"problems": 1, "ok": 1}
    assert scene.lane.last.problems == []


def test_totals_and_alerts_are_those_of_the_runs(scene):
    """Deliveries, failures, slow calls and the share of failures are counted; alerts stand until a run is without them."""
    scene.builder.calls = [*[1.0] * 8, None, 130.0]
    scene.builder.told = [
        {
            "messages": 5,
            "rebuilt": "gone",
            "files": [FileReport(file="a", sent="whole", rows=7, alerts=["slow_call"], problem="x")],
        }
    ]
    asyncio.run(scene.runs(1))
    tally = scene.tally
    assert (tally.messages, tally.rebuilds, tally.failures, tally.slow_calls, tally.longest_call_secs) == (5, 1, 1, 1, 130.0)
    assert (tally.deliveries, tally.files["a"].rows) == ({"whole": 1}, 7)
    assert tally.standing(scene.clock.now_ms()) == {"failures", "slow_call"}
    assert scene.lane.health(scene.clock.now_ms())["alerts"] == ["failures", "slow_call"]
    scene.builder.calls = [1.0] * 100
    asyncio.run(scene.runs(1))
    assert tally.alerts == frozenset()


def test_no_good_run_for_long_is_stale(scene):
    """The age of the last good run counts, also while nothing runs at all."""
    asyncio.run(scene.runs(1))
    scene.clock.advance(7_200)
    assert scene.tally.standing(scene.clock.now_ms()) == frozenset()
    scene.clock.advance(1)
    assert scene.tally.standing(scene.clock.now_ms()) == {"stale"}


def test_the_report_on_disk_holds_no_secret(scene):
    """What status shows went through redaction."""
    scene.builder.told = [{"problems": ["token s3cret refused"], "files": [FileReport(file="a", problem="s3cret")]}]
    asyncio.run(scene.runs(1))
    kept = reports.read(scene.folder)
    assert kept is not None
    assert kept.wrong() == ["token *** refused", "***"]
    assert kept.next_ms == scene.clock.now_ms() + 600_000


def test_once_is_once(scene):
    """With `once` there is one run and nothing is due."""
    asyncio.run(scene.lane.run(asyncio.Event(), once=True))
    assert (scene.builder.forced, scene.lane.last.next_ms, scene.clock.sleeps) == ([True], None, [])


def test_a_run_that_hangs_does_not_hold_the_loop(scene):
    """Blocking work is on a thread of its own."""
    held, seen = threading.Event(), []

    def run(*, force=False):
        held.wait(10)
        return RunReport(lookup="ti", target="d", started_ms=0, ended_ms=0)

    async def scenario():
        scene.builder.run = run
        running = asyncio.create_task(scene.lane.run(asyncio.Event(), once=True))
        await asyncio.sleep(0)
        seen.append(scene.lane.running)
        held.set()
        await running
        seen.append(scene.lane.running)

    asyncio.run(scenario())
    assert seen == [True, False]


def test_a_run_that_was_stopped_says_nothing_about_the_files(scene):
    """What status and health show is what the last whole run found."""
    scene.builder.told = [{"rows": 5}, {"stopped": True}]
    asyncio.run(scene.runs(1))
    asyncio.run(scene.lane.run(asyncio.Event(), once=True))
    kept = reports.read(scene.folder)
    assert kept is not None
    assert (kept.rows, scene.lane.last.rows, scene.tally.runs) == (5, 5, {"ok": 1})


def test_one_failure_of_few_is_no_share(scene):
    """The share of failures is told once there are enough deliveries for one."""
    scene.builder.calls = [None, *[1.0] * 8]
    asyncio.run(scene.runs(1))
    assert scene.tally.alerts == frozenset()
    scene.builder.calls = [1.0]
    asyncio.run(scene.runs(1))
    assert scene.tally.alerts == {"failures"}
