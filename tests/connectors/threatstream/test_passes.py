"""Takes runs hour by hour and cursors with stamps of a wrong clock, proves what each kind of reading makes of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.threatstream.marks import Mark, Marks
from connectors.threatstream.paging import step
from connectors.threatstream.passes import ACTIVE, ENDED, Run, past
from connectors.threatstream.source import IndicatorCursor, ThreatStreamConfig

HOUR_MS = 3_600_000
NOW_MS = 1_770_195_600_000
CONFIG = ThreatStreamConfig.model_validate({"user": "u", "api_key": "k"})
stamps = st.integers(NOW_MS - 2**40, NOW_MS + 2**40)


def page(rows: int) -> Any:
    return SimpleNamespace(table=SimpleNamespace(num_rows=rows), recent=True)


def test_steady_news_and_a_last_page_that_links_to_itself_still_come_to_an_end() -> None:
    """Hour by hour new indicators, each time with a link back: the reading is whole, and deletions are due."""
    cursor = IndicatorCursor(began_ms=NOW_MS, swept_ms=NOW_MS)
    for hour in range(3):
        run = Run("ip", CONFIG, NOW_MS + hour * HOUR_MS)
        cursor, link = ACTIVE.begin(cursor, run), f"/?update_id__gt={cursor.update_id}"
        for objects in (10, 0):
            newest = cursor.update_id + objects if objects else None
            then = step(cursor.update_id, newest, objects, link, limit=1000)
            assert not then.stuck
            cursor = ACTIVE.after(cursor, page(objects), then, run)
        assert not then.more
    assert cursor.whole
    assert ENDED[0].begin(cursor, run) is not None


@given(st.lists(stamps, min_size=6, max_size=6), st.lists(st.tuples(stamps, st.integers(0, 99)), max_size=4))
def test_no_stamp_of_a_cursor_stays_ahead_of_the_clock(moments: list[int], marks: list[tuple[int, int]]) -> None:
    """What lies ahead counts as long ago where something is due by it, and as now where something is counted from it."""
    text = " ".join(f"{time}:{place}" for (time, _), place in zip(sorted(marks), sorted(at for _, at in marks), strict=True))
    names = ("began_ms", "swept_ms", "caught_up_ms", "looked_back_ms", "lookback_began_ms", "ended_ms")
    given = IndicatorCursor(**dict(zip(names, moments, strict=True)), marks=text, lookback_from_ms=moments[0])
    cursor = past(given, NOW_MS)
    for name in (*names, "lookback_from_ms"):
        was, now = getattr(given, name), getattr(cursor, name)
        assert now == was if was <= NOW_MS else now in (0, NOW_MS)
    assert cursor.caught_up_ms
    assert past(cursor, NOW_MS) == cursor
    assert all(int(pair.split(":")[0]) <= NOW_MS for pair in cursor.marks.split())


@pytest.mark.parametrize("kept", ["", "50:3 ", "50:3 100:4 "])
def test_marks_ahead_become_one_that_skips_nothing(kept: str) -> None:
    """Of those ahead the lowest position counts, as of now; those that lie behind are as they were."""
    marks = Marks(f"{kept}101:5 900:9").until(100)
    assert str(marks) == ("50:3 100:4" if kept.endswith("100:4 ") else f"{kept}100:5")
    assert str(marks.add(Mark(200, 10), spacing_ms=50)).endswith("200:10")
