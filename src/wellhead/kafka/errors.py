"""Takes what Kafka answered, gives the recovery as a type, never lets a KafkaException through.

The tree, by what the runtime does next::

    TemporaryError          aborted, nothing of it is visible; the same producer may begin again
    └── ProducerLost        the producer is closed; open() again, then read the cursor again
        └── CommitUnknown   as above, and only the cursor read after open() tells whether the transaction is visible
    PermanentError
    └── Fenced              another owner writes under this transactional id; drop everything, never reopen on your own
"""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import KafkaError, KafkaException

from wellhead.errors import PermanentError, TemporaryError


class Fenced(PermanentError):  # noqa: N818 - the name says the event
    """Another owner has taken over the transactional id; what was staged will never be visible."""


class ProducerLost(TemporaryError):  # noqa: N818 - the name says the state
    """The producer cannot go on and is closed; nothing of its open transaction will become visible."""


class CommitUnknown(ProducerLost):
    """The commit was asked for but never answered: after `open()` the cursor says whether it happened."""


FENCED = frozenset({KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH})  # noqa: SLF001
_REFUSED = {
    KafkaError._INVALID_ARG: "a setting is not one that librdkafka takes: correct kafka.*, producer.*, consumer.* or producer.override.*",  # noqa: SLF001
    KafkaError._AUTHENTICATION: "the broker refused the credentials: check kafka.sasl.* (or kafka.ssl.*)",  # noqa: SLF001
    KafkaError.SASL_AUTHENTICATION_FAILED: "the broker refused the credentials: check kafka.sasl.*",
    KafkaError.UNSUPPORTED_SASL_MECHANISM: "the broker does not offer kafka.sasl.mechanism",
    KafkaError._SSL: "the TLS handshake failed: check kafka.ssl.ca.location and kafka.security.protocol",  # noqa: SLF001
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "the principal lacks rights on the topic: grant Read, Write, Describe and Create",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "the principal lacks Read on the group: grant it for group.id",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "the principal lacks rights on the cluster: grant Create or make the topics by hand",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "the principal lacks Write and Describe on the transactional id",
    KafkaError.INVALID_TRANSACTION_TIMEOUT: "transaction.timeout.ms is above the broker's transaction.max.timeout.ms: lower it",
    KafkaError.INVALID_TIMESTAMP: "a timestamp is outside the topic's message.timestamp.before/after.max.ms: widen them",
    KafkaError.INVALID_RECORD: "the broker refused a record (a compacted topic needs keys): check the topic's cleanup.policy",
    KafkaError.POLICY_VIOLATION: "a policy of the cluster forbids it: make the topic by hand or change topic.creation.default.*",
    KafkaError.INVALID_REPLICATION_FACTOR: "more replicas than brokers: lower topic.creation.default.replication.factor",
    KafkaError.INVALID_PARTITIONS: "the number of partitions is not allowed: change topic.creation.default.partitions",
    KafkaError.INVALID_CONFIG: "the broker refused a topic setting: change topic.creation.default.*",
    KafkaError.TOPIC_EXCEPTION: "a topic's name may have 249 letters, digits, '.', '_' and '-': change topic.prefix or the topic setting",
    KafkaError.UNSUPPORTED_VERSION: "the broker is too old: Wellhead needs Apache Kafka 2.5 or newer",
}


def kafka_error(error: KafkaException) -> KafkaError:
    """Give the KafkaError inside `error`."""
    inner = error.args[0]
    return inner if isinstance(inner, KafkaError) else KafkaError(KafkaError._FAIL, str(inner))  # noqa: SLF001


def where(config: Mapping[str, object]) -> str:
    """Name the cluster of `config` for a message."""
    return f"kafka at {config.get('bootstrap.servers', '(no bootstrap.servers)')}"


def refused(error: KafkaError) -> str | None:
    """Say what a person must change for `error` to go away, or None when it may go away by itself."""
    return _REFUSED.get(error.code())


def recovery(error: KafkaError, what: str) -> TemporaryError | PermanentError:
    """Give `error`, met while doing `what`, as the error whose type is the recovery."""
    advice = refused(error)
    if advice is not None:
        return PermanentError(f"{what}: {advice} ({error.name()}: {error.str()})")
    return TemporaryError(f"{what}: {error.str()} ({error.name()})")
