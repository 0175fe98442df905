"""Members of a group on a real broker: who owns what when they come, go, die, freeze and are given more to share."""

import signal
import time
from itertools import pairwise

SESSION_SECS = 10.0
DEFAULT = {"session_ms": 10_000}


def until_leased(members, member) -> None:
    members.until(lambda: member.told("lease") and member.told("lease")[-1]["valid"], "a valid lease")


def moves_of(member) -> list[dict]:
    return [event for event in member.events if "partitions" in event]


def test_one_member_owns_everything_under_a_lease(members):
    """A lone member is assigned every partition, gets a lease by its first proof, and keeps it for longer than a session without one."""
    members.make_topics(4)
    one = members.join(**DEFAULT)
    members.until_spread(4, one)
    until_leased(members, one)
    time.sleep(SESSION_SECS + 1)
    assert [event["valid"] for event in one.told("lease")] == [True]
    assert one.told("assigned")[0]["generation"] >= 1
    assert one.told("assigned")[0]["member"]


def test_a_joining_member_moves_only_the_minimum(members):
    """The second of two members gets half; the first loses that half and nothing else, and its lease goes on."""
    members.make_topics(8)
    one = members.join()
    members.until_spread(8, one)
    two = members.join()
    members.until_spread(8, one, two)
    assert [len(event["partitions"]) for event in one.told("revoked")] == [4]
    assert [len(event["partitions"]) for event in one.told("assigned")] == [8]
    three = members.join()
    members.until_spread(8, one, two, three)
    moved = [number for member in (one, two) for event in member.told("revoked")[-1:] for number in event["partitions"]]
    assert set(moved) >= three.owned
    assert sum(len(event["partitions"]) for member in (one, two) for event in member.told("revoked")) == 4 + 2
    assert not [event for member in (one, two, three) for event in member.told("lease") if not event["valid"]]


def test_a_partition_is_given_away_only_after_its_task_was_stopped(members):
    """A partition's next owner gets it after `on_revoked` of the former one has returned, however long; its lease is proved meanwhile."""
    members.make_topics(4)
    slow = members.join(**DEFAULT, drain_secs=SESSION_SECS + 2)
    members.until_spread(4, slow)
    until_leased(members, slow)
    other = members.join(**DEFAULT)
    members.until_spread(4, slow, other)
    (revoked,) = slow.told("revoked")
    (assigned,) = other.told("assigned")
    assert set(assigned["partitions"]) == set(revoked["partitions"])
    assert assigned["at"] > revoked["at"]
    assert [event["valid"] for event in slow.told("lease")] == [True]
    assert not slow.told("lost")


def test_a_member_that_leaves_hands_over_without_waiting_for_its_session(members):
    """A clean close stops the tasks, then leaves: the other owns everything long before the session would have passed."""
    members.make_topics(6)
    one, two = members.join(), members.join()
    members.until_spread(6, one, two)
    two.close()
    left_secs = two.told("closed")[0]["at"]
    members.until_spread(6, one)
    assert two.told("revoked")[-1]["at"] < one.told("assigned")[-1]["at"]
    assert one.told("assigned")[-1]["at"] - left_secs < 30 - 5  # the session here
    assert [line["broker_told"] for line in two.said() if line["event"] == "left"] == [True]


def test_a_killed_member_is_replaced_within_fifteen_seconds(members):
    """After kill -9 of a member the other owns its partitions in less than 15 s at the default session."""
    members.make_topics(6)
    one, two = members.join(**DEFAULT), members.join(**DEFAULT)
    members.until_spread(6, one, two)
    killed_secs = two.signal(signal.SIGKILL)
    two.owned.clear()
    members.until_spread(6, one)
    assert one.told("assigned")[-1]["at"] - killed_secs < 15
    assert not one.told("lost")


def test_a_frozen_member_has_no_lease_at_the_first_look(members):
    """A member frozen for longer than its session is overtaken; when it wakes its first look finds no lease, `on_lost` follows, and it joins anew."""
    members.make_topics(6)
    one, two = members.join(**DEFAULT), members.join(**DEFAULT)
    members.until_spread(6, one, two)
    until_leased(members, two)
    before = two.told("assigned")[-1]
    frozen_secs = two.signal(signal.SIGSTOP)
    members.until(lambda: len(one.owned) == 6, "the other owns everything")
    assert one.told("assigned")[-1]["at"] - frozen_secs < 15
    two.signal(signal.SIGCONT)
    members.until(lambda: two.told("lost"), "the frozen member hears that it lost")
    assert [event["valid"] for event in two.told("woke") if event["slept_secs"] > SESSION_SECS - 2] == [False]
    members.until_spread(6, one, two)
    until_leased(members, two)
    again = two.told("assigned")[-1]
    assert again["generation"] > before["generation"]
    assert [line["event"] for line in two.said() if line["level"] == "error"] == []
    assert len([line for line in two.said() if line["event"] == "partitions_lost"]) == 1


def test_new_partitions_are_assigned_everywhere(members):
    """When the topic has grown and the members are told, the new partitions are shared out and none of the old ones moves."""
    members.make_topics(1)
    blind = {"topic.metadata.refresh.interval.ms": 600_000}  # never looks by itself within this test
    one = members.join(consumer=blind)
    members.until_spread(1, one)
    members.grow(4)
    one.send("rescan", 4)
    members.until_spread(4, one)
    two = members.join(consumer=blind)
    members.until_spread(4, one, two)
    gone = len(one.told("revoked"))
    members.grow(10)
    for member in (one, two):
        member.send("rescan", 10)
    members.until_spread(10, one, two)
    members.grow(16)
    two.send("rescan", 16)  # one that is told is enough
    members.until_spread(16, one, two)
    assert len(one.told("revoked")) == gone
    assert not two.told("revoked")


def test_partitions_nobody_tells_of_are_found_anyway(members):
    """A topic that somebody grew by hand is looked at again by itself."""
    members.make_topics(2)
    one = members.join()
    members.until_spread(2, one)
    members.grow(5)
    members.until_spread(5, one)
    assert one.owned == {0, 1, 2, 3, 4}


def test_a_hundred_partitions_spread_evenly(members):
    """100 partitions over 3 members are 33 or 34 each, also after one of them was killed and another came."""
    members.make_topics(100)
    three = [members.join(**DEFAULT) for _ in range(3)]
    members.until_spread(100, *three)
    three[0].signal(signal.SIGKILL)
    three[0].owned.clear()
    members.until_spread(100, *three[1:])
    members.until_spread(100, *three[1:], members.join(**DEFAULT))
    assert len(three[1].owned) in (33, 34)


def test_a_rolling_restart_of_static_members_moves_nothing(members):
    """Members with a group.instance.id that restart one after the other find their partitions again; nobody else is disturbed."""
    members.make_topics(9)
    names = ("pod-0", "pod-1", "pod-2")
    running = {name: members.join(instance_id=name) for name in names}
    members.until_spread(9, *running.values())
    before = {name: set(member.owned) for name, member in running.items()}
    for name in names:
        others = [member for other, member in running.items() if other != name]
        moves = [moves_of(member) for member in others]
        running[name].close()
        running[name] = members.join(instance_id=name)
        members.until_spread(9, *running.values())
        assert running[name].owned == before[name]
        assert [moves_of(member) for member in others] == moves


def test_a_rolling_restart_of_dynamic_members_moves_no_partition_needlessly(members):
    """Each step of a rolling restart moves what the leaving member had and what the joining one must get, and nothing between the others."""
    members.make_topics(9)
    running = [members.join() for _ in range(3)]
    members.until_spread(9, *running)
    for place in range(3):
        others = [member for member in running if member is not running[place]]
        leaving, kept = set(running[place].owned), [set(member.owned) for member in others]
        running[place].close()
        members.until_spread(9, *others)
        gained = [member.owned - had for member, had in zip(others, kept, strict=True)]
        assert set().union(*gained) == leaving
        assert all(member.owned >= had for member, had in zip(others, kept, strict=True))
        had = [set(member.owned) for member in others]
        running[place] = members.join()
        members.until_spread(9, *running)
        assert all(member.owned <= before for member, before in zip(others, had, strict=True))


def test_two_with_one_instance_id_do_not_throw_each_other_out_for_ever(members):
    """A member whose group.instance.id another one uses says so once, goes on without it, and both share the work."""
    members.make_topics(4)
    older = members.join(instance_id="twin")
    members.until_spread(4, older)
    newer = members.join(instance_id="twin")
    members.until_spread(4, older, newer)
    told = [line["reason"] for line in older.said() if line["event"] == "membership_failed"]
    assert len(told) == 1
    assert "another worker has joined with group.instance.id 'twin'" in told[0]
    assert older.told("lost")
    assert not newer.told("lost")


def test_a_task_that_cannot_be_stopped_costs_every_task_the_lease(members):
    """When `on_revoked` fails, nothing that was started before may go on: the lease ends, and another one begins for what stays."""
    members.make_topics(4)
    broken = members.join(fail="revoked")
    members.until_spread(4, broken)
    until_leased(members, broken)
    other = members.join()
    members.until(lambda: len(other.owned) == 2, "the other member owns half")
    members.until(lambda: [event["ended"] for event in broken.told("term")] == [True], "the first lease ends for good")
    assert broken.told("term")[0]["at"] <= other.told("assigned")[-1]["at"]
    until_leased(members, broken)
    assert [line["reason"] for line in broken.said() if line["event"] == "partitions_not_handled"] == [
        "ValueError: the worker has a defect"
    ]


def test_a_missing_lease_topic_is_told_and_gives_no_lease(members):
    """Where proofs are refused the member says once what is missing, and nothing may run until it is there."""
    members.make_topics(2)
    one = members.join(lease_topic=f"{members.prefix}missing")
    members.until_spread(2, one)
    members.until(
        lambda: [line for line in one.said() if line["event"] == "membership_troubled"], "the member says what is wrong"
    )
    time.sleep(3)
    told = [line["reason"] for line in one.said() if line["event"] == "membership_troubled"]
    assert len(told) == 1
    assert "missing" in told[0]
    assert not one.told("lease")
    one.send("state")
    members.until(lambda: one.told("state"), "its state")
    assert one.told("state")[0]["problem"] == told[0]
    assert not one.told("state")[0]["valid"]


def test_generations_only_grow(members):
    """What members are told carries the group's generation, which grows with every change, the same for all."""
    members.make_topics(3)
    one = members.join()
    members.until_spread(3, one)
    two = members.join()
    members.until_spread(3, one, two)
    seen = [event["generation"] for event in one.events if "generation" in event]
    assert all(before <= after for before, after in pairwise(seen))
    assert two.told("assigned")[-1]["generation"] > seen[0]
