"""Plain rows become a batch; a wrong value costs its row and names its field."""

import datetime as dt
import decimal
import uuid

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from wellhead.avro.rows import to_batch
from wellhead.errors import PermanentError

QUICK = settings(
    max_examples=30,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.binary(max_size=3)
    | st.dates()
    | st.just({})
)
STAMP = {"type": "long", "logicalType": "timestamp-millis"}
RECORD = {"type": "record", "name": "R", "fields": [{"name": "x", "type": "int"}, {"name": "y", "type": "long", "default": 4}]}


@QUICK
@given(rows=st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys("abcdef", ANYTHING)), max_size=8))
def test_kept_and_rejected_are_all_rows(rows, schema):
    """Whatever rows hold, each is kept or rejected once, in order, and none is changed."""
    one = schema(
        ("a", "string"),
        ("b", ["null", "int"]),
        ("c", ["null", "double"]),
        ("d", ["null", STAMP]),
        ("e", ["null", "boolean"]),
        ("f", ["null", RECORD]),
    )
    batch, bad = to_batch(rows, one)
    rejected = {row.index for row in bad}
    assert len(rejected) == len(bad)
    assert all(row.row == rows[row.index] for row in bad)
    kept = [row for index, row in enumerate(rows) if index not in rejected]
    assert batch.column("a").to_pylist() == [row["a"] for row in kept]
    assert batch.column("b").to_pylist() == [row.get("b") for row in kept]
    assert batch.num_rows + len(bad) == len(rows)


@pytest.mark.parametrize(
    ("avro", "value", "reason"),
    [
        ("string", 5, "5 is a int, not a string"),
        ("string", "\ud800", "does not fit string"),
        ("string", None, "missing"),
        ("int", True, "True is a bool, not a int"),
        ("int", 3.0, "3.0 is a float, not a int"),
        ("int", 2**31, "2147483648 does not fit int"),
        ("long", 2**63, "does not fit long"),
        ("long", "3", "'3' is a str, not a long"),
        ("float", 1e39, "1e+39 does not fit float"),
        ("boolean", 1, "1 is a int, not a boolean"),
        ("bytes", "x", "not a bytes"),
        (STAMP, "2026-01-01", "not a timestamp-millis"),
        (STAMP, dt.date(2026, 1, 1), "not a timestamp-millis"),
        ({"type": "int", "logicalType": "date"}, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "not a date"),
        ({"type": "fixed", "name": "F", "size": 2}, b"abc", "does not fit fixed"),
        (
            {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2},
            decimal.Decimal("1.234"),
            "does not fit decimal",
        ),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, "Z", "'Z' is not one of the symbols A"),
        ({"type": "array", "items": "int"}, [1, "x"], "'x' is a str, not a int"),
        ({"type": "array", "items": "string"}, "abc", "not a array"),
        ({"type": "map", "values": "int"}, {"k": "x"}, "'x' is a str, not a int"),
        ({"type": "map", "values": "int"}, {5: 1}, "key 5 of a map is not a text"),
        (RECORD, {"y": 1}, "missing"),
        (["string", "long"], 0.5, "0.5 is a float; the union holds string, long"),
        (["string", "long"], None, "missing"),
        ("null", 1, "not a null"),
    ],
)
def test_a_wrong_value_costs_its_row(avro, value, reason, schema):
    """The row beside it is kept; the rejected one names the field and what was wrong."""
    one = schema(("k", "long"), ("a", avro))
    batch, bad = to_batch([{"k": 1, "a": value}, {"k": "x"}], one)
    assert batch.num_rows == 0
    assert [row.index for row in bad] == [0, 1]
    assert bad[0].field.startswith("a")
    assert reason in bad[0].reason
    assert bad[1].field == "k"


@pytest.mark.parametrize(
    ("avro", "value", "expected"),
    [
        (STAMP, 5, dt.datetime(1970, 1, 1, microsecond=5000, tzinfo=dt.UTC)),
        (STAMP, dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)),  # noqa: DTZ001 - what is naive is UTC
        ({"type": "string", "logicalType": "uuid"}, uuid.UUID(int=5), str(uuid.UUID(int=5))),
        ("double", 3, 3.0),
        ({"type": "array", "items": "int"}, (1, 2), [1, 2]),
        (RECORD, {"x": 1}, {"x": 1, "y": 4}),
        (["null", "long", "string"], "x", "x"),
        ({"type": "map", "values": ["long", "null"]}, {"k": None}, [("k", None)]),
    ],
)
def test_a_right_value_is_taken(avro, value, expected, schema):
    """Epoch numbers for times, numbers for wider numbers, and defaults inside records."""
    batch, bad = to_batch([{"a": value}], schema(("a", avro)))
    assert bad == []
    assert batch.column("a").to_pylist() == [expected]


def test_an_absent_name_is_the_default_and_null_is_not(schema):
    """A row that says null where a value is required is rejected, though the field has a default."""
    one = schema({"name": "n", "type": "long", "default": 7})
    batch, bad = to_batch([{}, {"n": 1}, {"n": None}], one)
    assert batch.column("n").to_pylist() == [7, 1]
    assert [row.index for row in bad] == [2]


@pytest.mark.parametrize("row", [{"zz": 1}, {"a": {"x": 1, "zz": 2}}])
def test_an_unknown_name_is_told_to_the_author(row, schema):
    """It is wrong in every row: the connector must change, or the schema."""
    with pytest.raises(PermanentError, match="zz"):
        to_batch([row], schema(("a", ["null", RECORD])))


def test_no_rows_are_an_empty_batch(schema):
    """With all the schema's columns."""
    batch, bad = to_batch([], schema(("a", "string"), ("b", ["null", RECORD])))
    assert (batch.num_rows, batch.schema.names, bad) == (0, ["a", "b"], [])


def test_a_reason_does_not_fill_a_screen(schema):
    """Long values are cut in messages; the row itself is whole."""
    _, bad = to_batch([{"a": "x" * 5000}], schema(("a", "long")))
    assert len(bad[0].reason) < 200
    assert len(bad[0].row["a"]) == 5000
