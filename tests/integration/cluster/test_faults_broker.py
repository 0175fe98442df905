"""Proves that a worker cut off from its broker stops asking the vendor before another begins, and that a broker's restart loses nothing."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from breakable import QUICK, kill_lone
from faulted import FaultedGroup, faulted

from wellhead.stack import Stack
from wellhead.testing.cut import Cut, cuttable_stack


@pytest.fixture(scope="module")
def broker() -> Iterator[tuple[Stack, list[Cut]]]:
    with cuttable_stack(2, kafka=QUICK) as made:
        yield made


@pytest.fixture
def cuts(broker: tuple[Stack, list[Cut]]) -> Iterator[list[Cut]]:
    yield broker[1]
    for cut in broker[1]:
        cut.heal()


@pytest.fixture
def group(broker: tuple[Stack, list[Cut]], unique: str, tmp_path: Path) -> Iterator[FaultedGroup]:
    with faulted(broker[0], unique, tmp_path) as made:
        yield made


def test_cut_off_from_the_broker_it_asks_no_more(group: FaultedGroup, cuts: list[Cut]):
    """Black hole, then reset and refused: the owner's last call is over before another's first, it says why, and healed it is a member again."""
    one = group.join(kafka={"bootstrap.servers": cuts[0].address})
    group.create(one)
    group.until_asked(one)
    assert one.api.get("/ready").status_code == 200
    two = group.join(kafka={"bootstrap.servers": cuts[1].address})
    group.until(lambda: two.api.get("/ready").status_code == 200)
    cut_secs = time.monotonic()
    cuts[0].black_hole()
    group.until_asked(two, cut_secs)
    group.until_said(one, "lease_ran_out")
    healed_secs = time.monotonic()
    cuts[0].heal()
    group.until_said(one, "partitions_lost")
    group.until_said(one, "joined", count=2)
    group.until_asked(two, healed_secs, 3)
    assert group.calls(one, healed_secs) == []

    cut_secs = time.monotonic()
    cuts[1].refuse()
    group.until_asked(one, cut_secs)
    group.until_said(two, "lease_ran_out")
    group.until(lambda: two.api.get("/ready").status_code == 503)
    cuts[1].heal()
    group.until_said(two, "joined", count=2)
    group.until(lambda: two.api.get("/ready").status_code == 200)
    group.until_pulled()
    assert group.at_once() == []
    group.assert_exactly_once()


def test_a_broker_that_restarts_costs_nothing_but_time(group: FaultedGroup, broker: tuple[Stack, list[Cut]]):
    """The only broker is killed and comes back: the vendor is asked by one worker at a time, and nothing is lost or doubled."""
    one, two = group.join(), group.join()
    group.create(one)
    owner = group.owner(one)
    group.until_asked(owner, count=3)
    group.freeze(owner)
    kill_lone(broker[0])
    group.thaw(owner)
    broker[0].kafka.restart()
    back_secs = time.monotonic()
    group.until(lambda: group.calls(one, back_secs) or group.calls(two, back_secs), 90)
    group.until_pulled()
    assert group.at_once() == []
    group.assert_exactly_once()
