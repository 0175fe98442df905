"""What Kafka answers becomes the type that says the recovery, with the next step in its text."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from wellhead.errors import PermanentError, TemporaryError
from wellhead.kafka.errors import CommitUnknown, Fenced, ProducerLost, kafka_error, recovery, refused, where


@pytest.mark.parametrize(
    ("code", "kind", "advice"),
    [
        (KafkaError._TRANSPORT, TemporaryError, "_TRANSPORT"),
        (KafkaError._TIMED_OUT, TemporaryError, "_TIMED_OUT"),
        (KafkaError.NOT_ENOUGH_REPLICAS, TemporaryError, "NOT_ENOUGH_REPLICAS"),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, PermanentError, "grant Read, Write"),
        (KafkaError._AUTHENTICATION, PermanentError, r"check kafka\.sasl"),
        (KafkaError.INVALID_TRANSACTION_TIMEOUT, PermanentError, "lower it"),
    ],
)
def test_the_type_is_the_recovery(code, kind, advice) -> None:
    """Outages are temporary; refusals are permanent and say what to change."""
    error = recovery(KafkaError(code), "kafka at b:1: cannot do it")
    assert type(error) is kind
    assert str(error).startswith("kafka at b:1: cannot do it")
    with pytest.raises(kind, match=advice):
        raise error


def test_the_tree() -> None:
    """An unknown commit is a lost producer, which is temporary; being fenced is permanent."""
    assert issubclass(CommitUnknown, ProducerLost)
    assert issubclass(ProducerLost, TemporaryError)
    assert issubclass(Fenced, PermanentError)


def test_small_words() -> None:
    """The error inside an exception and the cluster's name are found whatever is there."""
    assert kafka_error(KafkaException(KafkaError(KafkaError._FENCED))).code() == KafkaError._FENCED
    assert kafka_error(KafkaException("text")).str() == "text"
    assert where({"bootstrap.servers": "a:1,b:2"}) == "kafka at a:1,b:2"
    assert "no bootstrap.servers" in where({})
    assert refused(KafkaError(KafkaError._TRANSPORT)) is None
