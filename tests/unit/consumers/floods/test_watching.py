"""Tests of what is known of one partition."""

from dataclasses import replace

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from watchable import NOON_MS, SOURCE, Counter, finding

from wellhead.consumers.floods.watching import FORGOTTEN_MS, KEPT_CLOSED, KEPT_MS, PartitionWatch, Watched

RECORDS = st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 15)), min_size=1, max_size=40)


def batch(records):
    return pa.RecordBatch.from_pydict(
        {"gateway": pa.array([gateway for gateway, _ in records], pa.string()), "number": [number for _, number in records]}
    )


def watched(records, cuts):
    watch, at = PartitionWatch(SOURCE, Counter, 0), 0
    for size in [*cuts, len(records)]:
        part = records[at : at + size]
        at += len(part)
        watch.take(batch(part), [NOON_MS + at] * len(part), at, 100.0)
    return watch


@given(RECORDS, st.lists(st.integers(0, 10), max_size=8))
def test_how_records_are_cut_changes_nothing(records, cuts):
    """Each gateway's detector gets its own records in their order, whatever came beside them and in how many pieces."""
    cut, whole = watched(records, cuts), watched(records, [])
    assert (cut.next, cut.watermark_ms) == (len(records), NOON_MS + len(records)) == (whole.next, whole.watermark_ms)
    for gateway in {name or "" for name, _ in records}:
        mine = [each for each in cut.pending if each.gateway == gateway]
        assert mine == [each for each in whole.pending if each.gateway == gateway]
        assert cut.gateways[gateway].detector.sum == sum(number for name, number in records if (name or "") == gateway)


def test_only_what_changed_is_to_be_written():
    """A gateway whose records came, or of which something was found; after it is written, none."""
    watch = watched([("a", 3), ("b", 12)], [])
    assert (watch.is_news, watch.moved, {name: each.changed for name, each in watch.gateways.items()}) == (
        True,
        True,
        {"a": True, "b": True},
    )
    watch.written()
    assert (watch.is_news, watch.moved, any(each.changed for each in watch.gateways.values())) == (False, False, False)
    watch.take(batch([("a", 1)]), [NOON_MS], 3, 100.0)
    assert (watch.is_news, watch.moved, watch.gateways["a"].changed, watch.gateways["b"].changed) == (False, True, True, False)


def test_time_goes_on_for_every_gateway_at_the_end():
    """From its last record on, however old that is; what a detector finds by it is news, that time went on is none."""
    watch = watched([("a", 3), ("b", 1)], [])
    watch.written()
    watch.idle(105.0, NOON_MS + 700_000)
    assert (watch.gateways["a"].detector.ticks, watch.is_news, watch.moved) == ([NOON_MS + 2 + 5_000], False, False)
    watch.gateways["b"].detector.due = [finding("late", gateway="b")]
    watch.idle(106.0, NOON_MS + 700_000)
    assert ([each.id for each in watch.pending], watch.gateways["b"].changed, watch.gateways["a"].changed) == (
        ["late"],
        True,
        False,
    )


def test_a_gateway_that_is_gone_is_forgotten_once_nothing_is_open():
    """Its state would stay for ever; one that comes back begins anew."""
    watch = watched([("a", 3), ("b", 12)], [])
    watch.written()
    watch.idle(101.0, NOON_MS + FORGOTTEN_MS + 60_000)
    assert (set(watch.gateways), set(watch.gone), watch.is_news) == ({"b"}, {"a"}, True)
    watch.take(batch([("a", 1)]), [NOON_MS + FORGOTTEN_MS], 3, 100.0)
    assert (watch.gone, watch.gateways["a"].detector.sum) == ({}, 1)


def test_records_that_name_no_gateway_are_watched_as_one():
    """A source without the column is a gateway without a name."""
    watch = PartitionWatch(SOURCE, Counter, 0)
    watch.take(pa.RecordBatch.from_pydict({"number": [4, 5]}), [NOON_MS, NOON_MS], 2, 100.0)
    watch.take(pa.RecordBatch.from_arrays([], names=[]), [], 5, 100.0)
    assert (watch.gateways[""].detector.sum, watch.next, watch.moved) == (9, 5, True)


def test_closed_findings_are_kept_for_a_day_and_not_too_many():
    """Somebody asks for them in the morning; a gateway that flaps must not fill the topic."""
    kept = Watched(Counter("a"))
    closed = [finding(f"c{number}", kind="closed", time_ms=NOON_MS + number) for number in range(KEPT_CLOSED + 3)]
    kept.note([finding("open", time_ms=0), *closed])
    assert [each for each in kept.findings if each != "open"] == [each.id for each in closed[3:]]
    kept.note([replace(closed[-1], id="new", time_ms=NOON_MS + KEPT_MS + KEPT_CLOSED + 2)])
    assert set(kept.findings) == {"open", closed[-1].id, "new"}
