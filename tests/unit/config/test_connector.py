"""Tests of the framework's half of a connector's settings."""

import pytest
from pydantic import ValidationError

from wellhead.config import ConnectorSettings

NEEDED = {"name": "one", "connector_class": "wss"}


def test_defaults():
    """A name and a class are enough."""
    made = ConnectorSettings(**NEEDED)
    assert (made.tenant, made.on_error, made.transaction_boundary, made.restart_policy) == (
        "default",
        "dead_letter",
        "interval",
        "backoff",
    )
    assert (made.topic_of("wss.access_log"), made.dead_letter_topic_of("wss.access_log")) == (
        "wss.access_log",
        "wss.access_log.dlq",
    )


def test_topics_follow_prefix_and_setting():
    """The dead-letter topic follows the record topic unless it is named."""
    made = ConnectorSettings(**NEEDED, topic_prefix="prod.")
    assert (made.topic_of("a.b"), made.dead_letter_topic_of("a.b")) == ("prod.a.b", "prod.a.b.dlq")
    assert ConnectorSettings(**NEEDED, dead_letter_topic="dead").dead_letter_topic_of("a.b") == "dead"


def test_connects_words():
    """Connect's words are the ones to write."""
    made = ConnectorSettings.model_validate(
        {
            "name": "one",
            "connector.class": "wss",
            "errors.deadletterqueue.topic.name": "d",
            "topic.creation.default": {"partitions": 3},
            "on.error": "stop",
        }
    )
    assert (made.dead_letter_topic, made.topic_creation, made.on_error) == ("d", {"partitions": "3"}, "stop")


@pytest.mark.parametrize("name", ["", " ", "a b", "a/b", "a\\b", "a\tb", "a\nb", "a\x00b", "a\x7fb", ".", "..", "a" * 129])
def test_names_that_cannot_be_used(name):
    """A name stands in keys, ids, paths and URLs: no spaces, slashes or control characters."""
    with pytest.raises(ValidationError):
        ConnectorSettings(name=name, connector_class="wss")


@pytest.mark.parametrize("name", ["wss-acme", "WSS.acme_1", "ümlaut", "a:b", "日本"])
def test_names_that_can_be_used(name):
    """Anything else is the operator's choice."""
    assert ConnectorSettings(name=name, connector_class="wss").name == name


@pytest.mark.parametrize(
    "change",
    [
        {"connector_class": ""},
        {"tenant": ""},
        {"topic_prefix": "a/b"},
        {"poll_interval_secs": 0},
        {"poll_interval_secs": float("inf") * -1},
        {"poll_cron": ""},
        {"poll_cron": "61 * * * *"},
        {"poll_cron": "often"},
        {"poll_cron": "0 0 30 2 *"},
        {"poll_interval_secs": float("inf")},
        {"poll_interval_secs": float("nan")},
        {"poll_jitter_ratio": 1.5},
        {"run_max_batches": 0},
        {"run_max_secs": 0},
        {"transaction_boundary": "connector"},
        {"transaction_boundary_interval_ms": 0},
        {"transaction_max_bytes": 0},
        {"pipeline_max_bytes": 0},
        {"on_error": "ignore"},
        {"dead_letter_topic": "a b"},
        {"retry_backoff_max_secs": 0},
        {"restart_backoff_initial_secs": 10, "restart_backoff_max_secs": 5},
        {"freshness_target_secs": -1},
        {"topic_creation": {"partitions": 0}},
        {"topic_creation": {"partitions": "many"}},
        {"topic_creation": {"replication.factor": "0"}},
    ],
)
def test_out_of_bounds(change):
    """What cannot work is refused."""
    with pytest.raises(ValidationError):
        ConnectorSettings(**{**NEEDED, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"poll_cron": "* * * * *", "poll_interval_secs": 5},
        {"poll_cron": "* * * * *", "poll_continuous": True},
        {"poll_interval_secs": 5, "poll_continuous": True},
    ],
)
def test_there_is_one_schedule(change):
    """Cron, interval and continuous exclude each other."""
    with pytest.raises(ValidationError, match="cannot stand together with"):
        ConnectorSettings(**NEEDED, **change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "as each stream suggests"),
        ({"poll_interval_secs": 2.5}, "every 2.5 s"),
        ({"poll_cron": "*/5 * * * *"}, "cron */5 * * * * UTC"),
        ({"poll_continuous": True}, "continuous"),
    ],
)
def test_the_schedule_in_words(change, words):
    """`config check` tells when a connector runs."""
    assert ConnectorSettings(**NEEDED, **change).schedule() == words


def test_every_field_is_described():
    """The reference page has a sentence for every option."""
    assert [name for name, field in ConnectorSettings.model_fields.items() if not (field.description or "").endswith(".")] == []
