"""Takes a simulated ThreatStream and time that only the test moves, proves what the source publishes, ends and asks for."""

from __future__ import annotations

import asyncio
from typing import Any

import pyarrow as pa
import pytest

from connectors.threatstream.source import IndicatorCursor, ThreatStreamConfig, connector, timestamp
from wellhead import PermanentError, TemporaryError
from wellhead.testing.drive import Drained

DAY_SECS = 86_400
STREAMS = ("ip", "domain", "hash", "url", "email")
OPTIONS = {"user": "u", "api_key": "k"}
HOUR = 3600


def letters(drained: Drained) -> int:
    return sum(len(step.rejects) for step in drained.steps)


class WrongClock:
    """A clock that may run ahead of the right one, by which the vendor goes."""

    def __init__(self, right: Any) -> None:
        self._right = right
        self.ahead_secs = 0

    def now_ms(self) -> int:
        return int(self._right.now_ms()) + self.ahead_secs * 1000

    def __getattr__(self, name: str) -> Any:
        return getattr(self._right, name)


# Options


@pytest.mark.parametrize("given", ["ip, email", ["email", "ip"], ("ip", "email")])
def test_types_select_streams_in_one_order(given: Any) -> None:
    """Types may be written as a list or in one line; each is a stream, in the order they are always read."""
    config = ThreatStreamConfig.model_validate(OPTIONS | {"types": given})
    assert [stream.name for stream in connector.streams_of(config)] == ["ip", "email"]


def test_every_stream_writes_the_same_kind_of_record() -> None:
    """All types share a topic, in which a key has one writer and an end."""
    streams = connector.streams_of(ThreatStreamConfig.model_validate(OPTIONS))
    assert [stream.name for stream in streams] == list(STREAMS)
    assert {(s.subject, s.key, s.identity, s.cleanup) for s in streams} == {
        ("threatstream.indicator", ("id",), ("id", "update_id"), "compact")
    }


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://ts.example", "https://ts.example/api/v2/intelligence/"),
        ("https://ts.example/", "https://ts.example/api/v2/intelligence/"),
        ("https://gw.example/anomali/intelligence/", "https://gw.example/anomali/intelligence/"),
    ],
)
def test_the_usual_path_is_added_where_there_is_none(url: str, expected: str) -> None:
    """A host alone is enough; a path of one's own is kept."""
    assert ThreatStreamConfig.model_validate(OPTIONS | {"url": url}).url == expected


# Reading


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("page_limit", [7, 1000])
def test_every_type_is_read_column_by_column(bench: Any, stream: str, page_limit: int) -> None:
    """After one run the topic holds the vendor's active set of the type, each column as the vendor has it, each state once."""
    sizes = {"ips": 90, "domains": 60, "hashes": 60, "urls": 40, "emails": 30}
    with bench(stream, sizes, page_limit=page_limit) as b:
        drained = b.after(61)
        b.assert_equal()
        assert len(b.truth()) > 20
        assert set(b.published().values()) == {1}
        assert drained.reports == []
        assert {row["stream"] for row in b.state().values()} == {stream}


def test_calls_ask_for_one_type_in_order_and_not_for_what_is_too_new(bench: Any) -> None:
    """Each call names status, type, order, place, limit and the stability delay, and holds no credential in its query."""
    with bench("domain", {"domains": 30}, page_limit=10) as b:
        now_ms = b.clock.now_ms() + 100_000
        b.after(100)
        first = b.simulator.requests[0]
        assert first.params == {
            "limit": "10",
            "order_by": "update_id",
            "update_id__gt": "0",
            "status": "active",
            "type": "domain",
            "modified_ts__lt": timestamp(now_ms - 60_000),
        }


@pytest.mark.parametrize("token", ["update_id__gt", "search_after", "from_update_id"])
@pytest.mark.parametrize("form", ["relative", "absolute"])
def test_every_form_of_the_next_link_is_followed(bench: Any, token: str, form: str) -> None:
    """Whichever parameter carries the place, and however the link is written, every page is read once."""
    with bench("ip", {"ips": 100, "next_token": token, "next_form": form}, page_limit=9) as b:
        b.after(61)
        b.assert_equal()
        asked = b.asked()
        assert len(asked) > 9
        assert asked == sorted(set(asked))


def test_what_the_vendor_has_just_touched_is_left_for_the_next_run(bench: Any) -> None:
    """An indicator changed within the stability delay is read when it has been quiet, once."""
    with bench("ip") as b:
        fresh = b.simulator.desk.add("ip")
        b.after(30)
        assert fresh not in b.state()
        b.after(61)
        b.assert_equal()
        assert fresh in b.state()


def test_a_run_that_is_limited_goes_on_where_it_stood(bench: Any) -> None:
    """Killed after every page in turn, the reading still gives each state once, and never asks from an earlier place."""
    with bench("ip", {"ips": 60}, page_limit=10, sweep_interval_secs=HOUR) as b:
        b.clock.advance(61)
        while not b.cursor or not b.cursor.whole:
            b.run(crash_after=1)
        b.assert_equal()
        assert set(b.published().values()) == {1}


# Looking back


def test_a_late_indicator_is_found_and_the_others_are_not_published_again(bench: Any) -> None:
    """A run looks back; what it re-reads is recognised, what was late is published, and the position never goes back."""
    with bench("ip", {"ips": 50}) as b:
        early = [b.simulator.desk.add("ip") for _ in range(3)]
        late = b.simulator.desk.add("ip", late_secs=600)
        after = b.simulator.desk.add("ip")
        b.after(100)
        position = b.cursor.update_id
        assert {*early, after} <= b.state().keys()
        assert late not in b.state()
        b.after(600)
        b.assert_equal()
        assert late in b.state()
        assert b.cursor.update_id >= position
        assert set(b.published().values()) == {1}


@pytest.mark.parametrize("every_secs", [600, HOUR, 3 * HOUR])
def test_lateness_up_to_the_look_back_is_found_however_often_one_polls(bench: Any, every_secs: int) -> None:
    """With polls minutes or hours apart, an indicator that is late by the whole look-back is published by the run after."""
    with bench("ip", {"ips": 30}, lookback_interval_secs=1800) as b:
        b.after(100)
        for _ in range(2):
            late = b.simulator.desk.add("ip", late_secs=3800)
            b.simulator.desk.add("ip")
            b.after(61)
            for _ in range(-(-3800 // every_secs) + 1 + 1800 // every_secs):
                b.after(every_secs)
            assert late in b.state()
            b.assert_equal()
        assert set(b.published().values()) == {1}


def test_a_look_back_reads_no_more_than_it_must(bench: Any) -> None:
    """Old indicators are not read again: hourly runs of a large quiet set cost one call for what is active."""
    with bench("ip", {"ips": 300, "history_days": 30}, page_limit=20) as b:
        b.after(61)
        for _ in range(3):
            before = len(b.asked())
            b.after(HOUR)
            assert len(b.asked()) == before + 1


def test_a_long_first_reading_does_not_look_back_on_its_way(bench: Any) -> None:
    """Runs that reach their limit go on, each where the last one stood, until the first one is caught up."""
    with bench("ip", {"ips": 120}, page_limit=10) as b:
        b.clock.advance(61)
        while not b.cursor or not b.cursor.whole:
            b.run(crash_after=4)
            b.clock.advance(HOUR)
        asked = [place for number, place in enumerate(b.asked()) if place not in b.asked()[:number]]
        assert asked == sorted(asked)
        b.run()
        b.assert_equal()
        assert set(b.published().values()) == {1}


def test_without_look_back_nothing_is_read_twice(bench: Any) -> None:
    """lookback_secs 0 keeps to the position."""
    with bench("ip", {"ips": 20}, lookback_secs=0) as b:
        b.after(61)
        for _ in range(3):
            b.simulator.desk.add("ip")
            b.after(100)
        b.assert_equal()
        assert b.asked() == sorted(b.asked())
        assert len(b.cursor.marks.split()) <= 1


def test_a_look_back_that_is_killed_goes_on(bench: Any) -> None:
    """Whatever page of it was the last, the late indicator is found and nothing is published twice."""
    for crash in range(1, 6):
        with bench("ip", page_limit=2) as b:
            for _ in range(6):
                b.simulator.desk.add("ip")
            late = b.simulator.desk.add("ip", late_secs=300)
            b.simulator.desk.add("ip")
            b.after(100)
            b.after(300, crash_after=crash)
            b.after(HOUR)
            b.assert_equal()
            assert late in b.state()
            assert set(b.published().values()) == {1}


def test_the_cursor_stays_small(bench: Any) -> None:
    """However long it runs, a few marks are all it remembers."""
    with bench("ip", lookback_interval_secs=1800) as b:
        for _ in range(30):
            b.simulator.desk.add("ip")
            b.after(400)
        assert len(b.cursor.model_dump_json()) < 1_200
        b.assert_equal()


# Endings


@pytest.mark.parametrize("status", ["inactive", "falsepos"])
@pytest.mark.parametrize("late_secs", [0, 300])
def test_what_is_no_longer_active_is_ended(bench: Any, status: str, late_secs: int) -> None:
    """An indicator that turned inactive or false positive becomes a tombstone, also where the vendor tells of it late."""
    with bench("ip", {"ips": 20}) as b:
        one, other = b.simulator.desk.add("ip"), b.simulator.desk.add("ip")
        b.after(100)
        b.simulator.desk.deactivate(one, status, late_secs=late_secs)
        b.simulator.desk.deactivate(b.simulator.desk.add("ip"), status)
        b.after(100)
        assert (one in b.state()) == bool(late_secs)
        b.after(late_secs)
        b.assert_equal()
        assert one not in b.state()
        assert other in b.state()


@pytest.mark.parametrize("every_secs", [HOUR, 6 * HOUR])
def test_an_ending_that_is_told_late_is_heard_by_the_next_round(bench: Any, every_secs: int) -> None:
    """Later endings that were told at once do not hide it, however far apart the rounds are."""
    with bench("ip", {"ips": 10}, deletions_interval_secs=every_secs) as b:
        for _ in range(2):
            slow, quick, later = (b.simulator.desk.add("ip") for _ in range(3))
            b.after(every_secs)
            b.clock.advance(every_secs - 100)
            b.simulator.desk.deactivate(slow, late_secs=HOUR)
            b.simulator.desk.deactivate(quick)
            b.after(100)
            assert slow in b.state()
            assert quick not in b.state()
            b.simulator.desk.deactivate(later)
            b.after(max(every_secs, HOUR))
            b.assert_equal()
            assert not {slow, later} & b.state().keys()


def test_what_becomes_active_again_is_published_again(bench: Any) -> None:
    """Ended and active again, an indicator stands in the topic with its new state."""
    with bench("ip") as b:
        one = b.simulator.desk.add("ip")
        b.after(100)
        b.simulator.desk.deactivate(one)
        b.after(100)
        assert one not in b.state()
        b.simulator.desk.reactivate(one)
        b.after(100)
        b.assert_equal()
        assert one in b.state()


def test_rounds_of_endings_keep_their_distance(bench: Any) -> None:
    """Ended indicators are asked for when a round is due, and not with every run; switched off, never."""
    with bench("ip", {"ips": 10}, deletions_interval_secs=6 * HOUR) as b:
        for _ in range(13):
            b.after(HOUR)
        assert len(b.asked("inactive")) == len(b.asked("falsepos")) == 3
    with bench("ip", {"ips": 10}, deletions_enabled=False) as b:
        b.after(HOUR)
        b.after(HOUR)
        assert b.asked("inactive") == b.asked("falsepos") == []


def test_the_first_round_skips_what_ended_before_the_reading_began(bench: Any) -> None:
    """A history of ended indicators costs no pages: none of them was ever published."""
    with bench("ip", {"ips": 200, "inactive": 0.3, "falsepos": 0.2}, page_limit=10) as b:
        b.after(HOUR)
        b.assert_equal()
        assert len(b.asked("inactive")) == len(b.asked("falsepos")) == 1
        assert not [key for step in b.steps for key in step.ended]


def test_what_expires_in_the_topic_is_swept_without_a_call(bench: Any) -> None:
    """An indicator nobody touched ends when its time has come; the vendor is not asked about it."""
    with bench("ip", {"ips": 10}, deletions_enabled=False) as b:
        one = b.simulator.desk.add("ip", expires_secs=1_000)
        b.after(100)
        assert one in b.state()
        b.after(1_000)
        b.assert_equal()
        assert one not in b.state()


def test_a_sweep_comes_when_it_is_due(bench: Any) -> None:
    """Between two sweeps the topic is left alone."""
    with bench("ip", sweep_interval_secs=6 * HOUR, deletions_enabled=False, lookback_secs=0) as b:
        one = b.simulator.desk.add("ip", expires_secs=2 * HOUR)
        b.after(100)
        for _ in range(4):
            b.after(HOUR)
        assert one in b.state()
        for _ in range(3):
            b.after(HOUR)
        assert one not in b.state()


def test_an_end_that_is_moved_forward_is_heard(bench: Any) -> None:
    """A change that sets the end to now is not published; the state from before it ends."""
    with bench("ip") as b:
        one = b.simulator.desk.add("ip")
        b.after(100)
        b.simulator.desk.expire(one)
        drained = b.after(100)
        assert one not in b.state()
        assert sum(step.table.num_rows for step in drained.steps) == 0


def test_an_end_that_is_put_off_is_heard(bench: Any) -> None:
    """Swept at its former end, an indicator comes back with the change that put the end off."""
    with bench("ip") as b:
        one = b.simulator.desk.add("ip", expires_secs=200)
        b.after(100)
        b.simulator.desk.update(one, ends_ms=b.clock.now_ms() + 10**9)
        b.after(150)
        b.assert_equal()
        assert one in b.state()


def test_what_is_too_old_ends_whatever_the_vendor_says(bench: Any) -> None:
    """With a maximum age what has not changed for so long is neither published nor kept."""
    with bench("ip", {"ips": 60, "history_days": 20}, max_age_days=10) as b:
        one = b.simulator.desk.add("ip")
        b.after(100)
        assert one in b.state()
        assert 1 < len(b.state()) < len(b.truth())
        b.after(11 * 24 * HOUR)
        assert b.state() == {}


def test_other_streams_of_the_topic_are_left_alone(bench: Any) -> None:
    """A sweep ends only what its own stream wrote."""
    with bench("domain", {"domains": 5}, deletions_enabled=False, lookback_secs=0) as b:
        b.simulator.desk.add("domain", expires_secs=300)
        b.after(100)
        step = next(step for step in b.steps if step.table.num_rows)
        table, where = step.table, step.table.schema.get_field_index("stream")
        step.table = table.set_column(where, table.schema.field(where), pa.array(["ip"] * table.num_rows))
        b.after(1_000)
        assert len(b.state()) == table.num_rows


# Starting over


def test_a_reset_reads_everything_and_ends_what_has_vanished(bench: Any) -> None:
    """After a reset all that is active is published anew, and what the vendor lost without a word ends with the next run."""
    with bench("ip", {"ips": 40}, page_limit=10) as b:
        gone, ended = b.simulator.desk.add("ip"), b.simulator.desk.add("ip")
        b.after(100)
        b.clock.advance(HOUR)
        b.simulator.desk.remove(gone)
        b.simulator.desk.deactivate(ended)
        b.clock.advance(HOUR)
        b.cursor = None
        drained = b.run()
        assert {row["id"] for row in drained.rows(("id",))} == b.truth().keys()
        b.after(60)
        b.assert_equal()
        assert gone not in b.state()
        assert ended not in b.state()


def test_a_reset_that_takes_many_runs_ends_nothing_before_it_is_whole(bench: Any) -> None:
    """While the reading is under way nothing counts as vanished; killed anywhere, the end is the same."""
    with bench("ip", {"ips": 60}, page_limit=10) as b:
        gone = b.simulator.desk.add("ip")
        b.after(100)
        b.simulator.desk.remove(gone)
        b.clock.advance(HOUR)
        b.cursor = None
        while not b.cursor or not b.cursor.whole:
            b.run(crash_after=2)
            assert b.state().keys() >= b.truth().keys()
            assert gone in b.state()
        b.after(60, crash_after=1)
        b.after(60)
        b.assert_equal()


@pytest.mark.parametrize("fault", ["lost_next", "empty_page"])
def test_a_reset_whose_reading_was_cut_short_by_the_vendor_heals(bench: Any, fault: str) -> None:
    """What a lying page made look as if it had vanished is published again, although the topic told of it a moment ago."""
    with bench("ip", {"ips": 60, "history_days": 0.02}, page_limit=10) as b:
        b.after(100)
        b.clock.advance(600)
        b.cursor = None
        b.simulator.faults.arm(f"{fault}:1@2")
        first = next(iter(b.run().rows(("id",))))["id"]
        assert b.state().keys() == b.truth().keys()
        b.simulator.desk.deactivate(first)  # so that the look-back ends in the middle of a page
        b.after(61)
        b.after(61)
        b.assert_equal()


@pytest.mark.parametrize("ahead_secs", [1_200, 9 * HOUR, 10 * DAY_SECS])
@pytest.mark.parametrize("crash_after", [1, 3])
@pytest.mark.parametrize("stamped_by", ["worker", "broker"])
def test_a_clock_put_back_in_a_whole_reading_ends_nothing_that_it_published(
    bench: Any, ahead_secs: int, crash_after: int, stamped_by: str
) -> None:
    """Begun by a clock ahead and ended by the right one, a first reading and one after a reset keep all they found."""
    with bench("ip", {"ips": 60, "history_days": 1}, page_limit=10) as b:
        clock = b.driver.clock = WrongClock(b.clock)
        gone = b.simulator.desk.add("ip")
        for reading in range(2):
            clock.ahead_secs, before = ahead_secs, len(b.steps)
            b.after(100, crash_after=crash_after)
            for step in b.steps[before:] if stamped_by == "broker" else ():
                step.published_ms -= ahead_secs * 1000
            clock.ahead_secs = 0
            b.after(1_500)
            b.after(60)
            b.after(60)
            b.assert_equal()
            assert (gone in b.state()) == (reading == 0)
            b.simulator.desk.remove(gone) if reading == 0 else None
            b.clock.advance(HOUR)
            b.cursor = None


def test_a_clock_that_was_ahead_puts_nothing_off(bench: Any) -> None:
    """Once it is right again sweeps, deletions and look-backs go on, however far ahead their stamps lie."""
    intervals = {"deletions_interval_secs": 6 * HOUR, "sweep_interval_secs": 6 * HOUR, "lookback_interval_secs": 1800}
    with bench("ip", {"ips": 20, "history_days": 1}, **intervals) as b:
        clock = b.driver.clock = WrongClock(b.clock)
        b.after(100)
        clock.ahead_secs = 5 * DAY_SECS
        ended = b.simulator.desk.add("ip")
        b.after(100)
        b.after(100)
        clock.ahead_secs = 0
        expiring = b.simulator.desk.add("ip", expires_secs=2 * HOUR)
        late = b.simulator.desk.add("ip", late_secs=HOUR)
        b.simulator.desk.add("ip")
        b.after(100)
        assert {ended, expiring} <= b.state().keys()
        b.simulator.desk.deactivate(ended)
        for _ in range(8):
            b.after(HOUR)
        b.assert_equal()
        assert late in b.state()
        assert not {ended, expiring} & b.state().keys()


def test_runs_of_one_batch_each_come_to_everything(bench: Any) -> None:
    """However little a run may do, sweeping, reading, looking back and ending all get their turn."""
    with bench("ip", {"ips": 30}, page_limit=10) as b:
        ended, expiring = b.simulator.desk.add("ip"), b.simulator.desk.add("ip", expires_secs=300)
        for _ in range(12):
            b.after(10, crash_after=1)
        assert {ended, expiring} <= b.state().keys()
        b.simulator.desk.deactivate(ended)
        b.clock.advance(300)
        fresh = b.simulator.desk.add("ip")
        b.clock.advance(61)
        for _ in range(14):
            b.run(crash_after=1)
        b.assert_equal()
        assert fresh in b.state()


def test_a_deleted_topic_is_filled_again(bench: Any) -> None:
    """Topic and cursor gone together, everything comes back from update_id 0."""
    with bench("ip", {"ips": 30}) as b:
        b.after(100)
        b.steps.clear()
        b.cursor = None
        b.after(HOUR)
        b.assert_equal()
        assert b.asked().count(0) == 2


# The vendor misbehaves


@pytest.mark.parametrize(
    "fault", ["stuck_next", "stale_page", "overlap", "shuffled", "lost_next", "empty_page", "foreign_next"]
)
@pytest.mark.parametrize("at", [0, 1, 3])
def test_a_page_that_lies_loses_and_doubles_nothing(bench: Any, fault: str, at: int) -> None:
    """Whatever a page or its link claims, and wherever, two more runs later the topic is right and each state was published once."""
    with bench("ip", {"ips": 80, "faults": (f"{fault}:2@{at}",)}, page_limit=10) as b:
        b.after(61)
        b.after(HOUR)
        b.after(HOUR)
        b.assert_equal()
        assert set(b.published().values()) == {1}


@pytest.mark.parametrize("fault", ["stuck_next", "stale_page"])
def test_a_vendor_that_never_leads_on_is_reported_and_not_asked_for_ever(bench: Any, fault: str) -> None:
    """Every run ends after a page and says why."""
    with bench("ip", {"ips": 40, "faults": (f"{fault}:*@1",)}, page_limit=10) as b:
        drained = b.after(61)
        assert [report.split(":")[0] for report in drained.reports] == ["paging_stuck"]
        assert len(b.asked()) <= 3
        b.after(HOUR)
        assert len(b.asked()) <= 6


def test_a_vendor_that_leads_nowhere_in_a_look_back_does_not_stop_the_reading(bench: Any) -> None:
    """The look-back is given up until the next one, and what is new is read."""
    with bench("ip", page_limit=5) as b:
        for _ in range(12):
            b.simulator.desk.add("ip")
        b.after(100)
        b.simulator.faults.arm("stuck_next:1")
        fresh = b.simulator.desk.add("ip")
        b.after(100)
        b.after(100)
        assert fresh in b.state()
        b.assert_equal()


@pytest.mark.parametrize(
    "fault", ["half_json", "html_page", "cut_body", "http_500", "http_503", "embedded_429", "bare_429", "http_429"]
)
def test_a_failure_that_passes_costs_no_page(bench: Any, fault: str) -> None:
    """It is a TemporaryError in the middle of the reading, after which the same page is asked for again, whole."""
    with bench("ip", {"ips": 60, "faults": (f"{fault}:3@2",)}, page_limit=10) as b:
        drained = b.after(61)
        assert drained.errors
        assert all(isinstance(error, TemporaryError) for error in drained.errors)
        b.assert_equal()
        assert set(b.published().values()) == {1}


@pytest.mark.parametrize(
    ("fault", "option"), [("http_401", "api_key"), ("http_403", "user"), ("http_404", "url"), ("http_400", "types")]
)
def test_what_a_person_must_change_is_named(bench: Any, fault: str, option: str) -> None:
    """A refusal ends the task with the option to mend, and without the key."""
    with bench("ip", {"ips": 5, "faults": (f"{fault}:*",)}) as b:
        with pytest.raises(PermanentError, match=f"`{option}`") as caught:
            b.after(61)
        assert "invented-api-key" not in str(caught.value)


@pytest.mark.parametrize("form", ["429", "207"])
def test_the_wait_for_a_spent_quota_is_handed_on(bench: Any, form: str) -> None:
    """A call beyond the quota says when to come back, also where a gateway wraps it in a 207."""
    with bench("ip", {"ips": 40, "quota_per_day": 2, "quota_form": form}, page_limit=10) as b:
        with pytest.raises(TemporaryError, match="429") as caught:
            asyncio.run(b.driver.poll_once(None, Drained()))
        assert caught.value.after_secs is not None
        assert caught.value.after_secs > HOUR


def test_broken_objects_are_dead_letters_once(bench: Any) -> None:
    """Each one is kept once, however often it is met again in looking back, and its neighbours are read."""
    with bench("ip", {"ips": 30, "history_days": 0.02, "faults": ("no_value:3", "no_id:2")}, page_limit=7) as b:
        drained = [b.after(100), b.after(100), b.after(100)]
        assert [letters(each) for each in drained] == [5, 0, 0]
        raws = sorted(raw for each in drained for raw in each.rejects())
        assert raws == sorted(r.raw for r in b.simulator.truth_of("ip") if r.kind == "broken")


def test_unknown_itypes_are_reported_once_a_run(bench: Any) -> None:
    """The report names them and their number; they are published."""
    with bench("ip", {"ips": 30, "faults": ("new_itype:4",)}, page_limit=5) as b:
        drained = b.after(61)
        assert len(drained.reports) == 1
        assert "never_listed_itype (4)" in drained.reports[0]
        b.assert_equal()


def test_a_cursor_of_today_is_read_tomorrow() -> None:
    """The fields a stored cursor has by now stay readable: two numbers are enough."""
    cursor = IndicatorCursor.model_validate({"began_ms": 1, "swept_ms": 1, "update_id": 58_666_078_226})
    assert cursor.replay_from_ms() is None
    assert cursor.not_before_ms() is None
