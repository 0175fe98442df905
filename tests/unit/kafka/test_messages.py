"""A message knows what the broker will count."""

from wellhead.kafka.messages import Message


def test_size_is_at_least_every_part() -> None:
    """Value, key, header names and contents and the record's own frame all count."""
    assert Message("t", None).size_bytes() > 0
    small, large = Message("t", b"v" * 10), Message("t", b"v" * 10, key=b"k" * 5, headers=(("ü", b"c" * 7),))
    assert large.size_bytes() >= small.size_bytes() + 5 + 2 + 7
