"""Spans of time fall into parts that cover them exactly."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from wellhead.migration.verify.spans import DAY_MS, HOUR_MS, Span, days, parts

SPANS = st.builds(lambda first, length: Span(first, first + length), st.integers(0, 2 * DAY_MS), st.integers(2, 3 * DAY_MS))


@given(SPANS)
def test_parts_cover_their_span(span):
    """No part overlaps another, none is empty, nothing is left out, and each is smaller than the whole."""
    for cut in (days(span), parts(span)):
        assert cut[0].first_ms == span.first_ms
        assert cut[-1].end_ms == span.end_ms
        assert all(one.end_ms == next_.first_ms for one, next_ in pairwise(cut))
        assert all(each.length_ms > 0 for each in cut)
    assert max(each.length_ms for each in parts(span)) < span.length_ms


def test_a_day_goes_down_to_single_milliseconds():
    """Hours, minutes, seconds, hundredths, milliseconds: at most a hundred parts at a time."""
    span, sizes = Span(0, DAY_MS), []
    while span.length_ms > 1:
        cut = parts(span)
        sizes.append(len(cut))
        span = cut[-1]
    assert sizes == [24, 60, 60, 100, 10]
    assert parts(Span(0, DAY_MS))[0] == Span(0, HOUR_MS)
