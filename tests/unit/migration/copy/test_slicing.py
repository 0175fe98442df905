"""Slices of similar size, without gaps."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from wellhead.migration.copy.slicing import Bucket, Range, cut, cut_offsets, packed, width_ms

BUCKETS = st.lists(st.integers(0, 500), max_size=60).map(
    lambda counts: [Bucket(1000 + 10 * at, 10, docs) for at, docs in enumerate(counts)]
)


@given(BUCKETS, st.integers(1, 400))
def test_ranges_join_without_gap_or_overlap(buckets, most):
    """From the first to the end each moment is in exactly one range, and the counts add up."""
    ranges = cut(buckets, most, None, 9999)
    assert ranges[0].first is None
    assert ranges[-1].end == 9999
    assert [one.end for one in ranges[:-1]] == [other.first for other in ranges[1:]]
    assert sum(each.docs for each in ranges) == sum(bucket.docs for bucket in buckets)
    for each in ranges:
        inside = [b.docs for b in buckets if (each.first is None or b.first_ms >= each.first) and b.first_ms < (each.end or 0)]
        assert sum(inside) == each.docs


@given(st.integers(20, 60), st.integers(100, 400))
def test_ranges_are_of_similar_size(count, most):
    """Where buckets are fine, no range is more than a bucket away from its fair share."""
    buckets = [Bucket(at, 1, 10) for at in range(count)]
    ranges = cut(buckets, most, None, None)
    fair = count * 10 / -(-count * 10 // most)
    assert all(abs(each.docs - fair) <= 20 for each in ranges[:-1])
    assert abs(len(ranges) - -(-count * 10 // most)) <= 1
    assert all(each.docs <= most + 20 for each in ranges)


@given(st.dictionaries(st.integers(0, 9000), st.integers(1, 300), max_size=80), st.integers(1, 1000))
def test_small_clients_go_together(counts, most):
    """Each client is in exactly one pack; packs are within the bound unless a client alone is above it, and none could join its neighbour."""
    packs = list(packed(counts, most))
    assert sorted(name for names, _ in packs for name in names) == sorted(counts)
    assert all(docs == sum(counts[name] for name in names) for names, docs in packs)
    assert all(docs <= most or len(names) == 1 for names, docs in packs)
    assert all(docs + counts[names[0]] > most for (_, docs), (names, _) in pairwise(packs))


def test_clients_with_names_and_numbers_can_be_packed():
    """A store may hold both; they keep one order."""
    assert list(packed({"b": 1, 2: 1, "a": 1}, 2)) == [((2, "a"), 2), (("b",), 1)]


def test_very_many_clients_do_not_stand_in_one_query():
    """Five hundred at most."""
    packs = list(packed(dict.fromkeys(range(1200), 1), 10_000))
    assert [len(names) for names, _ in packs] == [500, 500, 200]


@given(st.integers(0, 10**6), st.integers(0, 10**5), st.integers(1, 5000))
def test_offsets_are_cut_evenly(first, count, most):
    """Ranges join from first to end, none above the bound, none more than one larger than another."""
    ranges = cut_offsets(first, first + count, most)
    assert [one.end for one in ranges[:-1]] == [other.first for other in ranges[1:]]
    assert sum(each.docs for each in ranges) == count
    assert all(each.docs <= most for each in ranges)
    assert not ranges or max(each.docs for each in ranges) - min(each.docs for each in ranges) <= 1
    assert not ranges or (ranges[0].first, ranges[-1].end) == (first, first + count)


def test_an_open_range_stays_open():
    """What fits into one slice is not cut, and its ends are those of the job."""
    assert cut([Bucket(5, 1, 10)], 10, None, None) == [Range(None, None, 10)]


@given(st.integers(1, 10**11), st.integers(1, 10**7), st.integers(1, 10**5), st.sampled_from([1, 1000]))
def test_buckets_are_whole_units(span_ms, docs, most, unit_ms):
    """Seconds are never cut where the source counts in seconds."""
    assert width_ms(span_ms, docs, most, least_ms=unit_ms) % unit_ms == 0
