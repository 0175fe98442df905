"""Avro types have one Arrow form each, or are refused by name."""

import pyarrow as pa
import pytest

from wellhead.avro.shape import needs_look, shape_of, with_null
from wellhead.errors import PermanentError


@pytest.mark.parametrize(
    ("avro", "arrow", "physical"),
    [
        ("bytes", pa.binary(), pa.string()),
        ({"type": "string", "logicalType": "uuid"}, pa.string(), pa.string()),
        ({"type": "int", "logicalType": "time-millis"}, pa.time32("ms"), pa.int32()),
        ({"type": "long", "logicalType": "timestamp-millis"}, pa.timestamp("ms", "UTC"), pa.int64()),
        ({"type": "long", "logicalType": "timestamp-nanos"}, pa.timestamp("ns", "UTC"), pa.int64()),
        ({"type": "long", "logicalType": "nobody-knows"}, pa.int64(), pa.int64()),
        ({"type": "array", "items": "bytes"}, pa.list_(pa.binary()), pa.list_(pa.string())),
        ({"type": {"type": "string"}}, pa.string(), pa.string()),
        ({"type": "bytes", "logicalType": "decimal", "precision": 50}, pa.decimal256(50, 0), pa.decimal256(50, 0)),
    ],
)
def test_each_type_has_a_logical_and_a_physical_form(avro, arrow, physical):
    """What batches carry, and the same bytes under the plainest name."""
    shape = shape_of(avro, "s")
    assert (shape.arrow, shape.physical) == (arrow, physical)


@pytest.mark.parametrize(
    ("avro", "columnar"),
    [
        (["null", "bytes"], True),
        (["null", "long", "string"], True),
        (["bytes", "string", "null"], False),
        ({"type": "fixed", "name": "F", "size": 2}, False),
        ({"type": "map", "values": {"type": "fixed", "name": "F", "size": 2}}, False),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4}, False),
    ],
)
def test_what_the_columnar_encoder_takes_is_known_beforehand(avro, columnar):
    """Its panics are never reached."""
    assert shape_of(avro, "s").columnar is columnar


@pytest.mark.parametrize(
    ("avro", "told"),
    [
        (
            {"type": "record", "name": "R", "fields": [{"name": "next", "type": ["null", "R"]}]},
            r"s\.next: type 'R' refers to itself",
        ),
        (
            {"type": "map", "values": {"type": "bytes", "logicalType": "decimal", "precision": 77}},
            r"s\{\}: decimal precision 77",
        ),
    ],
)
def test_what_arrow_cannot_hold_is_refused(avro, told):
    """The error holds the path to the type."""
    with pytest.raises(PermanentError, match=told):
        shape_of(avro, "s")


def test_null_stays_on_its_side():
    """The branch order of the schema is the order on the wire."""
    assert with_null(shape_of(["null", "long"], "s")) == ["null", "long"]
    assert with_null(shape_of(["long", "null"], "s")) == ["long", "null"]
    assert with_null(shape_of("long", "s")) == "long"


def test_a_plain_nullable_column_needs_no_look():
    """The hot path asks nothing of a log's columns."""
    assert not needs_look(shape_of(["null", "string"], "s"))
    assert not needs_look(shape_of(["null", {"type": "map", "values": ["null", "string"]}], "s"))
    assert needs_look(shape_of("string", "s"))
    assert needs_look(shape_of(["null", {"type": "map", "values": "string"}], "s"))
