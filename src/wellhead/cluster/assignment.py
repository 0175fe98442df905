"""Takes the assignment topic, makes it as long as the tasks need, and tells the cluster's id; never makes it shorter, which Kafka cannot."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import NewPartitions  # type: ignore[attr-defined]

from wellhead.config.worker import WorkerSettings
from wellhead.kafka.admin import REQUEST_SECS, Admin
from wellhead.kafka.errors import kafka_error, recovery, where
from wellhead.kafka.settings import admin_config
from wellhead.kafka.topics import partition_counts

# Another worker was quicker, which is as good.
_ENOUGH = (KafkaError.INVALID_PARTITIONS, KafkaError.REASSIGNMENT_IN_PROGRESS)


def grow(worker: WorkerSettings, count: int) -> bool:
    """Make the assignment topic have at least `count` partitions; True where it had fewer. Blocking.

    Raises:
        TemporaryError: The broker cannot be reached.
        PermanentError: It refuses the rights.
    """
    config, topic = admin_config(worker), worker.assignment_topic
    admin, what = Admin(config), f"{where(config)}: cannot give topic {topic!r} {count} partitions"
    try:
        if partition_counts(admin, [topic]).get(topic, 0) >= count:
            return False
        (growing,) = admin.client.create_partitions([NewPartitions(topic, count)], request_timeout=REQUEST_SECS).values()
        try:
            growing.result()
        except KafkaException as error:
            if kafka_error(error).code() not in _ENOUGH:
                raise
    except KafkaException as error:
        raise recovery(admin.cause(error), what) from error
    else:
        return True
    finally:
        admin.close()


def cluster_id(worker: WorkerSettings) -> str:
    """Give the id of the Kafka cluster. Blocking.

    Raises:
        TemporaryError: The broker cannot be reached.
    """
    config = admin_config(worker)
    admin = Admin(config)
    try:
        return str(admin.client.describe_cluster(request_timeout=REQUEST_SECS).result().cluster_id)
    except KafkaException as error:
        raise recovery(admin.cause(error), f"{where(config)}: cannot be described") from error
    finally:
        admin.close()
