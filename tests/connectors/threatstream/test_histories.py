"""Takes random histories of a vendor and of the source's deaths, proves that the topic is the vendor's active set after every whole run."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LATE_SECS = 3_600
"""The look-back covers this and the minute an indicator is left alone."""

late = st.sampled_from([0, 0, 90, 700, LATE_SECS])
which = st.integers(0, 9)
changes = st.one_of(
    st.tuples(st.just("add"), st.sampled_from([None, 50, 400, 5_000]), late),
    st.tuples(st.sampled_from(["update", "inactive", "falsepos", "active"]), which, late),
    st.tuples(st.sampled_from(["add", "inactive", "update"]), st.none() | which, st.just(LATE_SECS)),
    st.tuples(st.just("expire"), which, st.just(0)),
    st.tuples(st.just("pass"), st.sampled_from([1, 40, 61, 600, 4_000]), st.just(0)),
)
lives = st.one_of(
    st.tuples(st.just("run"), st.just(0), st.just(0)),
    st.tuples(st.just("run"), st.just(0), st.just(0)),
    st.tuples(st.just("killed"), st.integers(1, 6), st.just(0)),
    st.tuples(st.just("reset"), which, st.just(0)),
    st.tuples(st.just("fault"), which, st.just(0)),
)
days = st.tuples(st.lists(changes, min_size=1, max_size=5), lives).map(lambda day: [*day[0], day[1]])
histories = st.lists(days, min_size=3, max_size=6).map(lambda found: [happening for day in found for happening in day])
FAULTS = (
    "stuck_next",
    "overlap",
    "shuffled",
    "half_json",
    "http_503",
    "embedded_429",
    "cut_body",
    "stale_page",
    "foreign_next",
    "slow",
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories, st.integers(1, 5))
def test_after_every_run_the_topic_is_the_active_set(bench: Any, history: list[tuple[str, Any, Any]], page_limit: int) -> None:
    """Added, updated, ended, active again, expired, late, twice the same value, lost without a word, killed after any batch, reset."""
    with bench("ip", {"ips": 4, "duplicates": 0.4, "history_days": 0.05}, page_limit=page_limit) as b:
        ids: list[int] = [row["id"] for row in b.truth().values()]
        for name, how, late_secs in history:
            live(b, ids, name, how, late_secs)
        # A fault may have ended a run early, and what is late is found by the run after the one it appears in.
        b.simulator.faults.disarm()
        b.after(LATE_SECS + 61)
        b.run()
        b.assert_equal()


def live(b: Any, ids: list[int], name: str, how: Any, late_secs: int) -> None:
    """Let one thing happen."""
    desk = b.simulator.desk
    chosen = ids[how % len(ids)] if ids and isinstance(how, int) else None
    match name:
        case "add":
            how = how if how in (50, 400, 5_000) else None
            value = f"198.51.100.{len(ids) % 3}"
            ids.append(desk.add("ip", value, expires_secs=how, late_secs=late_secs))
        case "pass":
            b.clock.advance(how)
        case "run":
            lies = b.simulator.faults.armed()
            b.after(61)
            if b.cursor and b.cursor.turn:
                b.run()  # what the one that was killed left to the next
            b.run()
            if not lies:
                b.assert_equal()
        case "killed":
            b.after(61, crash_after=how)
        case "fault":
            b.simulator.faults.arm(f"{FAULTS[how]}:2@1")
        case "reset":
            if chosen is not None:
                desk.remove(ids.pop(ids.index(chosen)))
            b.clock.advance(400)
            b.cursor = None
        case "expire" if chosen is not None:
            desk.expire(chosen)
        case "update" | "inactive" | "falsepos" | "active" if chosen is not None:
            status = None if name == "update" else name
            desk.update(chosen, status=status, late_secs=late_secs, confidence=late_secs % 100)
