"""Takes the operator's dotted settings, gives what each Kafka client is built with, never lets exactly-once be switched off.

Later wins: Wellhead's defaults < worker `kafka.*` < worker `producer.*` / `consumer.*` < connector `producer.override.*` < what
exactly-once needs. Every librdkafka setting passes through; a Java name that librdkafka does not know is refused with its counterpart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from wellhead.config.secrets import literals, masked, scrub
from wellhead.errors import ConfigError, Problem
from wellhead.kafka.java_names import JAVA_NAMES

_CLIENT_DEFAULTS = {
    "log.connection.close": "false",
    "reconnect.backoff.max.ms": "1000",  # back within a second of the broker's return
    "reconnect.backoff.ms": "20",
    "retry.backoff.max.ms": "50",  # a new transaction waits for the former one's markers in these steps, 100 ms by default
    "retry.backoff.ms": "20",
    "socket.keepalive.enable": "true",
}
_PRODUCER_DEFAULTS = {
    "acks": "all",
    "batch.size": "1000000",
    "compression.type": "lz4",
    "linger.ms": "100",  # a commit sends at once whatever is waiting
    "max.in.flight.requests.per.connection": "5",
    "partitioner": "murmur2_random",  # Java's: a key lands where Connect and its tools would put it
    "queue.buffering.max.kbytes": "16384",  # more waits only in memory: five batches are under way at most
    "queue.buffering.max.messages": "1000000",
    "statistics.interval.ms": "0",
    "transaction.timeout.ms": "60000",
}
_CONSUMER_DEFAULTS = {
    "auto.offset.reset": "earliest",
    "fetch.wait.max.ms": "50",
    "queued.max.messages.kbytes": "16384",
}
_PRODUCER_FORCED = {"enable.idempotence": "true"}
_CONSUMER_FORCED = {
    "enable.auto.commit": "false",
    "enable.auto.offset.store": "false",
    "enable.partition.eof": "true",
    "isolation.level": "read_committed",
}
_ALLOWED = {
    "acks": {"all", "-1"},
    "enable.idempotence": {"true"},
    "isolation.level": {"read_committed"},
    "partitioner": {"murmur2_random", "murmur2"},
    "request.required.acks": {"all", "-1"},
}
_WHY = {
    "acks": "must be all: exactly-once needs every in-sync replica",
    "enable.idempotence": "must stay true: exactly-once needs it",
    "isolation.level": "must stay read_committed: aborted records must not be read",
    "partitioner": "must be murmur2_random or murmur2: a cursor's key must land where Connect and its tools look for it",
    "request.required.acks": "must be all: exactly-once needs every in-sync replica",
}
_OWN = {
    "enable.auto.commit": "is set by Wellhead: cursors live in the offsets topic",
    "enable.auto.offset.store": "is set by Wellhead: cursors live in the offsets topic",
    "enable.partition.eof": "is set by Wellhead: reads end at the end of the topic",
    "group.id": "is the worker's group.id: set it there",
    "transactional.id": "is set by Wellhead: it fences a former owner of the task",
}


class WorkerKafka(Protocol):
    """What of the worker's settings concerns Kafka clients; prefixes are already cut off."""

    @property
    def group_id(self) -> str: ...
    @property
    def kafka(self) -> Mapping[str, Any]: ...
    @property
    def producer(self) -> Mapping[str, Any]: ...
    @property
    def consumer(self) -> Mapping[str, Any]: ...


class ConnectorKafka(Protocol):
    """What of a connector's settings concerns its producer."""

    @property
    def producer_override(self) -> Mapping[str, Any]: ...


class ClientConfig(dict[str, Any]):
    """Settings of one client, whose text form hides every secret."""

    def __repr__(self) -> str:
        return repr({name: masked(name, value) for name, value in self.items()})

    __str__ = __repr__


def producer_config(worker: WorkerKafka, connector: ConnectorKafka | None, transactional_id: str) -> ClientConfig:
    """Give the settings of the transactional producer `transactional_id`, which is a connector's, or with None the house's own.

    Raises:
        ConfigError: A setting is forbidden or is a Java name; every problem is listed.
    """
    override = {} if connector is None else connector.producer_override
    given = _given(worker, {"producer": worker.producer, "producer.override": override})
    forced = _PRODUCER_FORCED | {"transactional.id": transactional_id, "client.id": transactional_id}
    config = _merge(_CLIENT_DEFAULTS | _PRODUCER_DEFAULTS, given, forced)
    if "queue.buffering.max.kbytes" not in given and str(config.get("message.max.bytes", "")).isdecimal():
        # The queue must hold any record that is allowed, or it would wait for room for ever.
        kbytes = max(int(config["queue.buffering.max.kbytes"]), 4 * int(config["message.max.bytes"]) // 1024)
        config["queue.buffering.max.kbytes"] = str(kbytes)
    return config


def writer_config(worker: WorkerKafka, *, client_id: str = "wellhead-writer") -> ClientConfig:
    """Give the settings of a producer without transactions, which puts a key where the transactional ones do.

    Raises:
        ConfigError: A setting is forbidden or is a Java name; every problem is listed.
    """
    given = _given(worker, {"producer": worker.producer})
    config = _merge(_CLIENT_DEFAULTS | _PRODUCER_DEFAULTS, given, _PRODUCER_FORCED | {"client.id": client_id})
    config.pop("transaction.timeout.ms")
    return config


def consumer_config(worker: WorkerKafka, *, client_id: str = "wellhead") -> ClientConfig:
    """Give the settings of a read-committed consumer that reads assigned partitions, without joining a group.

    Raises:
        ConfigError: A setting is forbidden or is a Java name; every problem is listed.
    """
    given = _given(worker, {"consumer": worker.consumer})
    return _merge(
        _CLIENT_DEFAULTS | _CONSUMER_DEFAULTS, given, _CONSUMER_FORCED | {"group.id": worker.group_id, "client.id": client_id}
    )


def admin_config(worker: WorkerKafka, *, client_id: str = "wellhead-admin") -> ClientConfig:
    """Give the settings of a client that makes and describes topics.

    Raises:
        ConfigError: A setting is forbidden or is a Java name; every problem is listed.
    """
    return _merge(_CLIENT_DEFAULTS, _given(worker, {}), {"client.id": client_id})


def redact(text: str, config: Mapping[str, Any]) -> str:
    """Give `text` without any secret value of `config`."""
    return scrub(text, (secret for name, value in config.items() for secret in literals(name, value)))


def _given(worker: WorkerKafka, special: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    layers = {"kafka": worker.kafka, **special}
    problems = [problem for prefix, settings in layers.items() for problem in _problems(prefix, settings)]
    if not worker.kafka.get("bootstrap.servers"):
        problems.append(Problem("kafka.bootstrap.servers", "is required: host:port of one or more brokers, comma separated"))
    if problems:
        raise ConfigError("kafka settings", problems)
    return {name: value for settings in layers.values() for name, value in settings.items()}


def _problems(prefix: str, settings: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in settings.items():
        path = f"{prefix}.{name}"
        if name in JAVA_NAMES:
            yield Problem(path, f"is a Java client's setting: {JAVA_NAMES[name]}")
        elif name in _OWN:
            yield Problem(path, _OWN[name])
        elif name in _ALLOWED and _text(value).lower() not in _ALLOWED[name]:
            yield Problem(path, _WHY[name])


def _merge(defaults: Mapping[str, str], given: Mapping[str, Any], forced: Mapping[str, str]) -> ClientConfig:
    chosen = {name: value if isinstance(value, str) else _text(value) for name, value in given.items()}
    kept = {name: value for name, value in defaults.items() if chosen.keys().isdisjoint(spellings(name))}
    return ClientConfig(kept | chosen | dict(forced))


_ALIASES: tuple[frozenset[str], ...] = (
    frozenset({"acks", "request.required.acks"}),
    frozenset({"compression.type", "compression.codec"}),
    frozenset({"linger.ms", "queue.buffering.max.ms"}),
    frozenset({"max.in.flight.requests.per.connection", "max.in.flight"}),
)


def spellings(name: str) -> frozenset[str]:
    """Give every name librdkafka knows the setting `name` by."""
    return next((names for names in _ALIASES if name in names), frozenset({name}))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
