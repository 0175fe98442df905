"""Takes a worker's settings, gives the internal topics a group shares, made where they are missing; never uses one that would lose what it holds."""

from __future__ import annotations

from collections.abc import Sequence

from confluent_kafka import KafkaException

from wellhead.config.worker import WorkerSettings
from wellhead.errors import PermanentError
from wellhead.kafka.admin import Admin
from wellhead.kafka.errors import recovery, where
from wellhead.kafka.settings import admin_config
from wellhead.kafka.topics import TopicSpec, ensure, partition_counts

_COMPACT = {"cleanup.policy": "compact"}


def config_spec(worker: WorkerSettings) -> TopicSpec:
    """Give the config topic: one partition, for the order of changes is the truth."""
    return TopicSpec(
        worker.config_storage_topic,
        1,
        worker.config_storage_replication_factor,
        _COMPACT,
        strict_cleanup=True,
        holds="connectors that nobody changes for a while",
    )


def status_spec(worker: WorkerSettings) -> TopicSpec:
    """Give the status topic."""
    return TopicSpec(
        worker.status_storage_topic,
        worker.status_storage_partitions,
        worker.status_storage_replication_factor,
        _COMPACT,
        strict_cleanup=True,
        holds="the states of connectors and tasks",
    )


def offsets_spec(worker: WorkerSettings) -> TopicSpec:
    """Give the offsets topic."""
    return TopicSpec(
        worker.offset_storage_topic,
        worker.offset_storage_partitions,
        worker.offset_storage_replication_factor,
        _COMPACT,
        strict_cleanup=True,
    )


def history_spec(worker: WorkerSettings) -> TopicSpec:
    """Give the history of cursors: one partition, so that a question about one stream is one short read."""
    retention_ms = str(worker.offset_history_retention_ms)
    return TopicSpec(
        worker.offset_history_topic,
        1,
        worker.offset_storage_replication_factor,
        {"cleanup.policy": "delete", "retention.ms": retention_ms},
    )


def audit_spec(worker: WorkerSettings) -> TopicSpec:
    """Give the audit topic."""
    retention_ms = str(worker.audit_retention_ms)
    return TopicSpec(
        worker.audit_topic,
        1,
        worker.config_storage_replication_factor,
        {"cleanup.policy": "delete", "retention.ms": retention_ms},
    )


def assignment_spec(worker: WorkerSettings) -> TopicSpec:
    """Give the assignment topic: a partition for each task's place; it grows with them and holds no records."""
    return TopicSpec(worker.assignment_topic, 1, worker.config_storage_replication_factor, {"cleanup.policy": "delete"})


def lease_spec(worker: WorkerSettings) -> TopicSpec:
    """Give the lease topic, whose one partition's committed offsets prove that workers live; it holds no records."""
    return TopicSpec(worker.lease_topic, 1, worker.config_storage_replication_factor, {"cleanup.policy": "delete"})


def storage_specs(worker: WorkerSettings) -> list[TopicSpec]:
    """Give every internal topic of a group of workers."""
    makers = (config_spec, status_spec, offsets_spec, history_spec, audit_spec, assignment_spec, lease_spec)
    return [make(worker) for make in makers]


def ensure_storage(worker: WorkerSettings, specs: Sequence[TopicSpec] | None = None) -> list[str]:
    """Make what is missing of the internal topics, refuse those that would lose something, and give the names of what was made; blocking.

    Raises:
        TemporaryError: The broker cannot be reached.
        PermanentError: A topic is not compacted though it must be, the config topic has more than one partition, or the broker refuses us.
    """
    created = ensure(admin_config(worker), storage_specs(worker) if specs is None else specs)
    _refuse_partitions(worker)
    return created


def _refuse_partitions(worker: WorkerSettings) -> None:
    config, topic = admin_config(worker), worker.config_storage_topic
    admin = Admin(config)
    try:
        count = partition_counts(admin, [topic]).get(topic, 1)
    except KafkaException as error:
        raise recovery(admin.cause(error), f"{where(config)}: cannot look up topic {topic!r}") from error
    finally:
        admin.close()
    if count > 1:
        raise PermanentError(
            f"{where(config)}: topic {topic!r} has {count} partitions, but the config topic must have exactly one: the order of changes is "
            "the truth. Name another topic in config.storage.topic, or make it anew with one partition and cleanup.policy=compact"
        )
