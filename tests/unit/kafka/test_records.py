"""Columns of records become librdkafka's arguments, aligned, and poison is found before it is sent."""

from hypothesis import given
from hypothesis import strategies as st

from wellhead.kafka.records import Records, plausible

NOW_MS = 1_767_225_600_000


def test_only_as_many_columns_as_are_needed() -> None:
    """Neither keys nor times nor headers cost anything where there are none."""
    assert Records([b"a"]).columns() == []
    assert len(Records([b"a"], [b"k"]).columns()) == 2
    assert len(Records([b"a"], timestamps_ms=[1]).columns()) == 5
    assert [next(column) for column in Records([b"a"], [b"k"], [1], [("h", b"x")]).columns()] == [
        b"k",
        -1,
        None,
        None,
        1,
        [("h", b"x")],
    ]


def test_pick_keeps_rows_aligned() -> None:
    """Values, keys and times of the same record stay together."""
    picked = Records([b"a", b"b", b"c"], [b"1", None, b"3"], [10, 20, 30], [("h", b"x")]).pick([2, 0])
    assert picked == Records([b"c", b"a"], [b"3", b"1"], [30, 10], [("h", b"x")])


def test_size_counts_value_key_headers_and_overhead() -> None:
    """A record is too large by what surrounds its value, too."""
    assert Records([b"x" * 900, b"x" * 1000, None]).larger_than(1000) == [1]
    assert Records([b"x" * 900], [b"k" * 50]).larger_than(1000) == [0]
    assert Records([b"x" * 900], headers=[("name", b"content")]).larger_than(1000) == [0]


@given(st.lists(st.integers(-(2**62), 2**62)))
def test_times_are_kept_or_become_now(times) -> None:
    """Every time that a broker takes is kept, every other becomes 0, which means now."""
    kept = plausible(times, NOW_MS)
    assert len(kept) == len(times)
    assert all(after == (before if 0 <= before <= NOW_MS + 600_000 else 0) for before, after in zip(times, kept, strict=True))


def test_good_times_are_not_copied() -> None:
    """The usual batch passes through as it is."""
    times = [1, 2, NOW_MS]
    assert plausible(times, NOW_MS) is times
