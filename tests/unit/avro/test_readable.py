"""Tests of reading a topic that others write to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wellhead.avro.decode import Decoder
from wellhead.avro.encode import Encoder
from wellhead.avro.readable import MOST_FOREIGN, readable
from wellhead.avro.rows import to_batch
from wellhead.avro.schema import Schema
from wellhead.errors import PermanentError

SCHEMA = Schema("x.s", 1, '{"type": "record", "name": "S", "fields": [{"name": "id", "type": "long", "doc": "d"}]}')


def values(count: int) -> list[bytes]:
    return Encoder(SCHEMA, 7).encode(to_batch([{"id": number} for number in range(count)], SCHEMA)[0]).values


def decoder() -> Decoder:
    return Decoder(lambda _: SCHEMA.text, SCHEMA)


STRANGERS = [b"", b"hello", b"\x00\x00\x00\x00\x07", b"\x01" * 9, b"\x00\x00\x00\x00\x07\xff"]


@given(st.lists(st.one_of(st.none(), st.sampled_from(STRANGERS)), min_size=1, max_size=60))
def test_what_can_be_read_is_given_in_order_and_the_rest_is_named(strangers):
    """Wherever foreign values stand, ours come out in order and theirs are told by index."""
    mixed = [own if stranger is None else stranger for own, stranger in zip(values(len(strangers)), strangers, strict=True)]
    good = [index for index, stranger in enumerate(strangers) if stranger is None]
    if not good:
        with pytest.raises(PermanentError):
            readable(decoder(), mixed, ["id"])
        return
    table, foreign = readable(decoder(), mixed, ["id"])
    assert table["id"].to_pylist() == good
    assert sorted(foreign) == [index for index, stranger in enumerate(strangers) if stranger is not None]


def test_too_many_are_no_accident():
    """Where more cannot be read than anybody strays into a topic, nothing is passed over."""
    with pytest.raises(PermanentError, match="not framed"):
        readable(decoder(), [*values(10_000), *[b"hello"] * (MOST_FOREIGN + 1)], ["id"])
    assert len(readable(decoder(), [*values(10_000), *[b"hello"] * MOST_FOREIGN], ["id"])[1]) == MOST_FOREIGN
