"""Takes moments and the positions reached by then, gives the position to look back to; never keeps more than it may need.

A mark (time, position) says: what lies behind the position was given its `update_id` after that time, or was read after it.
So whoever looks back to a mark reads again everything that came about, or was published, since.
"""

from __future__ import annotations

from typing import NamedTuple


class Mark(NamedTuple):
    """One moment, epoch ms, and the position reached by then."""

    time_ms: int
    position: int

    def __str__(self) -> str:
        return f"{self.time_ms}:{self.position}"


class Marks:
    """A few marks, oldest first, kept in a cursor as text.

    Args:
        text: As `str` gives it.

    >>> str(Marks("1000:7").add(Mark(5000, 9), spacing_ms=100))
    '1000:7 5000:9'
    """

    def __init__(self, text: str = "") -> None:
        self._marks = tuple(Mark(*map(int, pair.split(":"))) for pair in text.split())

    def __str__(self) -> str:
        return " ".join(map(str, self._marks))

    @property
    def newest_ms(self) -> int | None:
        """Time of the newest mark."""
        return self._marks[-1].time_ms if self._marks else None

    def add(self, mark: Mark, *, spacing_ms: int = 0) -> Marks:
        """Give the marks with one more, unless the newest is younger than `spacing_ms`."""
        newest_ms = self.newest_ms
        if newest_ms is not None and mark.time_ms - newest_ms < max(1, spacing_ms):
            return self
        return _of((*self._marks, mark))

    def until(self, now_ms: int) -> Marks:
        """Give the marks with those ahead of `now_ms` as one of now; a clock was wrong, and the lowest position skips nothing."""
        behind = tuple(mark for mark in self._marks if mark.time_ms < now_ms)
        here = [mark.position for mark in self._marks if mark.time_ms >= now_ms]
        return _of((*behind, Mark(now_ms, min(here)))) if here else self

    def before(self, time_ms: int) -> Mark | None:
        """Give the newest mark of `time_ms` or older, else the oldest there is."""
        old = [mark for mark in self._marks if mark.time_ms <= time_ms]
        return old[-1] if old else next(iter(self._marks), None)

    def since(self, time_ms: int) -> Marks:
        """Give the marks that looking back to `time_ms` or later may need."""
        first = self.before(time_ms)
        return _of(tuple(mark for mark in self._marks if first is not None and mark >= first))


def _of(marks: tuple[Mark, ...]) -> Marks:
    made = Marks()
    made._marks = marks  # noqa: SLF001 - its own
    return made
