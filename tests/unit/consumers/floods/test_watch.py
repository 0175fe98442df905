from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wellhead.consumers.floods.findings import Finding
from wellhead.consumers.floods.limits import FloodLimits
from wellhead.consumers.floods.measures import Level, Measure
from wellhead.consumers.floods.watch import Told, Watches

LIMITS = FloodLimits(open_after_secs=10, close_after_secs=30, update_secs=30)
OPEN_MS, CLOSE_MS = 10_000, 30_000


def tell(found: Measure) -> Told:
    return Told((), ())


def watches() -> Watches:
    return Watches("proxy-1", "connections", LIMITS, tell)


def measured(level: Level, count: int = 100) -> Measure:
    return Measure("share", "*.ticker.example", level, count, count, 200)


def brief(found: list[Finding]) -> list[tuple[Any, ...]]:
    return [(one.kind, one.reason, one.since_ms, one.time_ms) for one in found]


class Plain:
    """Hysteresis second by second, as an operator would say it."""

    def __init__(self) -> None:
        self.level = "below"
        self.above = self.below = 0
        self.open = False
        self.since = 0

    def second(self, now: int, level: str | None) -> str | None:
        if level is not None:
            if level == "above" and self.level != "above" and not self.open and not self.above:
                self.since, self.above = now, 1
            if not self.open and level != "above":
                self.above = 0
            if level == "below" and not self.below:
                self.below = now
            if level != "below":
                self.below = 0
            self.level = level
        if not self.open and self.above and now >= self.since + 10:
            self.open, self.below = True, 0
            return "opened"
        if self.open and self.below and now >= self.below + 30:
            self.open, self.above, self.below = False, 0, 0
            return "closed"
        return None


STEPS = st.lists(st.tuples(st.integers(1, 25), st.sampled_from(["above", "between", "below"])), max_size=25)


@given(STEPS, st.lists(st.integers(0, 600), max_size=8))
def test_what_opens_and_closes_is_what_a_clock_ticking_each_second_finds(steps, looks):
    """Whenever somebody asks between snapshots, findings open after 10 s above and close after 30 s below, to the second."""
    plain, found, wanted, now, levels = Plain(), list[tuple[str, int]](), list[tuple[str, int]](), 1, dict[int, Level]()
    for after, level in steps:
        now += after
        levels[now] = level
    mine = watches()
    for second in range(1, now + 60):
        level = levels.get(second)
        told = []
        if level is not None:
            told += mine.advance(second * 1000 - 1)
            told += mine.observe(second * 1000, [measured(level)])
            told += mine.advance(second * 1000)
        elif second in looks or second == now + 59:
            told += mine.advance(second * 1000)
        found += [(one.kind, one.time_ms // 1000) for one in told if one.kind != "updated"]
        if kind := plain.second(second, level):
            wanted.append((kind, second))
        kept = json.loads(json.dumps(mine.kept()))
        mine = watches()
        mine.restore(kept)
        assert json.loads(json.dumps(mine.kept())) == kept
    assert found == wanted


def test_a_finding_keeps_its_id_and_grows_its_version():
    """Opened, updated and closed are one finding; the next one is another."""
    mine = watches()
    told = mine.observe(0, [measured("above", 100)])
    told += mine.advance(OPEN_MS)
    told += mine.observe(50_000, [measured("above", 110)])
    told += mine.observe(51_000, [measured("above", 111)])
    told += mine.observe(52_000, [measured("above", 300)])
    told += mine.observe(60_000, [])
    told += mine.advance(60_000 + CLOSE_MS)
    assert brief(told) == [
        ("opened", "above", 0, 10_000),
        ("updated", "above", 0, 50_000),
        ("updated", "above", 0, 52_000),
        ("closed", "below", 0, 90_000),
    ]
    assert [one.version for one in told] == [1, 2, 3, 4]
    assert len({one.id for one in told}) == 1
    mine.observe(100_000, [measured("above")])
    assert mine.advance(200_000)[0].id != told[0].id


def test_a_silent_gateway_closes_what_is_open_and_says_so():
    """What was only about to open is forgotten without a word."""
    mine = watches()
    mine.observe(0, [measured("above")])
    mine.advance(OPEN_MS)
    mine.observe(20_000, [measured("above"), Measure("idle", "*.ticker.example", "above", 9, 9, 9)])
    assert brief(mine.silence(25_000)) == [("closed", "silent", 0, 25_000)]
    assert mine.silence(30_000) == mine.open == []
