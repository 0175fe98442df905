"""Tests of measuring lags and of knowing when one pass is done."""

from contextlib import nullcontext

import pytest

from wellhead.consumers.attacks.parts import Part, Reader
from wellhead.consumers.lag import Place
from wellhead.consumers.watch import Watch
from wellhead.errors import PermanentError, TemporaryError
from wellhead.telemetry.attacks import GrouperTally, StoreTally
from wellhead.testing.clock import FakeClock


class ScriptedProbe:
    """Gives the places a test sets, by group."""

    def __init__(self):
        self.found = {}
        self.asked = []

    def places(self, group, topic, *, start="earliest"):
        self.asked.append((group, topic, start))
        found = self.found.get(group, {})
        if isinstance(found, Exception):
            raise found
        return found

    def close(self):
        self.found = {}


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def probe():
    return ScriptedProbe()


@pytest.fixture
def parts(clock):
    grouper = Reader("wallarm", "group", "", "g", "wallarm.hit", "latest")
    writer = Reader("wallarm", "store", "primary", "g-primary", "wallarm.attack_document", "earliest")
    return [
        Part(grouper, GrouperTally("wallarm", clock), nullcontext),
        Part(writer, StoreTally("wallarm", clock, store="primary"), nullcontext),
    ]


def idle(offset):
    return {0: Place(offset, offset, offset)}


def test_each_part_is_told_its_groups_lag(clock, probe, parts):
    """Records from the first one that is really there, and for how long that has been waiting."""
    now_ms = clock.now_ms()
    probe.found = {
        "g": {0: Place(5, 20, 20, 7, now_ms - 4_000), 1: Place(3, 3, 9)},
        "g-primary": {0: Place(1, 2, 2)},
    }
    Watch(parts, probe, clock, log="attacks").look()
    assert parts[0].tally.behind(now_ms) == (13, 4.0)
    assert parts[1].tally.behind(now_ms) == (0, 0.0)
    assert probe.asked == [("g", "wallarm.hit", "latest"), ("g-primary", "wallarm.attack_document", "earliest")]


@pytest.mark.parametrize("error", [TemporaryError("no broker s3cret"), PermanentError("no rights s3cret")])
def test_without_kafka_the_trouble_is_told_and_the_next_part_not_asked(clock, probe, parts, error):
    """Each would only wait for the same answer; it is over once there is one."""
    probe.found = {"g": error}
    watch = Watch(parts, probe, clock, log="attacks", redact=lambda text: text.replace("s3cret", "***"))
    watch.look()
    assert (watch.trouble.endswith("***"), len(probe.asked)) == (True, 1)
    probe.found = {}
    watch.look()
    assert watch.trouble == ""


def test_a_pass_is_done_when_the_stores_hold_what_the_grouper_made(clock, probe, parts):
    """The end of the documents is only known once all hits are grouped; what comes later is for the next pass."""
    said = []
    watch = Watch(parts, probe, clock, log="attacks", finished=said.append)
    probe.found = {"g": {0: Place(0, 10, 10, 0, 1)}, "g-primary": idle(0)}
    watch.look()
    assert said == []
    probe.found = {"g": {0: Place(10, 15, 15, 10, 1)}, "g-primary": {0: Place(0, 8, 8, 0, 1)}}
    watch.look()
    assert said == []
    probe.found = {"g": {0: Place(15, 15, 15)}, "g-primary": {0: Place(8, 12, 12, 8, 1)}}
    watch.look()
    assert said == [True]


def test_markers_at_the_end_are_nothing_to_wait_for(clock, probe, parts):
    """The last transaction's marker stands behind the committed position for ever."""
    said = []
    probe.found = {"g": {0: Place(9, 10, 10)}, "g-primary": {0: Place(4, 6, 6)}}
    Watch(parts, probe, clock, log="attacks", finished=said.append).look()
    assert said == [True]


def test_an_open_transaction_is_waited_for(clock, probe, parts):
    """What stands behind it may be committed already."""
    said = []
    watch = Watch(parts, probe, clock, log="attacks", finished=said.append)
    probe.found = {"g": {0: Place(5, 5, 10)}, "g-primary": idle(0)}
    watch.look()
    assert said == []
    probe.found = {"g": {0: Place(5, 10, 10)}, "g-primary": idle(0)}
    watch.look()
    assert said == [True]


def test_a_pass_without_its_topic_or_with_a_failed_part_is_given_up(clock, probe, parts):
    """Waiting would not help, and somebody waits for the exit code."""
    said = []
    probe.found = {"g": None}
    Watch(parts, probe, clock, log="attacks", finished=said.append).look()
    assert said == [False]
    probe.found = {"g": {0: Place(0, 10, 10, 0, 1)}}
    parts[1].tally.state("failed", "wrong password")
    Watch(parts, probe, clock, log="attacks", finished=said.append).look()
    assert said == [False, False]
    probe.found = {"g": PermanentError("no rights")}
    Watch(parts, probe, clock, log="attacks", finished=said.append).look()
    assert said == [False, False, False]


def test_a_store_alone_needs_no_grouper_here(clock, probe, parts):
    """A process with one role is done with what its own topic holds; no documents are none to write."""
    said = []
    probe.found = {"g-primary": None}
    Watch(parts[1:], probe, clock, log="attacks", finished=said.append).look()
    assert said == [True]
