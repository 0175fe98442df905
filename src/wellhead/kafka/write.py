"""Takes a few messages, gives them to Kafka at once and for good, outside any transaction; never used for records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Delivered

from wellhead.errors import TemporaryError
from wellhead.kafka.client_log import ClientLog, Hearing
from wellhead.kafka.errors import kafka_error, recovery, where
from wellhead.kafka.messages import Message

WRITE_SECS = 30.0


def write_now(config: Mapping[str, Any], messages: Sequence[Message], *, secs: float = WRITE_SECS) -> None:
    """Write `messages` in order and wait until every in-sync replica has them; blocking.

    Args:
        config: What `settings.writer_config` gives.
        messages: Such as nulls that reset cursors.
        secs: How long to wait for the broker.

    Raises:
        TemporaryError: The broker cannot be reached; some of them may be written.
        PermanentError: It refuses the rights.
    """
    if not messages:
        return
    hearing, failures = Hearing(), list[KafkaError]()

    def delivered(error: KafkaError | None, _message: Delivered) -> None:
        if error is not None:
            failures.append(error)

    settings = {**hearing.settings(config), "message.timeout.ms": str(int(secs * 1000))}
    what = f"{where(config)}: cannot write to {', '.join(sorted({message.topic for message in messages}))}"
    producer = Producer(settings, logger=ClientLog())
    try:
        for message in messages:
            producer.produce(message.topic, message.value, message.key, headers=list(message.headers), on_delivery=delivered)
        left = producer.flush(secs)
    except KafkaException as error:
        raise recovery(hearing.refusal or hearing.cause(kafka_error(error)), what) from error
    if failures:
        raise recovery(hearing.refusal or hearing.cause(failures[0]), what)
    if left:
        raise TemporaryError(f"{what}: no answer within {secs:g} s")
