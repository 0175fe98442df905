"""A topic's specification is a value with the broker's defaults."""

from wellhead.kafka.topics import TopicSpec


def test_the_broker_decides_what_is_not_said() -> None:
    """-1 leaves partitions and replicas to the broker; nothing else is set."""
    assert TopicSpec("t") == TopicSpec("t", partitions=-1, replication_factor=-1, config={}, strict_cleanup=False)
