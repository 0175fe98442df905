"""Tests of taking messages apart: what is ours, what is none of ours, and when that is no accident."""

import pyarrow as pa
import pytest
from confluent_kafka import Message

from wellhead.avro.decode import Decoder
from wellhead.avro.encode import Encoder
from wellhead.avro.readable import MOST_FOREIGN
from wellhead.avro.rows import to_batch
from wellhead.avro.schema import Schema
from wellhead.consumers.lookup.changes import changes_of
from wellhead.consumers.lookup.layout import Layout
from wellhead.errors import PermanentError

SCHEMA = Schema("x.s", 1, '{"type": "record", "name": "S", "fields": [{"name": "id", "type": "long", "doc": "d"}]}')
LAYOUT = Layout(pa.schema([pa.field("id", pa.int64(), nullable=False)]), "id", "integer")
FRAMED = b"\x00\x00\x00\x00\x07\xff"


def own(number: int) -> bytes:
    return Encoder(SCHEMA, 7).encode(to_batch([{"id": number}], SCHEMA)[0]).values[0]


@pytest.fixture
def message():
    """Messages as the client hands them out."""
    return lambda offset, key, value: Message(topic="t", partition=0, offset=offset, key=key, value=value)


def taken(messages, layout=LAYOUT):
    told: list[str] = []
    changes = changes_of(messages, Decoder(lambda _: SCHEMA.text, SCHEMA), layout, told.append)
    rows = changes.table["id"].to_pylist() if changes.table is not None else []
    return changes.keys.to_pylist(), changes.live.tolist(), rows, told


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"k", b"hello"),
        (None, b"hello"),
        (None, own(5)),
        (b"k", own(5)),
        (b"5", b"hello"),
        (b"5", FRAMED),
        (b"k", None),
        (b"01", own(1)),
    ],
)
def test_one_message_of_somebody_else_stops_nothing(message, key, value):
    """Whatever is wrong with it, those beside it count, and its place is told."""
    messages = [message(0, b"1", own(1)), message(1, key, value), message(2, b"2", None), message(3, b"3", own(3))]
    keys, live, rows, told = taken(messages)
    assert (keys, live, rows) == ([1, 2, 3], [True, False, True], [1, 3])
    assert len(told) == 1
    assert "topic 't', partition 0, offset 1: " in told[0]


def test_what_is_passed_over_behind_a_tombstone_is_told_by_its_own_place(message):
    """Tombstones have nothing to decode, and still count where a place is told and where keys are kept."""
    messages = [message(0, b"1", None), message(1, b"2", own(2)), message(2, b"3", None), message(3, b"4", FRAMED)]
    bytes_layout = Layout(LAYOUT.columns, None, "bytes")
    keys, live, rows, told = taken([*messages, message(4, b"5", own(5))], bytes_layout)
    assert (keys, live, rows) == ([b"1", b"2", b"3", b"5"], [False, True, False, True], [2, 5])
    assert ["offset 3: " in place for place in told] == [True]


def test_it_stops_nothing_when_it_comes_alone(message):
    """What was never framed as ours is passed over even where nothing of ours stands beside it."""
    keys, live, rows, told = taken([message(4, b"4", b"hello")])
    assert (keys, live, rows, len(told)) == ([], [], [], 1)


def test_a_schema_that_fits_nothing_is_not_passed_over(message):
    """Records framed as ours of which none can be read are a trouble of ours; none is lost."""
    with pytest.raises(PermanentError, match=r"offset 4 and on to offset 5"):
        taken([message(4, b"4", FRAMED), message(5, b"5", b"hello")])


@pytest.mark.parametrize(("key", "value"), [(b"k", b"v"), (b"5", b"hello"), (None, b"v")])
def test_too_many_are_no_accident(message, key, value):
    """A topic of other things is refused with the first place, not emptied."""
    with pytest.raises(PermanentError, match="offset 0"):
        taken([message(number, key, value) for number in range(MOST_FOREIGN + 1)])
