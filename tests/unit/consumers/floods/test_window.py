from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from wellhead.consumers.floods.window import Window

MINUTE_MS = 60_000


@given(st.lists(st.tuples(st.integers(5_000, 90_000), st.integers(0, 500)), min_size=1, max_size=30))
def test_growth_is_what_the_count_was_a_window_ago(samples):
    """A sample holds until the next; growth is now less what held one window before, and unknown before there was one."""
    window, time_ms, history = Window(60, 10), 0, []
    for after_ms, count in samples:
        time_ms += after_ms
        held = [then for at, then in history if at <= time_ms - MINUTE_MS]
        assert window.per_min(time_ms, "f", count) == (count - held[-1] if held else None)
        window.add(time_ms, {"f": count})
        history.append((time_ms, count))
        again = Window(60, 10)
        again.restore(json.loads(json.dumps(window.kept())))
        assert again.kept() == window.kept()
        window = again


def test_a_window_is_bounded():
    """However often and of however many families, it keeps a dozen samples of the largest families, and says so."""
    window = Window(60, 3)
    for secs in range(600):
        window.add(secs * 1000, {f"f{number}": number for number in range(10)})
    assert len(window.kept()) <= 14
    assert all(set(counts) == {"f7", "f8", "f9"} for _, counts, _ in window.kept())
    assert window.cut
    # One that was not kept had at most as many as the smallest kept.
    assert window.per_min(600_000, "f1", 9) == 2
