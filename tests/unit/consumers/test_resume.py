"""Proves where reading begins for every way a topic can have changed since."""

import pytest

from wellhead.consumers.position import Position, Start
from wellhead.consumers.resume import resume
from wellhead.consumers.topic import Span, TopicFacts

HOUR_MS = 3600 * 1000
FACTS = TopicFacts("A", {0: Span(0, 10), 1: Span(5, 20)}, 24 * HOUR_MS)
ANEW = Position("A", {0: 0, 1: 5}, 100 * HOUR_MS)


def stored(offsets: dict[int, int], *, topic_id: str = "A", hours: int = 99) -> Position:
    return Position(topic_id, offsets, hours * HOUR_MS, complete=True)


def begin(position: Position | None, *, on_gap="restart", facts: TopicFacts = FACTS) -> Start:
    return resume(position, facts, 100 * HOUR_MS, on_gap)


def test_without_a_position_everything_is_read() -> None:
    """Reading begins at the first offset of every partition, and that is no loss."""
    assert begin(None) == Start(ANEW)


def test_a_position_goes_on() -> None:
    """What is still there from the position on is read from there; being at the end, or at the first offset, is no gap."""
    for offsets in ({0: 3, 1: 7}, {0: 10, 1: 20}, {0: 0, 1: 5}):
        assert begin(stored(offsets)) == Start(stored(offsets))


def test_a_new_partition_is_read_from_its_start() -> None:
    """A partition that the position does not know begins at its first offset, the others go on."""
    assert begin(stored({0: 3})) == Start(stored({0: 3, 1: 5}))


@pytest.mark.parametrize(
    ("position", "reason"),
    [
        (stored({0: 3, 1: 7}, topic_id="B"), "deleted and made again"),
        (stored({0: 3, 1: 4}), "partition 1: offsets 4 to 4 were deleted"),
        (stored({0: 11, 1: 7}), "partition 0: it ends at offset 10"),
        (stored({0: 3, 1: 7}, hours=75), "last reached 25.0 h ago, and tombstones are kept for 24 h"),
    ],
)
def test_what_is_lost_starts_over(position: Position, reason: str) -> None:
    """Another topic, a gap, a topic that ends too early and a long absence start over, each with its reason."""
    start = begin(position)
    assert start.position == ANEW
    assert reason in str(start.lost)


def test_a_log_skips_its_gap() -> None:
    """Whoever may skip goes on with the first message there is, in the partition with the gap only, and is told."""
    start = begin(stored({0: 3, 1: 2}), on_gap="skip")
    assert start.position.offsets == {0: 3, 1: 5}
    assert "partition 1" in str(start.lost)
    assert begin(stored({0: 12, 1: 7}), on_gap="skip").position.offsets == {0: 10, 1: 7}
    assert begin(stored({0: 3, 1: 7}, hours=1), on_gap="skip").lost is None
    assert begin(stored({0: 3, 1: 7}, topic_id="B"), on_gap="skip").position == ANEW


def test_a_long_absence_is_harmless_where_no_tombstone_can_be_gone() -> None:
    """Being away long loses nothing on a topic that is not compacted, nor where nothing was written since."""
    long_ago = stored({0: 3, 1: 7}, hours=1)
    assert begin(long_ago, facts=TopicFacts("A", FACTS.spans, None)).lost is None
    at_end = stored({0: 10, 1: 20}, hours=1)
    assert begin(at_end) == Start(at_end)
