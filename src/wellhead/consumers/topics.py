"""Takes the topics a service reads, makes those it writes, each with as many partitions; never makes or changes one that is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from confluent_kafka import KafkaException
from confluent_kafka.admin import NewPartitions  # type: ignore[attr-defined]

from wellhead.config.worker import WorkerSettings
from wellhead.errors import TemporaryError
from wellhead.kafka.admin import Admin
from wellhead.kafka.errors import recovery, where
from wellhead.kafka.settings import admin_config
from wellhead.kafka.topics import TopicSpec, ensure, partition_counts

_ASK_SECS = 20


def ensure_beside(
    worker: WorkerSettings,
    read: Sequence[str],
    specs: Callable[[int], Sequence[TopicSpec]],
    *,
    grow: Sequence[str],
    what: str,
) -> dict[str, int]:
    """Make the topics that are missing, and give how many partitions each of those read has.

    Args:
        worker: Where Kafka is.
        read: The topics that are read.
        specs: The topics that are written, given how many partitions the largest of those has.
        grow: Which of them get more partitions when those that are read do.
        what: What they are, for errors.

    Raises:
        TemporaryError: A topic that is read does not exist yet, or the broker cannot be reached.
        PermanentError: The broker refuses us.
    """
    config = admin_config(worker)
    admin = Admin(config)
    try:
        counts = partition_counts(admin, read)
        for topic in read:
            if not counts.get(topic):
                raise TemporaryError(
                    f"the topic {topic!r} that is to be read does not exist yet. Its source makes it with its first record"
                )
        count = max(counts.values())
        ensure(config, specs(count))
        have = partition_counts(admin, grow)
        short = [NewPartitions(name, count) for name in grow if have.get(name, count) < count]
        for future in admin.client.create_partitions(short).values() if short else ():
            future.result(_ASK_SECS)
    except KafkaException as error:
        raise recovery(admin.cause(error), f"{where(config)}: cannot look up or make {what}") from error
    finally:
        admin.close()
    return counts
