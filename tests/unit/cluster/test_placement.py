"""Where tasks stand: each in a slot of its own, dealt out evenly, and never moved because another came or went."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wellhead.cluster.placement import Wanted, other_keeper, partitions_needed, place, tasks_of
from wellhead.storage.configs import ConfigView, ConnectorEntry, Target, TaskEntry, task_message


class Poller:
    pass


def loaded(streams: int, tasks_max: int = 1, tenant: str = "default", cleanup: str = "delete", prefix: str = ""):
    """Give what of a loaded connector placement looks at."""
    return SimpleNamespace(
        settings=SimpleNamespace(tasks_max=tasks_max, tenant=tenant, topic_of=lambda subject: f"{prefix}{subject}"),
        streams=tuple(
            SimpleNamespace(name=f"s{number}", task=Poller, subject=f"v.s{number}", cleanup=cleanup)
            for number in range(streams)
        ),
    )


def view_of(connectors: Mapping[str, Sequence[TaskEntry]]) -> ConfigView:
    return ConfigView(
        connectors={
            name: ConnectorEntry(name, {}, 1, Target.STARTED, {task.number: task for task in tasks}, 0, 0)
            for name, tasks in connectors.items()
        }
    )


def stored(task: TaskEntry) -> TaskEntry:
    """Give the task as it is read back from the config topic."""
    record = task_message("configs", "c", task)
    return TaskEntry.parse(task.number, json.loads(record.value)["properties"])


def test_one_task_takes_all_streams_in_turns_by_default():
    """With tasks.max=1 there is one task, whatever the number of streams."""
    assert [task.streams for task in tasks_of([loaded(3)])] == [("s0", "s1", "s2")]


def test_a_state_has_one_keeper():
    """A topic whose records another connector keeps as a state is told, whoever asks; logs may be shared, and one's own are one's own."""
    states = tasks_of([loaded(2, cleanup="compact", prefix="a.")])
    view = view_of({"first": [stored(task) for task in place(ConfigView(), "first", states)]})
    assert other_keeper(view, "second", states) == ("a.v.s0", "first")
    assert other_keeper(view, "first", states) is None
    assert other_keeper(view, "second", tasks_of([loaded(2, cleanup="compact", prefix="b.")])) is None
    assert other_keeper(view, "second", tasks_of([loaded(2, prefix="a.")])) is None


def test_streams_are_dealt_out_round_robin():
    """Stream i goes to task i % n."""
    assert [task.streams for task in tasks_of([loaded(5, 2)])] == [("s0", "s2", "s4"), ("s1", "s3")]


def test_there_are_no_more_tasks_than_streams():
    """tasks.max is a bound, not a wish."""
    assert [task.streams for task in tasks_of([loaded(2, 8)])] == [("s0",), ("s1",)]


@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 4))
def test_every_stream_of_every_tenant_is_in_exactly_one_task(streams, tasks_max, tenants):
    """Nothing is polled twice or not at all, tasks differ by at most one stream, and each tenant has its own."""
    names = [f"t{number}" for number in range(tenants)]
    tasks = tasks_of([loaded(streams, tasks_max, tenant) for tenant in names])
    found = Counter((task.tenant, stream) for task in tasks for stream in task.streams)
    assert found == Counter((tenant, f"s{number}") for tenant in names for number in range(streams))
    sizes = [len(task.streams) for task in tasks]
    assert max(sizes) - min(sizes) <= 1
    assert max(Counter(task.tenant for task in tasks).values()) == min(streams, tasks_max)
    assert len({(task.tenant, task.share) for task in tasks}) == len(tasks)


tenant_lists = st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1)
definitions = st.tuples(tenant_lists, st.integers(1, 6), st.integers(1, 4))  # tenants, streams, tasks.max
changes = st.lists(st.tuples(st.sampled_from(["one", "two", "three"]), st.none() | definitions), max_size=25)


@given(changes)
def test_no_change_moves_a_task_that_stays(steps):
    """Through any history of connectors made, changed and deleted: slots differ, tasks that stay keep number and slot, gaps are filled first."""
    placed: dict[str, list[TaskEntry]] = {}
    most = 0
    for name, definition in steps:
        view = view_of(placed)
        if definition is None:
            placed.pop(name, None)
            continue
        tenants, streams, tasks_max = definition
        wanted = tasks_of([loaded(streams, tasks_max, tenant) for tenant in tenants])
        before = {(task.tenant, task.config["wellhead.share"]): task for task in placed.get(name, [])}
        placed[name] = [stored(task) for task in place(view, name, wanted)]

        assert [(task.tenant, task.streams) for task in placed[name]] == [(task.tenant, task.streams) for task in wanted]
        assert len({task.number for task in placed[name]}) == len(placed[name])
        for task in placed[name]:
            if (old := before.get((task.tenant, task.config["wellhead.share"]))) is not None:
                assert (task.number, task.slot) == (old.number, old.slot)
        slots = [task.slot for tasks in placed.values() for task in tasks]
        assert len(set(slots)) == len(slots)
        most = max(most, len(slots))
        new = [task.slot for task in placed[name] if (task.tenant, task.config["wellhead.share"]) not in before]
        assert all(slot < len(slots) + len(before) for slot in new)
    assert partitions_needed(view_of(placed)) >= max((task.slot for tasks in placed.values() for task in tasks), default=0) + 1


def test_a_freed_slot_is_used_again_first():
    """A slot whose task is gone goes to the next new task, so the topic grows only when it must."""
    first = place(view_of({}), "a", tasks_of([loaded(3, 3)]))
    assert [task.slot for task in first] == [0, 1, 2]
    fewer = place(view_of({"a": first}), "a", tasks_of([loaded(3, 2)]))
    assert [task.slot for task in fewer] == [0, 1]
    other = place(view_of({"a": fewer}), "b", tasks_of([loaded(2, 2)]))
    assert [task.slot for task in other] == [2, 3]
    assert partitions_needed(view_of({"a": fewer, "b": other})) == 4


def test_a_removed_tenant_renumbers_nobody():
    """The tenants that stay keep number and slot; a tenant added later fills the gap."""
    before = place(view_of({}), "a", tasks_of([loaded(1, 1, tenant) for tenant in ("x", "y", "z")]))
    after = place(view_of({"a": before}), "a", tasks_of([loaded(1, 1, tenant) for tenant in ("x", "z")]))
    assert [(task.tenant, task.number, task.slot) for task in after] == [("x", 0, 0), ("z", 2, 2)]
    again = place(view_of({"a": after}), "a", tasks_of([loaded(1, 1, tenant) for tenant in ("w", "x", "z")]))
    assert [(task.tenant, task.number, task.slot) for task in again] == [("w", 1, 1), ("x", 0, 0), ("z", 2, 2)]


def test_a_task_without_a_slot_is_given_one():
    """Tasks that something else wrote, without slot or share, are placed anew beside the others."""
    foreign = TaskEntry.parse(0, {"task.class": "other"})
    assert foreign.slot == -1
    placed = place(view_of({"a": [foreign]}), "a", tasks_of([loaded(2, 2)]))
    assert [task.slot for task in placed] == [0, 1]
    others = place(view_of({"b": [foreign]}), "a", tasks_of([loaded(1)]))
    assert [task.slot for task in others] == [0]


def test_an_empty_group_needs_one_partition():
    """The assignment topic has at least one partition."""
    assert partitions_needed(view_of({})) == 1


@pytest.mark.parametrize("tenant", ["", "acme", "a,b", "ü"])
def test_a_task_survives_the_topic(tenant):
    """What is placed is what is read back, properties for others included."""
    (task,) = place(view_of({}), "a", [Wanted(tenant, 0, ("log", "users"), "m.Task")])
    assert replace(stored(task), config=task.config) == task
    assert stored(task).config["task.class"] == "m.Task"
