"""Tests of the worker's settings."""

import pytest
from pydantic import ValidationError

from wellhead.config import WorkerSettings

NEEDED = {"kafka": {"bootstrap.servers": "b:9092"}, "schema_registry": {"url": "http://r:8081"}}


def test_defaults():
    """A broker and a registry are enough."""
    made = WorkerSettings(**NEEDED)
    assert (made.group_id, made.offset_storage_topic, made.runs_topic) == ("wellhead", "wellhead-offsets", "wellhead-runs")
    assert made.offset_storage_partitions == 25
    assert made.listen_address() == ("127.0.0.1", 8083)
    assert made.spool_dir.is_dir()


def test_flags_win_over_environment_over_files():
    """The ladder holds for plain words and inside groups."""
    made = WorkerSettings.layered(
        flags={"group.id": "flag", "kafka": {"a": "flag"}},
        environment={"group.id": "env", "log.level": "debug", "kafka": {"a": "env", "b": "env"}},
        files={"group.id": "file", "log.level": "ERROR", "runs.topic": "file", "kafka": {"a": "file", "b": "file", "c": "file", "bootstrap.servers": "b:1"},
               "schema.registry": {"url": "http://r"}},
    )  # fmt: skip
    assert (made.group_id, made.log_level, made.runs_topic) == ("flag", "DEBUG", "file")
    assert made.kafka == {"a": "flag", "b": "env", "c": "file", "bootstrap.servers": "b:1"}


def test_the_process_environment_is_not_read_behind_the_back(monkeypatch):
    """Only what the caller hands over counts, so tests and tools see what they ask for."""
    monkeypatch.setenv("GROUP_ID", "sneaky")
    monkeypatch.setenv("group.id", "sneaky")
    monkeypatch.setenv("WELLHEAD_GROUP_ID", "sneaky")
    assert WorkerSettings(**NEEDED).group_id == "wellhead"


@pytest.mark.parametrize(
    "change",
    [
        {"kafka": {}},
        {"kafka": {"bootstrap.servers": " "}},
        {"schema_registry": {}},
        {"schema_registry": {"url": "r:8081"}},
        {"schema_registry": {"url": "http://a,b"}},
        {"group_id": ""},
        {"group_id": "a b"},
        {"offset_storage_topic": "a/b"},
        {"offset_storage_partitions": 0},
        {"offset_storage_replication_factor": 0},
        {"offset_storage_replication_factor": -2},
        {"runs_topic_retention_ms": -2},
        {"listeners": "127.0.0.1:8083"},
        {"listeners": "http://127.0.0.1"},
        {"listeners": "http://h:99999"},
        {"listeners": "http://a:1,tcp://b:2"},
        {"task_shutdown_graceful_timeout_ms": -1},
        {"log_level": "LOUD"},
        {"log_format": "xml"},
        {"otlp_endpoint": "collector:4318"},
    ],
)
def test_out_of_bounds(change):
    """What cannot work is refused at the start, not at three in the morning."""
    with pytest.raises(ValidationError):
        WorkerSettings(**{**NEEDED, **change})


@pytest.mark.parametrize(
    ("listeners", "address"),
    [
        ("", None),
        (" ", None),
        ("http://:8083", ("0.0.0.0", 8083)),
        ("http://0.0.0.0:1/", ("0.0.0.0", 1)),
        ("http://[::1]:8083", ("::1", 8083)),
    ],
)
def test_listeners(listeners, address):
    """Empty is off; no host is every interface, as in Connect."""
    assert WorkerSettings(**NEEDED, listeners=listeners).listen_address() == address


def test_several_registries_may_be_given():
    """The registry client takes a comma list."""
    assert (
        WorkerSettings(**{**NEEDED, "schema_registry": {"url": "http://a:1, https://b:2"}}).schema_registry["url"]
        == "http://a:1, https://b:2"
    )


def test_every_field_is_described():
    """The reference page has a sentence for every option."""
    assert [
        name for name, field in WorkerSettings.model_fields.items() if not (field.description or "").endswith((".", "…"))
    ] == []
