"""Tests of the rules over several options."""

import keyed_source
import pytest

from wellhead.config import ConnectorSettings, LoadedConnector
from wellhead.config.conflicts import problems_between
from wellhead.config.worker import WorkerSettings

SECOND = "  two: {connector.class: fake, tenant: acme, token: t0ken-of-acme}\n"


def test_topic_names_kafka_would_refuse(refused, sound):
    """A name that is too long is told at the prefix that makes it so."""
    assert refused(sound + f"    topic.prefix: {'x' * 245}\n    errors.deadletterqueue.topic.name: d\n") == {
        "connectors.one.topic.prefix": "makes a topic name that Kafka refuses (249 characters of a-z A-Z 0-9 . _ -)"
    }


def test_a_connector_may_not_write_into_the_workers_topics(refused, sound):
    """Records in the offsets topic would destroy cursors."""
    assert refused(sound, overrides=("offset.storage.topic=fake.events",)) == {
        "connectors.one.topic.prefix": "makes the topic fake.events, which is the worker's offset.storage.topic"
    }
    assert refused(sound, overrides=("runs.topic=fake.events.dlq",)) == {
        "connectors.one.topic.prefix": "makes the topic fake.events.dlq, which is the worker's runs.topic"
    }


@pytest.mark.parametrize("word", ["config.storage.topic", "status.storage.topic", "audit.topic", "lease.topic"])
def test_what_a_group_keeps_is_nobodys_dead_letters(refused, sound, word):
    """Connectors, states and audit lie in topics of their own, which no connector may write to."""
    assert refused(sound, overrides=(f"{word}=fake.events.dlq",)) == {
        "connectors.one.topic.prefix": f"makes the topic fake.events.dlq, which is the worker's {word}"
    }
    assert refused(sound, overrides=(f"{word}=wellhead-offsets",)) == {
        f"worker.{word}": "is the same as offset.storage.topic; give each its own topic"
    }


def test_offsets_and_runs_have_a_topic_each(refused, sound):
    """One is compacted, the other is not."""
    assert refused(sound, overrides=("runs.topic=wellhead-offsets",)) == {
        "worker.runs.topic": "is the same as offset.storage.topic; give each its own topic"
    }


def test_dead_letters_need_their_own_topic(refused, sound):
    """A consumer of records must not meet dead letters."""
    assert refused(sound, overrides=("connectors.one.errors.deadletterqueue.topic.name=fake.events",)) == {
        "connectors.one.errors.deadletterqueue.topic.name": "is also a topic of its records; dead letters need their own"
    }


def test_two_pullers_of_one_tenant_are_warned_of(loaded, sound):
    """Two clients of one account steal each other's records; it may be two accounts, so it is a warning."""
    deployment = loaded(sound + SECOND)
    assert [str(warning) for warning in deployment.warnings] == [
        "connectors.two: pulls events of tenant acme like one; two clients of one account take each other's records"
    ]
    assert loaded(sound + SECOND.replace("acme,", "other,")).warnings == ()


def test_a_target_no_healthy_task_can_meet_is_warned_of(loaded, sound):
    """A task that polls every hour is not late after a quarter of one."""
    warned = [str(warning) for warning in loaded(sound + "    poll.interval.secs: 3600\n").warnings]
    assert warned == [
        "connectors.one.freshness.target.secs: is shorter than the 3600 s between two polls; the task would count as DEGRADED while it waits"
    ]
    assert loaded(sound + "    poll.interval.secs: 3600\n    freshness.target.secs: 7200\n").warnings == ()
    assert [warning.path for warning in loaded(sound + "    freshness.target.secs: 29\n").warnings] == [
        "connectors.one.freshness.target.secs"
    ]
    assert loaded(sound + "    freshness.target.secs: 29\n    poll.continuous: true\n").warnings == ()


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ({}, {}, {"connectors.two.topic.prefix"}),
        ({"topic.prefix": "a."}, {"topic.prefix": "b."}, set()),
        ({"topic.prefix": "a.", "record.timestamp": "event"}, {"topic.prefix": "b."}, {"connectors.one.record.timestamp"}),
    ],
)
def test_a_state_has_one_owner_and_the_time_of_publishing(first, second, told):
    """Two connectors that write one compacted topic would end each other's records; event time would end them all."""
    stream = keyed_source.connector.streams[0]
    connectors = [
        LoadedConnector(
            ConnectorSettings.model_validate({"name": name, "connector.class": "keyed", "tenant": name, **words}),
            keyed_source.connector,
            keyed_source.StateConfig(),
            (stream,),
        )
        for name, words in (("one", first), ("two", second))
    ]
    worker = WorkerSettings(group_id="g", kafka={"bootstrap.servers": "b:1"}, schema_registry={"url": "http://r"})
    assert {problem.path for problem in problems_between(worker, connectors)} == told
