"""Decoded batches hold what was encoded, in the newest schema's columns."""

import io
from typing import Any

import fastavro
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from wellhead.avro.decode import Decoder
from wellhead.avro.encode import Encoder
from wellhead.avro.rows import to_batch
from wellhead.avro.schema import Schema
from wellhead.errors import PermanentError

QUICK = settings(
    max_examples=30,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def decoder(*schemas: Schema, reader: Schema | None = None) -> Decoder:
    return Decoder(lambda schema_id: schemas[schema_id - 1].text, reader)


def symbols(*names: str) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": list(names)}


@QUICK
@given(data=st.data())
def test_what_the_oracle_writes_is_read(data, cases):
    """A batch of fastavro's messages decodes to the batch the rows make."""
    case = cases(data, columnar=data.draw(st.booleans()))
    expected, _ = to_batch(case.rows, case.schema)
    assert decoder(case.schema).decode(case.oracle(1)).equals(expected)


@QUICK
@given(data=st.data())
def test_the_oracle_reads_what_is_written(data, cases):
    """fastavro reads back the rows from the messages the columnar encoder wrote."""
    case = cases(data)
    batch, _ = to_batch(case.rows, case.schema)
    values = Encoder(case.schema, 1).encode(batch).values
    read = [fastavro.schemaless_reader(io.BytesIO(value[5:]), case.schema.parsed, None) for value in values]
    again, bad = to_batch(read, case.schema)
    assert bad == []
    assert again.equals(batch)


def test_older_messages_come_in_the_newest_columns(schema, oracle):
    """Mixed versions in one batch keep their order; what the old one lacks is its default, what it had more is dropped."""
    old = schema(("a", "string"), ("gone", "long"), ("n", "int"))
    new = schema(
        ("a", "string"), {"name": "b", "type": "string", "default": "none"}, {"name": "m", "type": "long", "aliases": ["n"]}
    )
    values = [
        oracle(new, 2, {"a": "1", "b": "x", "m": 1}),
        oracle(old, 1, {"a": "2", "gone": 9, "n": 2}),
        oracle(new, 2, {"a": "3", "b": "y", "m": 3}),
    ]
    expected = [{"a": "1", "b": "x", "m": 1}, {"a": "2", "b": "none", "m": 2}, {"a": "3", "b": "y", "m": 3}]
    assert decoder(old, new).decode(values).to_pylist() == expected
    assert decoder(old, new).decode(values, columns=["m", "a"]).schema.names == ["m", "a"]


@pytest.mark.parametrize(
    ("types", "value", "expected"),
    [
        (("int", "long"), 5, 5),
        (("long", "double"), 5, 5.0),
        (("float", "double"), 0.5, 0.5),
        (("string", "bytes"), "x", b"x"),
        (("bytes", "string"), b"x", "x"),
        (("string", ["null", "string"]), "x", "x"),
        ((["null", "int"], ["long", "null"]), 7, 7),
        (("string", ["null", "long", "string"]), "x", "x"),
        ((symbols("A"), symbols("B", "A")), "A", "A"),
        ((symbols("A", "C"), {**symbols("A", "B"), "default": "B"}), "C", "B"),
        (({"type": "array", "items": "int"}, {"type": "array", "items": "long"}), [1], [1]),
    ],
)
def test_every_promotion_of_avro_is_made(types, value, expected, schema, oracle):
    """A reader's wider type reads the writer's narrower one, columnar or not."""
    writer, reader = (schema(("a", kind)) for kind in types)
    assert decoder(writer, reader=reader).decode([oracle(writer, 1, {"a": value})]).to_pylist() == [{"a": expected}]


def test_a_schema_is_looked_up_once(schema, oracle):
    """The registry is asked for an id the first time it is met, never again."""
    one = schema(("a", "string"))
    asked = []

    def lookup(schema_id):
        asked.append(schema_id)
        return one.text

    reading = Decoder(lookup)
    for _ in range(3):
        reading.decode([oracle(one, 7, {"a": "x"})])
    assert asked == [7]


@pytest.mark.parametrize(
    "damage", [lambda m: m[:-1], lambda m: m[:5], lambda m: m[:5] + b"\xff" * 12, lambda m: m[:6] + b"\xff\xfe"]
)
def test_a_damaged_message_is_named(damage, schema, oracle):
    """The error holds the index of the message, so that it can be found and looked at."""
    one = schema(("a", "string"))
    good = oracle(one, 1, {"a": "xy"})
    with pytest.raises(PermanentError, match=r"message 2 .*cannot be read"):
        decoder(one).decode([good, good, damage(good), good])


def test_columns_that_are_asked_for_come_as_they_would_among_all(schema):
    """However many parts a batch is decoded in, and whatever stands in the others."""
    time = {"type": "long", "logicalType": "timestamp-millis"}
    one = schema(
        ("a", "long"), ("b", ["null", "string"]), ("c", ["null", time, "string"]), ("d", {"type": "array", "items": time})
    )
    rows = [{"a": at, "b": None if at % 3 else f"b{at}", "c": "x" if at % 2 else None, "d": []} for at in range(3_000)]
    batch, _ = to_batch(rows, one)
    values = Encoder(one, 1).encode(batch).values
    assert decoder(one, reader=one).decode(values).equals(batch)
    assert decoder(one, reader=one).decode(values, ["c", "a"]).equals(batch.select(["c", "a"]))
    with pytest.raises(KeyError):
        decoder(one, reader=one).decode(values, ["e"])


def test_damage_in_a_column_nobody_asked_for_is_told_all_the_same(schema, oracle):
    """Such a message is not one of ours, whatever is read of it."""
    one = schema(("a", "long"), ("b", "string"))
    good = oracle(one, 1, {"a": 1, "b": "xy"})
    with pytest.raises(PermanentError, match=r"message 1 .*cannot be read"):
        decoder(one, reader=one).decode([good, good[:-2] + b"\xff\xfe"], ["a"])


@pytest.mark.parametrize("value", [b"", b"\0\0\0\0", b"\1\0\0\0\1x", b'{"a": 1}'])
def test_an_unframed_message_is_named(value, schema, oracle):
    """What was not written by a serializer is not taken for Avro."""
    one = schema(("a", "string"))
    with pytest.raises(PermanentError, match="message 1 of the batch is not framed"):
        decoder(one).decode([oracle(one, 1, {"a": "x"}), value])


def test_no_messages_give_an_empty_batch(schema):
    """Of the reader's columns, when it is named; without one there is nothing to go by."""
    one = schema(("a", "string"))
    assert decoder(one, reader=one).decode([]).schema.names == ["a"]
    with pytest.raises(PermanentError, match="no schema"):
        decoder(one).decode([])


def test_a_schema_that_cannot_be_resolved_is_an_error(schema, oracle):
    """A reader's field without default that the writer lacks is not made up."""
    writer, reader = schema(("a", "string")), schema(("a", "string"), ("b", "long"))
    with pytest.raises(PermanentError, match="message 0"):
        decoder(writer, reader=reader).decode([oracle(writer, 1, {"a": "x"})])
