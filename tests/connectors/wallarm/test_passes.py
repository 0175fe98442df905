"""Whatever comes however late, up to the allowed lateness, is published once: in one process or many, however often it is killed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wallarm_cloud import START_S, Hit, bench_of

from connectors.wallarm.known import digest, written
from connectors.wallarm.passes import Passing, Rules, begin, first

LATE_S = 8
SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

arrivals = st.lists(
    st.tuples(
        st.sampled_from([7, 9]),
        st.integers(min_value=-12, max_value=24),  # when it happens, beside the first poll
        st.sampled_from([0, 3, LATE_S - 1, LATE_S]),  # how late it is shown
        st.integers(min_value=1, max_value=3),  # how many of them at once
    ),
    min_size=8,
    max_size=25,
)
# How long until the next poll, and after how many batches it is killed.
polls = st.lists(
    st.tuples(st.integers(min_value=0, max_value=6), st.none() | st.integers(min_value=1, max_value=6)), min_size=3, max_size=10
)
ways = st.sampled_from(
    [{}, {"page_size": 1}, {"page_size": 3}, {"paging": "cursor"}, {"api": "aggregation"}, {"page_size": 3, "window_secs": 4}]
)


def hits_of(found: list[tuple[int, int, int, int]]) -> list[Hit]:
    return [
        Hit(client, f"{place}-{number}", START_S + at, START_S + at + late)
        for place, (client, at, late, count) in enumerate(found)
        for number in range(count)
    ]


@SETTINGS
@given(found=arrivals, times=polls, way=ways, known=st.sampled_from([0, 2, 5, 500]), interval=st.sampled_from([0, 5]))
def test_any_pattern_of_arrivals_is_read_exactly_once(
    found: list[tuple[int, int, int, int]],
    times: list[tuple[int, int | None]],
    way: dict[str, Any],
    known: int,
    interval: int,
) -> None:
    """With any lateness up to `late_secs`, any polls, any crashes, any page size and however little is remembered."""
    bench = bench_of(
        clients=[7, 9], start=START_S - 14, late_secs=LATE_S, known_hits=known, lookback_interval_secs=interval, **way
    )
    bench.vendor.hits = hits_of(found)
    for secs, crash_after in times:
        bench.after(secs, crash_after)
    # A look-back that is due only later must have come, too.
    for _ in range(4):
        bench.after(61)
    bench.assert_exact()
    assert bench.reports == []


@SETTINGS
@given(found=arrivals, times=polls, joins=st.integers(min_value=0, max_value=6))
def test_a_client_that_is_added_is_read_once_from_the_start(
    found: list[tuple[int, int, int, int]], times: list[tuple[int, int | None]], joins: int
) -> None:
    """Added in the middle, taken out and put back: nothing of any client is lost or doubled."""
    bench = bench_of(clients=[9], start=START_S - 14, late_secs=LATE_S, known_hits=8, page_size=3)
    bench.vendor.hits = hits_of(found)
    for number, (secs, crash_after) in enumerate(times):
        # Out again for one poll, and back.
        bench.options["clients"] = [7, 9] if number >= joins and number != joins + 2 else [9]
        bench.after(secs, crash_after)
    bench.options["clients"] = [7, 9]
    for _ in range(5):
        bench.after(61)
    bench.assert_exact()


@SETTINGS
@given(found=arrivals, crash=st.integers(min_value=0, max_value=8), known=st.sampled_from([0, 3, 500]))
def test_hits_that_come_about_while_it_reads_are_found(found: list[tuple[int, int, int, int]], crash: int, known: int) -> None:
    """Time moves on with every request: what comes between two pages moves nothing out of sight."""
    bench = bench_of(clients=[7, 9], start=START_S - 14, late_secs=LATE_S, known_hits=known, page_size=2)
    bench.vendor.hits = hits_of(found)
    bench.vendor.on_request = lambda: bench.clock.advance(1)
    bench.poll(crash)
    for _ in range(8):
        bench.after(31)
    bench.vendor.on_request = lambda: None
    for _ in range(3):
        bench.after(61)
    bench.assert_exact()


def test_the_cursor_stays_small_however_much_comes(bench: Any, hits: Any) -> None:
    """A thousand hits within the lateness do not make a cursor of a thousand digests."""
    b = bench(known_hits=50, late_secs=600)
    b.vendor.hits = list(hits(1000, at_s=START_S - 500, every_s=0)) + list(hits(400, at_s=START_S - 450))
    batches = b.poll()
    b.assert_exact()
    assert max(len(batch.cursor.known) for batch in batches) < 50 * 12 + 50 * 12


def test_what_the_digests_cover_needs_no_look_into_the_topic(bench: Any, hits: Any) -> None:
    """Where all that is not settled fits, polls read all of it again and the topic never."""
    b = bench(late_secs=60)
    b.vendor.hits = list(hits(200, at_s=START_S - 100, late_s=40))
    for _ in range(20):
        b.after(10)
    b.assert_exact()
    assert b.replays == 0


def test_more_than_the_digests_cover_is_looked_up_no_oftener_than_said(bench: Any, hits: Any) -> None:
    """With a look-back every 30 s at most, polls every 10 s look into the topic a third of the time at most."""
    b = bench(late_secs=60, known_hits=5, lookback_interval_secs=30)
    b.vendor.hits = list(hits(300, at_s=START_S - 100, late_s=40))
    for _ in range(30):
        b.after(10)
    b.assert_exact()
    assert 5 <= b.replays <= 11


def test_a_pass_settles_only_what_cannot_come_any_more() -> None:
    """A second is settled when it was read after the end of the one in which it is too late."""
    cursor = first(1000, [7])
    begun = begin(cursor, 2000)
    assert (begun.from_s, begun.to_s, begun.settled_s) == (1000, 2000, 999)
    assert Passing(begun, Rules(600, 60, 500), [7]).over().settled_s == 2000 - 600 - 1


def test_a_replay_goes_on_until_nothing_depends_on_it() -> None:
    """Resumed with more published than the cursor could hold, a pass asks the topic up to its end: what lies behind the page is known only there."""
    rules = Rules(600, 60, most=3)
    standing = first(100, [7]).model_copy(update={"front_s": 110, "known": written([(108, digest("a")), (109, digest("b"))])})
    passing = Passing(begin(standing, 120), rules, [7])
    passing.enter(7, 100)
    assert passing.fresh(["c", "d"], [101, 101]) == [True, True]
    stored = passing.at(101)
    assert stored.replay_from_ms() == 100_000
    resumed = Passing(stored, rules, [7])
    resumed.enter(7, 101)
    resumed.fresh(["c"], [101])
    assert resumed.at(101).replay_from_ms() == 100_000
    assert resumed.at(107).replay_from_ms() == 100_000


@pytest.mark.parametrize("stood_secs", [0, 5, 7200])
def test_a_poll_that_ends_an_interrupted_pass_reads_up_to_now(bench: Any, hits: Any, stood_secs: int) -> None:
    """After a kill in the middle of a pass the next poll reads the rest of it, and then what has come since."""
    b = bench(page_size=5)
    b.vendor.hits = [*hits(50), *hits(50, at_s=START_S + 1)]
    b.poll(crash_after=3)
    b.after(stood_secs)
    b.assert_exact()
