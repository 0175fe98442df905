"""The status topic's records fold to the newest state of everything."""

import json

import pytest

from wellhead.kafka.messages import Message
from wellhead.storage.statuses import (
    Status,
    StatusTopic,
    TopicUse,
    connector_status,
    removed_topic_status,
    task_status,
    topic_status,
)

RUNNING = Status("RUNNING", "one:8083", 3)
FAILED = Status("FAILED", "one:8083", 3, "why", "1.0")


def test_states_fold(topic) -> None:
    """The newest state of each counts, a tombstone removes it, a name may hold dashes."""
    statuses = StatusTopic()
    statuses.fold(
        topic.write(
            connector_status("s", "c-1", RUNNING), task_status("s", "c-1", 0, RUNNING), task_status("s", "c-1", 12, RUNNING)
        )
    )
    before = statuses.view
    statuses.fold(topic.write(task_status("s", "c-1", 0, FAILED), task_status("s", "c-1", 12, None)))
    view = statuses.view
    assert view.connectors == {"c-1": RUNNING}
    assert dict(view.tasks) == {("c-1", 0): FAILED}
    assert view.tasks.of("c-1") == {0: FAILED}
    assert view.tasks.of("nobody") == {}
    assert view.tasks.get(("nobody", 3)) is None
    assert len(before.tasks) == 2, "a snapshot never changes"
    statuses.fold(topic.write(connector_status("s", "c-1", None), task_status("s", "c-1", 0, None)))
    assert (statuses.view.connectors, len(statuses.view.tasks)) == ({}, 0)


def test_topics_in_use_fold(topic) -> None:
    """Which topics a connector wrote to is known until it is forgotten."""
    statuses = StatusTopic()
    statuses.fold(topic.write(topic_status("s", TopicUse("a.b", "c", 0, 17)), topic_status("s", TopicUse("d", "c", 1, 18))))
    assert statuses.view.topics["c"]["a.b"] == TopicUse("a.b", "c", 0, 17)
    statuses.fold(topic.write(removed_topic_status("s", "c", "a.b")))
    assert set(statuses.view.topics["c"]) == {"d"}
    statuses.fold(topic.write(removed_topic_status("s", "c", "d")))
    assert "c" not in statuses.view.topics


def test_bytes_are_connects() -> None:
    """Fields stand in Connect's order, those without a content too."""
    assert task_status("s", "c", 0, RUNNING).value == (
        b'{"state":"RUNNING","trace":null,"worker_id":"one:8083","generation":3,"version":null}'
    )
    assert json.loads(task_status("s", "c", 0, FAILED).value)["trace"] == "why"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("status-connector-c", b"{}"),
        ("status-connector-c", b"[]"),
        ("status-task-c", b"{}"),
        ("status-topic-a:connector-c", b"{}"),
        ("status-topic-a", b"{}"),
        ("other", b"{}"),
    ],
)
def test_nonsense_is_passed_over(topic, key: str, value: bytes) -> None:
    """A record that cannot be understood changes nothing."""
    statuses = StatusTopic()
    statuses.fold(topic.write(Message("s", value, key=key.encode())))
    assert (statuses.view.connectors, len(statuses.view.tasks), statuses.view.topics) == ({}, 0, {})


@pytest.mark.parametrize(
    ("former", "safe"),
    [
        (None, True),
        (Status("RUNNING", "one:8083", 9), True),
        (Status("RUNNING", "two:8083", 3), True),
        (Status("RUNNING", "two:8083", 2), True),
        (Status("RUNNING", "two:8083", 4), False),
    ],
)
def test_safe_writes_are_connects(former: Status | None, safe: bool) -> None:
    """Over nothing, one's own, or what is not of a later generation."""
    assert RUNNING.may_replace(former) is safe


def test_listeners_are_told(topic) -> None:
    """Each batch makes one snapshot, which listeners are given."""
    statuses, heard = StatusTopic(), []
    statuses.listen(heard.append)
    statuses.fold(topic.write(connector_status("s", "c", RUNNING)))
    assert heard == [statuses.view]
