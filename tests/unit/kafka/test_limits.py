"""What a topic takes is the client's limit until the topic's own had to be learned."""

from wellhead.kafka.limits import RecordLimits


def test_the_clients_limit_holds_until_another_is_learned() -> None:
    """Nothing learned: librdkafka's own limit, and the batches asked for."""
    limits = RecordLimits()
    assert limits.limit_bytes("t", {}) == 1_000_000
    assert limits.limit_bytes("t", {"message.max.bytes": "5000"}) == 5000
    assert limits.learned("t") is None
    assert not limits


def test_a_learned_limit_shrinks_batches_for_all() -> None:
    """The broker counts batches, so the smallest limit bounds every batch, but only its own topic's records."""
    limits = RecordLimits({"small": 2000, "large": 5_000_000})
    assert limits.limit_bytes("small", {}) == 2000
    assert limits.limit_bytes("large", {}) == 1_000_000
    assert limits.batch_bytes({"batch.size": "1000000"}) < 2000
    assert limits.batch_bytes({"batch.size": "100"}) == 100
    assert RecordLimits({"tiny": 100}).batch_bytes({}) == 1
