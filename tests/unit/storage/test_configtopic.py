"""The config topic's records fold to what Connect would make of them, and to the same after compaction."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wellhead.kafka.messages import Message
from wellhead.storage.configs import (
    ConfigVersion,
    ConfigView,
    Target,
    TaskEntry,
    commit_message,
    connector_message,
    delete_messages,
    logger_message,
    other_message,
    removed_task_message,
    restart_message,
    restart_task_message,
    target_message,
    task_message,
    version_message,
)
from wellhead.storage.configtopic import CHANGE, ConfigTopic


def task(number: int, slot: int = 0, **config: str) -> TaskEntry:
    return TaskEntry(number, slot, "acme", ("a",), config)


def plain(key: str, value: str | None) -> Message:
    return Message("t", None if value is None else value.encode(), key=key.encode())


@pytest.fixture
def fold(topic):
    """Write messages as one batch and give the view after it."""
    configs = ConfigTopic()

    def write(*messages: Message) -> ConfigView:
        configs.fold(topic.write(*messages))
        return configs.view

    write.configs = configs
    return write


def test_tasks_count_once_committed(fold) -> None:
    """Tasks that are written are not the connector's before a commit names them; others stay as they were."""
    view = fold(connector_message("t", "c", {"a": "1"}, 1), task_message("t", "c", task(0)))
    assert view.connectors["c"].tasks == {}
    view = fold(commit_message("t", "c", [0]))
    first = view.connectors["c"]
    assert set(first.tasks) == {0}
    view = fold(task_message("t", "c", task(1, slot=9)), commit_message("t", "c", [0, 1]))
    second = view.connectors["c"]
    assert second.tasks[0] is first.tasks[0]
    assert second.tasks[1].slot == 9
    assert second.tasks_offset == view.end_offset - 1
    view = fold(removed_task_message("t", "c", 0), commit_message("t", "c", [1]))
    assert set(view.connectors["c"].tasks) == {1}


def test_a_commit_of_connects_own_needs_all_tasks_anew(fold) -> None:
    """As in Connect: a commit whose tasks were not all written since the last one leaves the old tasks and is inconsistent."""
    properties = '{"properties":{"k":"%s"}}'
    fold(plain("connector-c", '{"properties":{}}'))
    fold(plain("task-c-0", properties % "old"), plain("task-c-1", properties % "old"), plain("commit-c", '{"tasks":2}'))
    view = fold(plain("task-c-1", properties % "new"), plain("commit-c", '{"tasks":2}'))
    entry = view.connectors["c"]
    assert not entry.consistent
    assert [each.config["k"] for each in entry.tasks.values()] == ["old", "old"]
    view = fold(plain("task-c-0", properties % "newer"), plain("task-c-1", properties % "x"), plain("commit-c", '{"tasks":1}'))
    entry = view.connectors["c"]
    assert entry.consistent
    assert {number: each.config["k"] for number, each in entry.tasks.items()} == {0: "newer"}


def test_target_and_version(fold) -> None:
    """A connector is STARTED until told otherwise, STOPPED is known from its second field, versions come with the record or are counted."""
    view = fold(plain("target-state-c", '{"state":"PAUSED","state.v2":"STOPPED"}'))
    assert view.connectors == {}
    view = fold(connector_message("t", "c", {}, 7))
    assert (view.connectors["c"].target, view.connectors["c"].version) == (Target.STOPPED, 7)
    view = fold(plain("connector-c", '{"properties":{"a":"b"}}'), plain("target-state-c", '{"state":"PAUSED"}'))
    assert (view.connectors["c"].target, view.connectors["c"].version) == (Target.PAUSED, 8)
    view = fold(plain("target-state-c", None))
    assert view.connectors["c"].target is Target.STARTED


def test_a_deleted_connector_leaves_nothing(fold) -> None:
    """After deletion, also as Connect does it, a connector of the same name begins anew."""
    version = version_message("t", "c", ConfigVersion(1, {}, 5, "me", "create"))
    view = fold(connector_message("t", "c", {}, 3), task_message("t", "c", task(0)), commit_message("t", "c", [0]), version)
    assert view.versions["c"] == (ConfigVersion(1, {}, 5, "me", "create"),)
    view = fold(*delete_messages("t", view, "c"))
    assert (view.connectors, view.versions) == ({}, {})
    fold(connector_message("t", "d", {}, 3), task_message("t", "d", task(0)), commit_message("t", "d", [0]))
    view = fold(plain("connector-d", None), plain("target-state-d", None), plain("connector-d", '{"properties":{}}'))
    assert (view.connectors["d"].tasks, view.connectors["d"].version) == ({}, 1)
    assert fold.configs._connectors.keys() == {"d"}


def test_restarts_loggers_and_others(fold) -> None:
    """The newest request of each kind is kept with its offset; a foreign key is kept as it is, a secret one is not."""
    view = fold(
        restart_message("t", "c-1", include_tasks=True, only_failed=True),
        restart_task_message("t", "c", 1),
        logger_message("t", "x", "DEBUG"),
        other_message("t", "backfill-c", {"to": 5}),
        plain("session-key", '{"key":"s3same"}'),
    )
    whole, one = view.restarts["restart-connector-c-1"], view.restarts["restart-task-c-1"]
    assert (whole.connector, whole.task, whole.include_tasks, whole.only_failed, whole.offset) == ("c-1", None, True, True, 0)
    assert (one.connector, one.task, one.offset) == ("c", 1, 1)
    assert (view.loggers, view.others) == ({"x": "DEBUG"}, {"backfill-c": {"to": 5}})
    view = fold(other_message("t", "backfill-c", None), plain("logger-cluster-x", None), plain("restart-task-c-1", None))
    assert (view.loggers, view.others, set(view.restarts)) == ({}, {}, {"restart-connector-c-1"})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("connector-c", "nonsense"),
        ("connector-c", "[1]"),
        ("connector-c", '{"properties":5}'),
        ("connector-c", '{"properties":{},"version":"x"}'),
        ("task-c", '{"properties":{}}'),
        ("commit-c", "{}"),
        ("commit-c", '{"tasks":null}'),
        ("target-state-c", '{"state":"SLEEPING"}'),
        ("logger-cluster-x", "{}"),
        ("history-connector-c-2", "{}"),
        ("history-connector-c", None),
        ("restart-task-c", "{}"),
        ("", "{}"),
    ],
)
def test_nonsense_is_passed_over(fold, key: str, value: str | None) -> None:
    """A record that cannot be understood changes nothing but the offset."""
    before = fold(connector_message("t", "c", {"a": "1"}, 1), task_message("t", "c", task(0)), commit_message("t", "c", [0]))
    after = fold(plain(key, value))
    assert after.connectors == before.connectors
    assert (after.loggers, after.versions, after.others) == ({}, {}, {})
    assert after.end_offset == before.end_offset + 1


@pytest.mark.parametrize("count", ["3000000000", "1e30", "[3]"])
def test_a_commit_of_more_tasks_than_there_are_counts_for_nothing(fold, count: str) -> None:
    """Whatever number a commit names, the tasks that stood before stand, and folding it costs nothing."""
    before = fold(connector_message("t", "c", {"a": "1"}, 1), task_message("t", "c", task(0)), commit_message("t", "c", [0]))
    view = fold(plain("commit-c", f'{{"tasks":{count}}}'))
    assert view.connectors["c"].tasks == before.connectors["c"].tasks


def test_a_snapshot_never_changes(fold) -> None:
    """What a view showed it shows for ever, and it cannot be written to."""
    before = fold(connector_message("t", "c", {"a": "1"}, 1))
    fold(connector_message("t", "c", {"a": "2"}, 2), connector_message("t", "d", {}, 1))
    assert set(before.connectors) == {"c"}
    assert before.connectors["c"].config["a"] == "1"
    with pytest.raises(TypeError):
        before.connectors["c"].config["a"] = "3"
    with pytest.raises(TypeError):
        before.connectors["x"] = before.connectors["c"]


def test_listeners_hear_each_batch_once(topic) -> None:
    """A batch of many messages makes one snapshot, which listeners are given."""
    configs, heard = ConfigTopic(), []
    configs.listen(heard.append)
    configs.fold(topic.write(connector_message("t", "c", {}, 1), connector_message("t", "d", {}, 1)))
    assert heard == [configs.view]
    assert set(heard[0].connectors) == {"c", "d"}


def test_a_change_finds_itself_again(topic) -> None:
    """The header of a change is remembered, of the last thousand changes."""
    configs = ConfigTopic()
    for number in range(1100):
        configs.fold(topic.write(Message("t", b"{}", key=b"x", headers=((CHANGE, b"%d" % number),))))
    assert configs.holds(b"1099")
    assert configs.holds(b"100")
    assert not configs.holds(b"99")


def test_ninety_thousand_tasks_cost_little(topic) -> None:
    """One more change to 300 connectors of 300 tasks copies neither tasks nor connectors that it does not touch."""
    configs = ConfigTopic()
    for name in range(300):
        tasks = [task_message("t", f"c{name}", task(number)) for number in range(300)]
        messages = [connector_message("t", f"c{name}", {}, 1), *tasks, commit_message("t", f"c{name}", range(300))]
        configs.fold(topic.write(*messages))
    before = configs.view
    began = time.process_time()
    for _ in range(100):
        configs.fold(topic.write(target_message("t", "c7", Target.PAUSED)))
    spent_secs = time.process_time() - began
    assert all(configs.view.connectors[name] is entry for name, entry in before.connectors.items() if name != "c7")
    assert configs.view.connectors["c7"].tasks is before.connectors["c7"].tasks
    assert spent_secs < 2


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["create", "tasks", "pause", "resume", "delete"]),
        st.sampled_from(["a", "a-1"]),
        st.sets(st.integers(0, 3)),
    ),
    max_size=25,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES)
def test_compaction_changes_nothing(topic, changes) -> None:
    """However far a topic was compacted, and whatever the batches, it folds to the same connectors, tasks and targets."""
    topic.messages.clear()
    live = ConfigTopic()
    for kind, name, numbers in changes:
        live.fold(topic.write(*messages_of(live.view, kind, name, numbers)))
    compacted = ConfigTopic()
    compacted.fold(topic.compacted())
    assert compacted.view.connectors == live.view.connectors
    assert compacted.view.versions == live.view.versions


def messages_of(view: ConfigView, kind: str, name: str, numbers: set[int]) -> list[Message]:
    entry = view.connectors.get(name)
    if kind == "create":
        version = 1 if entry is None else entry.version + 1
        kept = version_message("t", name, ConfigVersion(version, {}, 0, "me", "x"))
        return [connector_message("t", name, {"v": str(version)}, version), kept]
    if entry is None:
        return []
    if kind == "tasks":
        gone = [removed_task_message("t", name, number) for number in entry.tasks.keys() - numbers]
        return [
            *gone,
            *(task_message("t", name, task(n)) for n in numbers - entry.tasks.keys()),
            commit_message("t", name, numbers),
        ]
    if kind == "delete":
        return delete_messages("t", view, name)
    return [target_message("t", name, Target.PAUSED if kind == "pause" else Target.STARTED)]
