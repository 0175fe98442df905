"""Whole columns go from a writer's schema to a reader's where Avro's rules allow it."""

import pyarrow as pa
import pytest

from wellhead.avro.resolve import resolvable, resolve

INNER = {"type": "record", "name": "R", "fields": [{"name": "x", "type": "int"}]}
WIDER = {"type": "record", "name": "R", "fields": [{"name": "x", "type": "long"}]}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}


@pytest.mark.parametrize(
    ("writer", "reader", "possible"),
    [
        ("int", "long", True),
        ("int", ["null", "double"], True),
        (["null", "int"], "int", False),
        ("long", "int", False),
        (MILLIS, MILLIS, True),
        (MILLIS, "long", False),
        ("int", MILLIS, False),
        (INNER, INNER, True),
        (INNER, WIDER, False),
    ],
)
def test_columns_are_enough_or_not(writer, reader, possible, schema):
    """Where they are not, the decoder reads message by message."""
    assert resolvable(schema(("a", writer)), schema(("a", reader))) is possible


def test_a_batch_comes_in_the_readers_columns(schema):
    """Widened, renamed, filled, dropped; in the reader's order."""
    writer = schema(("a", "int"), ("old", "string"), ("gone", "long"))
    reader = schema(
        {"name": "name", "type": "string", "aliases": ["old"]},
        {"name": "n", "type": "long", "default": 3},
        ("a", ["null", "double"]),
    )
    batch = pa.RecordBatch.from_pylist([{"a": 1, "old": "x", "gone": 5}], schema=writer.arrow)
    assert resolvable(writer, reader)
    assert resolve(batch, writer, reader).to_pylist() == [{"name": "x", "n": 3, "a": 1.0}]
    assert resolve(batch, writer, reader).schema == reader.arrow
