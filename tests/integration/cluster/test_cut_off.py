"""A member that loses its broker: its lease ends before another is given its partitions, and it comes back by itself."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from members import Members

from wellhead.stack import Stack
from wellhead.testing.cut import Cut, cuttable_stack


@pytest.fixture(scope="module")
def broker() -> Iterator[tuple[Stack, Cut]]:
    with cuttable_stack(registry=False) as (stack, (cut,)):
        yield stack, cut


@pytest.fixture
def cut(broker: tuple[Stack, Cut]) -> Iterator[Cut]:
    yield broker[1]
    broker[1].heal()


@pytest.fixture
def members(broker: tuple[Stack, Cut], unique: str, tmp_path: Path) -> Iterator[Members]:
    made = Members(broker[0].bootstrap_servers, unique, tmp_path)
    yield made
    made.end()


@pytest.mark.parametrize("how", ["black_hole", "refuse"])
def test_the_lease_ends_before_another_member_is_assigned(members, cut, how):
    """Cut off from the broker, a member's lease is over before the other owns its partitions; healed, it joins again."""
    members.make_topics(8)
    one = members.join(through=cut.address, session_ms=10_000)
    members.until_spread(8, one)
    two = members.join(session_ms=10_000)
    members.until_spread(8, one, two)
    members.until(lambda: one.told("lease") and one.told("lease")[-1]["valid"], "a valid lease")
    getattr(cut, how)()
    members.until(lambda: len(two.owned) == 8, "the other owns everything")
    overtaken_secs = two.told("assigned")[-1]["at"]
    members.until(lambda: one.told("lost"), "the cut-off member hears that it lost")
    over = one.told("lease")[-1]
    assert not over["valid"]
    assert over["last_secs"] < overtaken_secs
    cut.heal()
    members.until_spread(8, one, two)
    members.until(lambda: one.told("lease")[-1]["valid"], "a valid lease again")
    events = [line["event"] for line in one.said() if line["logger"] == "wellhead.cluster" and line["level"] != "info"]
    # On a slow machine the cut may come in the middle of the change before it.
    assert [event for event in events if event not in ("membership_troubled", "membership_failed")] == [
        "lease_ran_out",
        "partitions_lost",
    ]


@pytest.mark.parametrize("how", ["black_hole", "refuse"])
def test_cut_off_in_the_middle_of_a_change(members, cut, how):
    """A member that is cut off while partitions are being taken from it hears by itself that the rest is lost; healed, it joins again."""
    members.make_topics(8)
    one = members.join(through=cut.address, session_ms=10_000, drain_secs=2.0)
    members.until_spread(8, one)
    members.until(lambda: one.told("lease") and one.told("lease")[-1]["valid"], "a valid lease")
    two = members.join(session_ms=10_000)
    members.until(lambda: one.told("revoking"), "the change has begun")
    getattr(cut, how)()
    members.until(lambda: len(two.owned) == 8, "the other owns everything")
    members.until(lambda: one.told("lost"), "the cut-off member hears that it lost")
    assert one.owned == set()
    assert one.told("lease")[-1]["last_secs"] < two.told("assigned")[-1]["at"]
    cut.heal()
    members.until_spread(8, one, two)
    members.until(lambda: one.told("lease")[-1]["valid"], "a valid lease again")


def test_a_short_cut_costs_nothing(members, cut):
    """A reset of every connection is survived without losing the lease or a partition."""
    members.make_topics(4)
    one = members.join(through=cut.address, session_ms=10_000)
    members.until_spread(4, one)
    members.until(lambda: one.told("lease"), "a valid lease")
    before = cut.connections
    cut.reset()
    members.until(lambda: cut.connections > before, "it connects again")
    members.grow(5)
    one.send("rescan", 5)
    members.until_spread(5, one)
    assert [event["valid"] for event in one.told("lease")] == [True]
    assert not one.told("lost")


@pytest.mark.parametrize(("how", "noticed_secs"), [("black_hole", 0), ("refuse", 0), ("refuse", 2)])
def test_it_stops_without_a_broker(members, cut, how, noticed_secs):
    """A member that is cut off still stops its tasks and ends, and says that the group was not told."""
    members.make_topics(4)
    one = members.join(through=cut.address)
    members.until_spread(4, one)
    getattr(cut, how)()
    time.sleep(noticed_secs)  # a client that knows of no coordinator any more ends at once
    one.close()
    assert one.owned == set()
    assert [line["broker_told"] for line in one.said() if line["event"] == "left"] == [False]


def test_it_joins_once_the_broker_is_there(members, cut):
    """A member that is started while the broker is away joins when it comes."""
    members.make_topics(3)
    cut.refuse()
    one = members.join(through=cut.address)
    members.until(lambda: one.told("started"), "the member runs")
    one.send("state")
    members.until(lambda: one.told("state"), "its state")
    assert one.told("state")[0]["owned"] == []
    cut.heal()
    members.until_spread(3, one)
