"""Takes settings and a stream, gives the topics it writes with explicit settings; never asks the broker."""

from __future__ import annotations

from wellhead.api import Stream
from wellhead.config.connector import ConnectorSettings
from wellhead.config.worker import WorkerSettings
from wellhead.kafka.topics import TopicSpec
from wellhead.storage.topics import history_spec, offsets_spec

_BROKER_DEFAULT = -1
_DEAD_LETTER_RETENTION_MS = 30 * 24 * 3600 * 1000


def topic_specs(worker: WorkerSettings, settings: ConnectorSettings, stream: Stream) -> list[TopicSpec]:
    """Give the record, dead-letter, offsets, runs and history topics of a task, to be created where they are missing."""
    chosen = dict(settings.topic_creation)
    partitions = int(chosen.pop("partitions", _BROKER_DEFAULT))
    replicas = int(chosen.pop("replication.factor", _BROKER_DEFAULT))
    return [
        TopicSpec(
            settings.topic_of(stream.subject),
            partitions,
            replicas,
            {"cleanup.policy": stream.cleanup, **chosen},
            strict_cleanup=stream.cleanup == "compact",
            holds="records that are not written again",
        ),
        TopicSpec(
            settings.dead_letter_topic_of(stream.subject),
            _BROKER_DEFAULT,
            replicas,
            {"cleanup.policy": "delete", "retention.ms": str(_DEAD_LETTER_RETENTION_MS)},
        ),
        offsets_spec(worker),
        TopicSpec(
            worker.runs_topic,
            worker.runs_topic_partitions,
            worker.runs_topic_replication_factor,
            # A run's record joins each of its transactions; the last one counts, and compaction leaves that.
            {"cleanup.policy": "compact,delete", "retention.ms": str(worker.runs_topic_retention_ms)},
        ),
        history_spec(worker),
    ]
