"""Takes topics whose broker refused a batch as too large, gives how large a record may be, never guesses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import ConfigResource, ResourceType  # type: ignore[attr-defined]

from wellhead.errors import PermanentError
from wellhead.kafka.admin import REQUEST_SECS, Admin
from wellhead.kafka.errors import kafka_error, refused, where

_CLIENT_DEFAULT_BYTES = 1_000_000  # librdkafka's message.max.bytes
_BATCH_MARGIN_BYTES = 512  # a batch's own header and the frame of its compression


class RecordLimits:
    """The largest record per topic, as far as it had to be learned; outlives the producer that learned it.

    The client's own limit is checked by librdkafka for free. A topic's `max.message.bytes` below it shows only when the broker refuses a
    batch; it is asked for then, so that the same transaction, tried again, leaves out the records that can never pass.
    """

    def __init__(self, learned: Mapping[str, int] | None = None) -> None:
        self._learned = dict(learned or {})

    def limit_bytes(self, topic: str, config: Mapping[str, Any]) -> int:
        """Give the most bytes a record of `topic` may have, key, headers and overhead included."""
        return min(self._learned.get(topic, _client_limit(config)), _client_limit(config))

    def learned(self, topic: str) -> int | None:
        """Give the limit of `topic` if it had to be learned."""
        return self._learned.get(topic)

    def batch_bytes(self, config: Mapping[str, Any]) -> int:
        """Give the batch size that every learned topic takes: the broker counts batches, not records."""
        smallest = min(self._learned.values(), default=_CLIENT_DEFAULT_BYTES) - _BATCH_MARGIN_BYTES
        return max(1, min(int(config.get("batch.size", _CLIENT_DEFAULT_BYTES)), smallest))

    def __bool__(self) -> bool:
        return bool(self._learned)

    def learn(self, topics: Iterable[str], config: Mapping[str, Any]) -> bool:
        """Ask the broker for the limits of `topics`; True when one was not known before.

        Raises:
            PermanentError: It may not be asked.
            KafkaException: It does not answer.
        """
        admin = Admin(config)
        try:
            return self._ask(admin, topics, config)
        finally:
            admin.close()

    def _ask(self, admin: Admin, topics: Iterable[str], config: Mapping[str, Any]) -> bool:
        before = dict(self._learned)
        resources = [ConfigResource(ResourceType.TOPIC, topic) for topic in sorted(set(topics))]
        for resource, future in admin.client.describe_configs(resources, request_timeout=REQUEST_SECS).items():
            try:
                found = future.result()
            except KafkaException as error:
                reason = kafka_error(error)
                if refused(reason) is None:
                    raise KafkaException(admin.cause(error)) from error
                raise PermanentError(
                    f"{where(config)}: a batch is larger than max.message.bytes of topic {resource.name!r}, and the limit may not be read. "
                    "Grant DescribeConfigs on the topic, or set producer.override.batch.size and message.max.bytes below its limit"
                ) from error
            self._learned[resource.name] = int(found["max.message.bytes"].value)
        return self._learned != before


def _client_limit(config: Mapping[str, Any]) -> int:
    return int(config.get("message.max.bytes", _CLIENT_DEFAULT_BYTES))
