"""Proves on a real broker that what one worker writes of configs, states and cursors every other one sees, in Connect's bytes."""

import pytest

from wellhead.errors import PermanentError
from wellhead.kafka.consumer import read_to_end
from wellhead.kafka.cursors import CursorStore
from wellhead.kafka.topics import TopicSpec, ensure
from wellhead.storage.configs import (
    Target,
    TaskEntry,
    commit_message,
    connector_message,
    delete_messages,
    target_message,
    task_message,
)
from wellhead.storage.group import Storage
from wellhead.storage.statuses import Status, TopicUse
from wellhead.storage.topics import storage_specs


@pytest.fixture
def storage(lab):
    """Start a worker's storage."""

    def start() -> Storage:
        made = Storage(lab.worker)
        lab.at_end(made.close)
        made.start()
        return made

    return start


def everything(lab, topic: str) -> dict[bytes, bytes | None]:
    found = {}
    read_to_end(lab.consumer_config, topic, lambda messages: found.update({each.key(): each.value() for each in messages}))
    return found


def test_two_workers_see_the_same(lab, storage) -> None:
    """Connectors, states and cursors that one worker writes are what another sees, also one that starts later."""
    one, two = storage(), storage()
    topic = lab.worker.config_storage_topic
    task = TaskEntry(0, 4, "acme", ("a", "b"), {"task.class": "x"})
    one.writer.change(
        lambda _view: [
            connector_message(topic, "c", {"name": "c"}, 1),
            task_message(topic, "c", task),
            commit_message(topic, "c", [0]),
            target_message(topic, "c", Target.STOPPED),
        ]
    )
    one.states.put_connector("c", Status("RUNNING", "one:8083", 3))
    one.states.put_task("c", 0, Status("FAILED", "one:8083", 3, "why"))
    one.states.put_topic(TopicUse("t", "c", 0, 17))
    assert one.states.flush(60)
    store = CursorStore(lab.consumer_config, lab.worker.offset_storage_topic, "c", {"tenant": "acme", "stream": "a"})
    lab.commit(lab.producer(), store.message({"page": 7}, "id"))
    three = storage()
    for each in (one, two, three):
        entry = each.fresh_configs().connectors["c"]
        assert (entry.target, entry.version, entry.tasks[0].slot, entry.tasks[0].streams) == (Target.STOPPED, 1, 4, ("a", "b"))
        each.tail.caught_up()
        view = each.statuses.view
        assert view.connectors == {"c": Status("RUNNING", "one:8083", 3)}
        assert view.tasks["c", 0].trace == "why"
        assert view.topics["c"]["t"].discovered_ms == 17
        (cursor,) = each.fresh_cursors().of("c")
        assert (cursor.partition, cursor.cursor, cursor.topic_id) == ({"stream": "a", "tenant": "acme"}, {"page": 7}, "id")


def test_bytes_are_connects(lab, storage) -> None:
    """Keys are plain text, values JSON objects without schemas, deletion is tombstones: what a real worker reads and writes."""
    one = storage()
    topic = lab.worker.config_storage_topic
    task = TaskEntry(0, 0, "acme", ("a",), {"task.class": "x"})
    one.writer.change(
        lambda _view: [
            connector_message(topic, "c", {"name": "c", "null": None}, 1),
            task_message(topic, "c", task),
            commit_message(topic, "c", [0]),
            target_message(topic, "c", Target.STOPPED),
        ]
    )
    one.states.put_task("c", 0, Status("RUNNING", "one:8083", 3))
    one.states.put_topic(TopicUse("t", "c", 0, 17))
    assert one.states.flush(60)
    assert everything(lab, topic) == {
        b"wellhead-group": f'{{"group.id":"{lab.worker.group_id}"}}'.encode(),
        b"connector-c": b'{"properties":{"name":"c","null":null},"version":1}',
        b"task-c-0": b'{"properties":{"task.class":"x","tenant":"acme","streams":"a","wellhead.slot":"0"}}',
        b"commit-c": b'{"tasks":1,"numbers":[0]}',
        b"target-state-c": b'{"state":"PAUSED","state.v2":"STOPPED"}',
    }
    assert everything(lab, lab.worker.status_storage_topic) == {
        b"status-task-c-0": b'{"state":"RUNNING","trace":null,"worker_id":"one:8083","generation":3,"version":null}',
        b"status-topic-t:connector-c": b'{"topic":{"name":"t","connector":"c","task":0,"discoverTimestamp":17}}',
    }
    one.writer.change(lambda view: delete_messages(topic, view, "c"))
    one.states.remove_connector("c")
    assert one.states.flush(60)
    left = {key for key, value in everything(lab, topic).items() if value is not None}
    assert left == {b"wellhead-group"}
    one.tail.caught_up()
    assert not one.configs.view.connectors
    assert not one.statuses.view.tasks
    assert not one.statuses.view.topics


def test_an_older_generation_does_not_overwrite(lab, storage) -> None:
    """What a worker that was left behind says of a task does not replace what its successor said."""
    one, two = storage(), storage()
    two.states.put_task("c", 0, Status("RUNNING", "two:8083", 8))
    assert two.states.flush(60)
    one.tail.caught_up()
    one.states.put_task("c", 0, Status("UNASSIGNED", "one:8083", 7))
    assert one.states.flush(60)
    one.tail.caught_up()
    assert one.statuses.view.tasks["c", 0].worker_id == "two:8083"
    one.states.put_task("c", 0, Status("RUNNING", "one:8083", 7), safe=False)
    assert one.states.flush(60)
    one.tail.caught_up()
    assert one.statuses.view.tasks["c", 0].worker_id == "one:8083"


def test_the_newest_state_wins(lab, storage) -> None:
    """Of many states that are put in a row the last one is what stays, and none is waited for."""
    one = storage()
    for number in range(2000):
        one.states.put_task("c", 0, Status("RUNNING" if number % 2 else "PAUSED", "one:8083", number))
    assert one.states.flush(60)
    one.tail.caught_up()
    assert one.statuses.view.tasks["c", 0] == Status("RUNNING", "one:8083", 1999)


@pytest.mark.parametrize("name", ["config_storage_topic", "status_storage_topic", "offset_storage_topic"])
def test_a_topic_that_forgets_is_refused(lab, storage, name: str) -> None:
    """A topic that is not compacted would lose what is not written again, so a worker does not start on it."""
    topic = getattr(lab.worker, name)
    ensure(lab.admin_config, [TopicSpec(topic, 1, config={"cleanup.policy": "delete"})])
    with pytest.raises(
        PermanentError, match=r"cleanup\.policy=delete, which would lose .*; it must be compact\. Alter the topic"
    ):
        storage()


def test_a_config_topic_of_two_partitions_is_refused(lab, storage) -> None:
    """Changes of a topic with more than one partition have no order."""
    ensure(lab.admin_config, [TopicSpec(lab.worker.config_storage_topic, 2, config={"cleanup.policy": "compact"})])
    with pytest.raises(PermanentError, match="has 2 partitions, but the config topic must have exactly one"):
        storage()


def test_all_topics_are_made(lab, storage) -> None:
    """A first worker makes every topic that its group needs, and each as it must be."""
    one = storage()
    found = lab.admin().client.list_topics(timeout=30).topics
    assert {spec.name for spec in storage_specs(lab.worker)} <= found.keys()
    assert len(found[lab.worker.config_storage_topic].partitions) == 1
    assert len(found[lab.worker.lease_topic].partitions) == 1
    assert one.tail.failure is None
