"""Settings that librdkafka would refuse are told before anything runs, all of them, without a broker."""

from dataclasses import dataclass, field
from typing import Any

from wellhead.kafka.check import problems


@dataclass
class Worker:
    kafka: dict[str, Any] = field(default_factory=lambda: {"bootstrap.servers": "127.0.0.1:1"})
    producer: dict[str, Any] = field(default_factory=dict)
    consumer: dict[str, Any] = field(default_factory=dict)
    group_id: str = "wellhead"


@dataclass
class Connector:
    producer_override: dict[str, Any] = field(default_factory=dict)


def test_sound_settings_have_no_problem() -> None:
    """Whatever librdkafka knows passes."""
    assert (
        problems(Worker(producer={"linger.ms": 5, "sticky.partitioning.linger.ms": 3}), Connector({"compression.level": 3}))
        == []
    )


def test_every_problem_is_told() -> None:
    """A misspelled name, a wrong value and a consumer's misspelling come in one list."""
    worker = Worker(producer={"linger.mss": "5"}, consumer={"fetch.min.byte": "1"})
    found = {problem.path: problem.message for problem in problems(worker, Connector({"compression.type": "zip"}))}
    assert found.keys() == {"kafka settings: linger.mss", "kafka settings: fetch.min.byte", "kafka settings: compression.type"}
    assert 'No such configuration property: "linger.mss"' in found["kafka settings: linger.mss"]


def test_forbidden_settings_are_told_by_path() -> None:
    """What Wellhead itself refuses is told as it is."""
    assert [problem.path for problem in problems(Worker(), Connector({"acks": "1"}))] == ["producer.override.acks"]


def test_a_secret_is_not_in_the_problem() -> None:
    """I6: a wrong value that is a secret is not shown."""
    worker = Worker(kafka={"bootstrap.servers": "b:1", "security.protocol": "ssl", "ssl.key.pem": "s3cret-material"})
    found = problems(worker, Connector())
    assert found
    assert "s3cret-material" not in str(found[0])
