"""A row kept as JSON comes back as it was, kind by kind."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wellhead.avro.rowtext import row_bytes, row_in

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.replace(fold=0))
    | st.datetimes().map(lambda moment: moment.replace(fold=0))
    | st.dates()
    | st.times().map(lambda moment: moment.replace(fold=0))
    | st.decimals(allow_nan=False, allow_infinity=False)
)
KEYS = st.text().filter(lambda name: not name.startswith("$"))
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_a_row_comes_back_as_it_was(row):
    """Texts, numbers, bytes, times, decimals, at any depth: each is the same value of the same kind again."""
    again = row_in(row_bytes(row))
    assert again == row
    assert repr(again) == repr(row)


def test_bytes_never_come_back_as_text():
    """Text that is no UTF-8 was refused; it must not come back as a text that is taken."""
    assert row_in(row_bytes({"name": b"\xff"})) == {"name": b"\xff"}


def test_what_no_schema_holds_stays_no_value():
    """A value of a kind JSON and Avro do not know is told, and comes back as something that is refused again."""
    assert row_in(row_bytes({"span": timedelta(seconds=1)})) == {"span": {"$other": "0:00:01"}}


def test_a_vendors_map_that_looks_like_a_tag_stays_a_map():
    """Only what could have been written for a tag is read as one."""
    row = {"a": {"$bytes": "no base64!"}, "b": {"$date": 7}, "c": {"$date": "2026-01-01", "more": 1}}
    assert row_in(row_bytes(row)) == row


def test_it_reads_well():
    """A person sees the values, tagged where JSON has no word."""
    row = {"at": datetime(2026, 1, 2, tzinfo=UTC), "on": date(2026, 1, 2), "by": time(3, 4), "sum": Decimal("1.10"), "who": "Ä"}
    assert row_bytes(row).decode() == (
        '{"at":{"$datetime":"2026-01-02T00:00:00+00:00"},"on":{"$date":"2026-01-02"},"by":{"$time":"03:04:00"},'
        '"sum":{"$decimal":"1.10"},"who":"Ä"}'
    )


@pytest.mark.parametrize("raw", [b"", b"[1]", b'"text"', b"\xff"])
def test_what_is_no_row_is_said_so(raw):
    """Bytes that are no JSON object are a ValueError, whatever they are."""
    with pytest.raises(ValueError):  # noqa: PT011 - json's own words
        row_in(raw)
