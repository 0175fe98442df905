"""Proves that a tenant has one puller at any time and loses nothing: whatever stops, dies, freezes, is cut off from the vendor or has its clock set."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from faulted import WORKER, FaultedGroup, faulted

from wellhead.stack import Stack
from wellhead.testing.cut import Cut

TAKEOVER_SECS = 15
SESSION_SECS = 10


@pytest.fixture
def group(stack: Stack, unique: str, tmp_path: Path) -> Iterator[FaultedGroup]:
    with faulted(stack, unique, tmp_path) as made:
        yield made


def test_killed_inside_transactions_the_next_worker_goes_on(group: FaultedGroup):
    """kill -9 in the middle of a transaction, and before the commit of one: the next asks within 15 s, and each record is there once."""
    one = group.join(WORKER, "--at", "mid_produce:3")
    group.create(one)
    group.until_asked(one)
    two = group.start(WORKER, "--at", "before_commit:5")
    assert one.process.wait(60) == -signal.SIGKILL
    killed_secs = time.monotonic()
    assert group.until_asked(two, killed_secs) - killed_secs < TAKEOVER_SECS
    three = group.start()  # not before: the group might have given it the tasks of the first
    assert two.process.wait(60) == -signal.SIGKILL
    group.until_asked(three, time.monotonic())
    group.until_pulled()
    assert group.at_once() == []
    group.assert_exactly_once()


def test_frozen_for_longer_than_the_session_it_writes_and_asks_no_more(group: FaultedGroup):
    """Frozen in a transaction, then in a call: another goes on; thawed, each says why it lets go, and has sent no call but the one it was in."""
    one = group.join(WORKER, "--at", "mid_produce:3", "--freeze")
    group.create(one)
    group.until_asked(one)
    two = group.start()
    frozen_secs = group.until_frozen(one)
    taken_secs = group.until_asked(two, frozen_secs)
    thawed_secs = group.thaw(one)
    group.until_said(one, "partitions_lost")
    group.until_asked(two, thawed_secs, 3)
    assert len(group.calls(one, taken_secs)) <= 1
    again_secs = group.freeze(two)
    group.until_asked(one, again_secs)
    thawed_again_secs = group.thaw(two)
    group.until_said(two, "partitions_lost")
    group.until_asked(one, thawed_again_secs, 3)
    assert len(group.calls(two, thawed_again_secs)) <= 1
    group.until_pulled()
    assert len(group.at_once()) <= 2  # what each had sent, or was about to, when it froze
    group.assert_exactly_once()
    assert not [line for member in (one, two) for line in member.said() if line["level"] == "error"]


def test_stopped_while_the_registry_is_away_from_the_next_worker(group: FaultedGroup):
    """SIGTERM hands a tenant over at once; a new owner without a registry leaves the vendor alone and says why, until it is there."""
    one = group.join()
    group.create(one)
    group.until_asked(one)
    registry = urlsplit(group.base.registry)
    with Cut(registry.port or 0) as away:
        two = group.join(**{"schema.registry.url": f"http://{away.address}{registry.path}"})
        away.refuse()
        stopped_secs = time.monotonic()
        assert one.stop() == 0
        group.until_said(two, "retrying")
        group.until(lambda: "registry" in str(group.explained(two)["advice"]))
        assert group.calls(two) == []
        away.heal()
        group.until_asked(two, stopped_secs)
        group.until_pulled()
        assert group.at_once() == []
        group.assert_exactly_once()


def test_cut_off_from_the_vendor_it_stays_the_owner(group: FaultedGroup):
    """A vendor that refuses, then is silent, is tried again for longer than the session, by the same worker, which says why; nobody takes over."""
    one, two = group.join(), group.join()
    group.create(one, **{"http.read.timeout.secs": 1, "http.retry.max.attempts": 1})
    owner = group.owner(one)
    other = two if owner is one else one
    way = group.way_of(owner)
    group.until_asked(owner, count=3)
    cut_secs = time.monotonic()
    way.refuse()
    group.until_said(owner, "retrying", count=2)
    way.heal()
    way.black_hole()
    tried = len(group.until_said(owner, "retrying"))
    group.until_said(owner, "retrying", count=tried + 2)
    group.until(lambda: way.address in str(group.explained(other)["advice"]))
    group.until(lambda: time.monotonic() - cut_secs > SESSION_SECS + 2)
    assert group.runs_on(other) == owner.worker_id
    way.heal()
    group.until_pulled()
    assert group.calls(other) == []
    group.assert_exactly_once()


def test_a_clock_that_is_set_changes_nothing(group: FaultedGroup):
    """An owner whose wall clock jumps a day forward, and later a day back, goes on, owns what it owned, and reads what comes in."""
    one, two = group.join(), group.join()
    group.create(one)
    owner = group.owner(one)
    other = two if owner is one else one
    group.until_asked(owner, count=3)
    owner.process.send_signal(signal.SIGUSR1)
    group.until_said(owner, "clock_set")
    group.until_asked(owner, time.monotonic(), 5)
    owner.process.send_signal(signal.SIGUSR2)
    group.until_said(owner, "clock_set", count=2)
    group.until_asked(owner, time.monotonic(), 5)
    group.until_pulled()
    assert group.calls(other) == []
    group.assert_exactly_once()
