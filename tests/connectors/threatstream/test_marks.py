"""Takes moments and positions, proves that looking back covers what it must and that few marks are kept."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from connectors.threatstream.marks import Mark, Marks

times = st.lists(st.integers(0, 10_000), min_size=1, max_size=30)


def made(moments: list[int], spacing_ms: int = 0) -> Marks:
    marks = Marks()
    for position, time_ms in enumerate(sorted(moments)):
        marks = marks.add(Mark(time_ms, position), spacing_ms=spacing_ms)
    return marks


@given(times, st.integers(0, 500))
def test_marks_survive_the_cursor(moments: list[int], spacing_ms: int) -> None:
    """They come back equal from their text."""
    marks = made(moments, spacing_ms)
    assert str(Marks(str(marks))) == str(marks)


@given(times, st.integers(-10, 11_000), st.integers(0, 500))
def test_looking_back_reaches_the_moment_or_as_far_as_it_can(moments: list[int], back_ms: int, spacing_ms: int) -> None:
    """The mark is the newest one old enough, and the oldest where none is."""
    mark = made(moments, spacing_ms).before(back_ms)
    assert mark is not None
    assert mark.time_ms <= back_ms or mark.time_ms == min(moments)


@given(times, st.integers(-10, 11_000), st.integers(0, 3_000))
def test_forgetting_never_shortens_a_later_look_back(moments: list[int], back_ms: int, later_ms: int) -> None:
    """What is forgotten for one moment is not needed for that moment or a later one."""
    marks = made(moments)
    kept = marks.since(back_ms)
    assert kept.before(back_ms + later_ms) == marks.before(back_ms + later_ms)
    assert len(str(kept)) <= len(str(marks))


@given(times, st.integers(1, 2_000))
def test_marks_keep_their_distance(moments: list[int], spacing_ms: int) -> None:
    """Two marks are never closer than asked, so that their number is bounded by the time they span."""
    kept = [int(pair.split(":")[0]) for pair in str(made(moments, spacing_ms)).split()]
    assert all(later - earlier >= spacing_ms for earlier, later in pairwise(kept))


def test_without_marks_there_is_nowhere_to_look() -> None:
    """No mark gives None, and nothing to forget."""
    assert Marks().before(5) is None
    assert str(Marks().since(5)) == ""
    assert Marks().newest_ms is None
