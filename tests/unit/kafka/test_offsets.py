"""Cursors travel in Kafka Connect's own layout, to the byte, and come back from any spelling of it."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from wellhead.errors import PermanentError
from wellhead.kafka.offsets import offset_key, offset_value, parse_key, parse_value

scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
maps = st.dictionaries(st.text(), scalars, max_size=6)


class Page(BaseModel):
    token: str
    hour: int
    at: float | None = None


@given(st.text(), maps)
def test_key_round_trip(connector, partition) -> None:
    """Any connector name and partition map come back from their key."""
    assert parse_key(offset_key(connector, partition)) == (connector, partition)


@given(st.text(), maps, st.randoms(use_true_random=False))
def test_key_does_not_depend_on_the_order_of_fields(connector, partition, rng: random.Random) -> None:
    """The same partition map gives the same bytes whatever order it was built in: bytes decide a key's identity."""
    items = list(partition.items())
    rng.shuffle(items)
    assert offset_key(connector, dict(items)) == offset_key(connector, partition)


@given(st.text(), maps, st.integers(0, 3), st.booleans())
def test_key_is_read_in_any_spelling(connector, partition, indent, ascii_only) -> None:
    """Spaces, line ends, escapes and order do not matter to the reader."""
    spelled = json.dumps([connector, dict(reversed(partition.items()))], indent=indent, ensure_ascii=ascii_only)
    assert parse_key(spelled.encode()) == (connector, partition)


@given(maps)
def test_value_round_trip(fields) -> None:
    """Any flat cursor comes back from its value."""
    assert parse_value(offset_value(fields)) == fields


def test_key_has_connects_bytes() -> None:
    """No spaces, sorted fields, UTF-8 unescaped, control characters as Jackson writes them."""
    assert offset_key("fs", {"tenant": "acme", "stream": "ip"}) == b'["fs",{"stream":"ip","tenant":"acme"}]'
    assert offset_key("é", {"a": '\x1f\n"\\u001f'}) == '["é",{"a":"\\u001F\\n\\"\\\\u001f"}]'.encode()


def test_value_has_connects_bytes() -> None:
    """A cursor model becomes a flat JSON object without spaces, in the order of its fields; None is a tombstone."""
    assert offset_value(Page(token="x", hour=3)) == b'{"token":"x","hour":3,"at":null}'
    assert offset_value(None) is None
    assert parse_value(None) is None
    assert parse_value(b"null") is None


@pytest.mark.parametrize("content", [{"a": [1]}, {"a": {"b": 1}}, {"a": (1, 2)}])
def test_a_nested_cursor_is_refused(content) -> None:
    """What Connect's tools could not read is not written; the field is named."""
    with pytest.raises(PermanentError, match="cursor field 'a'"):
        offset_value(content)


@pytest.mark.parametrize("content", [float("nan"), float("inf")])
def test_a_number_json_does_not_know_is_refused(content) -> None:
    """NaN and infinity are no JSON."""
    with pytest.raises(PermanentError, match="cursor field 'a'"):
        offset_value({"a": content})


@pytest.mark.parametrize("key", [b"", b"{}", b"[]", b'["c"]', b'["c",{},1]', b"[1,{}]", b'["c",[]]', b"\xff\xfe"])
def test_what_is_no_offsets_key_is_told(key) -> None:
    """Bytes of another layout raise ValueError, nothing else."""
    with pytest.raises(ValueError, match=r".*"):
        parse_key(key)


@pytest.mark.parametrize("value", [b"", b"1", b"[]", b'"x"', b"\xff"])
def test_what_is_no_offsets_value_is_told(value) -> None:
    """Bytes that are no JSON object raise ValueError, nothing else."""
    with pytest.raises(ValueError, match=r".*"):
        parse_value(value)
