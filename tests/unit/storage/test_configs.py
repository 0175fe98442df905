"""What a change means becomes Connect's bytes; a repr shows no config."""

import json

from wellhead.storage.configs import (
    VERSIONS_KEPT,
    ConfigVersion,
    ConfigView,
    ConnectorEntry,
    Target,
    TaskEntry,
    commit_message,
    connector_message,
    delete_messages,
    logger_message,
    restart_message,
    restart_task_message,
    target_message,
    task_message,
    version_messages,
)


def told(message) -> tuple[str, object]:
    return message.key.decode(), None if message.value is None else json.loads(message.value)


def test_records_are_connects() -> None:
    """Key and value of each record are those that Connect writes, with our fields beside them."""
    task = TaskEntry(3, 7, "acme", ("a", "b"), {"task.class": "x"})
    assert told(connector_message("t", "c", {"a": "1", "b": None}, 4)) == (
        "connector-c",
        {"properties": {"a": "1", "b": None}, "version": 4},
    )
    properties = {"task.class": "x", "tenant": "acme", "streams": "a,b", "wellhead.slot": "7"}
    assert told(task_message("t", "c", task)) == ("task-c-3", {"properties": properties})
    assert TaskEntry.parse(3, properties) == TaskEntry(3, 7, "acme", ("a", "b"), properties)
    assert told(commit_message("t", "c", {3, 1})) == ("commit-c", {"tasks": 2, "numbers": [1, 3]})
    assert told(logger_message("t", "wellhead.kafka", "DEBUG")) == ("logger-cluster-wellhead.kafka", {"level": "DEBUG"})
    order = {"include-tasks": True, "only-failed": False}
    assert told(restart_message("t", "c", include_tasks=True, only_failed=False)) == ("restart-connector-c", order)
    assert told(restart_task_message("t", "c", 3)) == ("restart-task-c-3", {"task": 3})


def test_stopped_is_paused_for_those_who_do_not_know_it() -> None:
    """STOPPED is written as PAUSED beside itself, the other targets as they are."""
    assert target_message("t", "c", Target.STOPPED).value == b'{"state":"PAUSED","state.v2":"STOPPED"}'
    assert target_message("t", "c", Target.STARTED).value == b'{"state":"STARTED","state.v2":"STARTED"}'


def test_old_versions_are_removed() -> None:
    """With each new version the oldest beyond those that are kept get tombstones."""
    kept = [ConfigVersion(number, {}, 0, "me", "config") for number in range(1, VERSIONS_KEPT + 2)]
    view = ConfigView(versions={"c": kept})
    messages = version_messages("t", view, "c", ConfigVersion(VERSIONS_KEPT + 2, {"a": "1"}, 5, "me", "config"))
    assert told(messages[0]) == (
        f"history-connector-c-{VERSIONS_KEPT + 2}",
        {"properties": {"a": "1"}, "at_ms": 5, "by": "me", "what": "config"},
    )
    assert [told(message) for message in messages[1:]] == [("history-connector-c-1", None), ("history-connector-c-2", None)]


def test_deletion_is_tombstones_of_everything() -> None:
    """Nothing of a deleted connector stays under any key."""
    task = TaskEntry(0, 0, "acme", (), {})
    entry = ConnectorEntry("c", {}, 1, Target.STARTED, {0: task, 2: task}, 0, 0)
    view = ConfigView({"c": entry}, {"c": [ConfigVersion(1, {}, 0, "me", "create")]})
    keys = ["connector-c", "target-state-c", "task-c-0", "task-c-2", "commit-c", "history-connector-c-1"]
    assert [told(message) for message in delete_messages("t", view, "c")] == [(key, None) for key in keys]


def test_no_secret_in_a_repr() -> None:
    """Configs may hold secrets plainly: neither an entry nor a version nor a view shows one (I6)."""
    config = {"password": "s3same"}
    task = TaskEntry(0, 0, "acme", (), config)
    entry = ConnectorEntry("c", config, 1, Target.STARTED, {0: task}, 0, 0)
    view = ConfigView({"c": entry}, {"c": [ConfigVersion(1, config, 0, "me", "create")]}, others={"x": config})
    assert "s3same" not in repr(view)


def test_half_a_character_does_not_stop_a_change() -> None:
    """Text that is no Unicode is written as Java writes it, so that it can be read again."""
    assert json.loads(connector_message("t", "c", {"a": "\ud800"}, 1).value)["properties"] == {"a": "?"}
