"""A batch comes out in the schema's columns, or the row, or the author, hears why not."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from wellhead.avro.conform import conform
from wellhead.avro.rows import to_batch
from wellhead.errors import PermanentError

QUICK = settings(
    max_examples=30,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@QUICK
@given(data=st.data())
def test_what_fits_comes_out_unchanged(data, cases):
    """Conforming is the identity on batches that fit, so conforming twice is conforming once."""
    case = cases(data, columnar=data.draw(st.booleans()))
    batch, _ = to_batch(case.rows, case.schema)
    once, bad = conform(batch, case.schema)
    assert bad == []
    assert once.equals(batch)
    assert conform(once, case.schema)[0].equals(once)


@QUICK
@given(data=st.data())
def test_order_and_absence_of_columns_do_not_matter(data, cases):
    """A batch of the same columns in another order, without those that are null throughout, conforms to the same batch."""
    case = cases(data)
    batch, _ = to_batch(case.rows, case.schema)
    filled = [
        name
        for name in batch.schema.names
        if batch.column(name).null_count < batch.num_rows or "union" in str(batch.column(name).type)
    ]
    shuffled = batch.select(data.draw(st.permutations(filled)))
    if filled:  # A batch of no columns has no rows.
        assert conform(shuffled, case.schema)[0].equals(batch)


@QUICK
@given(values=st.lists(st.none() | st.integers(-(2**33), 2**33)), symbols=st.data())
def test_kept_and_rejected_are_all_rows(values, symbols, schema):
    """Every row is kept, in order, or rejected, once; a kept row holds what it came with."""
    one = schema(("n", "int"), ("e", {"type": "enum", "name": "E", "symbols": ["A"]}))
    texts = [symbols.draw(st.sampled_from(["A", "B", None])) for _ in values]
    batch = pa.record_batch({"n": pa.array(values, pa.int64()), "e": pa.array(texts, pa.string())})
    kept, bad = conform(batch, one)
    good = [
        i for i, (n, e) in enumerate(zip(values, texts, strict=True)) if n is not None and abs(n + 0.5) < 2**31 and e == "A"
    ]
    assert kept.column("n").to_pylist() == [values[index] for index in good]
    assert sorted([*good, *(row.index for row in bad)]) == list(range(len(values)))
    assert all(row.row == {"n": values[row.index], "e": texts[row.index]} for row in bad)


@pytest.mark.parametrize(
    ("avro", "given", "expected"),
    [
        ("string", pa.array(["x", "y"], pa.large_string()), ["x", "y"]),
        ("string", pa.array(["x", "y"], pa.string_view()), ["x", "y"]),
        ("string", pa.array(["x", "y"]).dictionary_encode(), ["x", "y"]),
        ("string", pa.array([b"x", b"y"]), ["x", "y"]),
        ("bytes", pa.array([b"x", b"y"], pa.binary_view()), [b"x", b"y"]),
        ("int", pa.array([1, 2], pa.uint64()), [1, 2]),
        ("long", pa.array([1, 2], pa.int8()), [1, 2]),
        ("double", pa.array([1, 2], pa.int32()), [1.0, 2.0]),
        ("float", pa.array([0.5, float("inf")]), [0.5, float("inf")]),
        (
            {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 1},
            pa.array([1, 2]),
            [Decimal("1.0"), Decimal("2.0")],
        ),
        (
            {"type": "int", "logicalType": "time-millis"},
            pa.array([1_000_999] * 2, pa.time64("ns")),
            [dt.time(microsecond=1000)] * 2,
        ),
        (["null", "string"], pa.nulls(2), [None, None]),
        ({"type": "int", "logicalType": "date"}, pa.array([dt.date(1969, 1, 1)] * 2, pa.date64()), [dt.date(1969, 1, 1)] * 2),
        ({"type": "array", "items": "string"}, pa.array([["x"], []], pa.large_list(pa.large_string())), [["x"], []]),
        ({"type": "map", "values": "string"}, pa.array([[{"key": "k", "value": "v"}], []]), [[("k", "v")], []]),
        (
            {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": ["null", "int"]}]},
            pa.array([{"a": 1}, {"a": 2}]),
            [{"a": 1, "b": None}, {"a": 2, "b": None}],
        ),
    ],
)
def test_widths_and_layouts_are_cast(avro, given, expected, schema):
    """What a columnar library calls the same thing by another name is taken."""
    kept, bad = conform(pa.record_batch({"a": given}), schema(("a", avro)))
    assert bad == []
    assert kept.column("a").to_pylist() == expected


def test_finer_times_are_cut_towards_the_past(schema):
    """Microseconds in a field of milliseconds lose their fraction, before 1970 too, as the oracle has it."""
    one = schema(("t", {"type": "long", "logicalType": "timestamp-millis"}))
    kept, bad = conform(pa.record_batch({"t": pa.array([1999, -1999], pa.timestamp("us"))}), one)
    assert bad == []
    assert kept.column("t").cast(pa.int64()).to_pylist() == [1, -2]


@pytest.mark.parametrize(
    ("avro", "given", "reason"),
    [
        ("int", pa.array([1, 2**31]), "2147483648 does not fit int"),
        ("long", pa.array([1, 2**63], pa.uint64()), "9223372036854775808 does not fit long"),
        ("float", pa.array([1.0, 1e39]), "1e+39 does not fit float"),
        ("string", pa.array([b"x", b"\xff"]), "does not fit string"),
        ("string", pa.array(["x", None]), "missing, and the schema requires it"),
        ({"type": "enum", "name": "E", "symbols": ["x"]}, pa.array(["x", "z"]), "'z' is not one of the symbols x"),
        ({"type": "array", "items": "int"}, pa.array([[1], [1, 2**40]]), "1099511627776 does not fit int"),
        ({"type": "array", "items": "string"}, pa.array([["x"], ["x", None]]), "missing"),
        (
            {"type": "map", "values": "int"},
            pa.array([[("k", 1)], [("k", 2**40)]], pa.map_(pa.string(), pa.int64())),
            "does not fit int",
        ),
        (
            {"type": "record", "name": "R", "fields": [{"name": "x", "type": "int"}]},
            pa.array([{"x": 1}, {"x": None}], pa.struct([("x", pa.int32())])),
            "missing",
        ),
    ],
)
def test_a_value_that_does_not_fit_costs_its_row(avro, given, reason, schema):
    """The first row is kept, the second is given back with its field and the reason."""
    kept, bad = conform(pa.record_batch({"a": given}), schema(("a", avro)))
    assert kept.num_rows == 1
    assert [row.index for row in bad] == [1]
    assert bad[0].field.startswith("a")
    assert reason in bad[0].reason


def test_the_fields_of_a_null_record_are_not_required(schema):
    """What is inside a record that is not there means nothing, whatever lies in its columns."""
    inner = {"type": "record", "name": "R", "fields": [{"name": "x", "type": "int"}]}
    parts = pa.StructArray.from_arrays([pa.array([1, 2**40])], ["x"], mask=pa.array([False, True]))
    kept, bad = conform(pa.record_batch({"r": parts}), schema(("r", ["null", inner])))
    assert bad == []
    assert kept.column("r").to_pylist() == [{"x": 1}, None]


def test_an_absent_column_is_its_default(schema):
    """A required field with a default is filled; one without costs every row, not the task."""
    one = schema(
        ("a", "string"), {"name": "n", "type": "long", "default": 7}, {"name": "b", "type": "bytes", "default": "\u00ff"}
    )
    kept, bad = conform(pa.record_batch({"a": ["x"]}), one)
    assert (kept.to_pylist(), bad) == ([{"a": "x", "n": 7, "b": b"\xff"}], [])
    kept, bad = conform(pa.record_batch({"n": [1, 2]}), one)
    assert kept.num_rows == 0
    assert [(row.index, row.field) for row in bad] == [(0, "a"), (1, "a")]


@pytest.mark.parametrize(
    ("batch", "told"),
    [
        ({"a": ["x"], "zz": [1], "y": [2]}, "columns it does not have: zz, y"),
        ({"a": [1]}, "column a came as int64, the schema has string"),
        ({"a": [["x"]]}, "column a came as list"),
        ({"r": [{"x": 1, "q": 2}]}, r"fields it does not have: r\.q"),
    ],
)
def test_a_connectors_mistake_is_told_to_its_author(batch, told, schema):
    """Columns of another name or kind are wrong in every row: the task says so instead of dead-lettering everything."""
    inner = {"type": "record", "name": "R", "fields": [{"name": "x", "type": "int"}]}
    with pytest.raises(PermanentError, match=told):
        conform(pa.record_batch(batch), schema(("a", ["null", "string"]), ("r", ["null", inner])))


def test_columns_nobody_filled_share_one_array(schema):
    """Fifty empty columns cost one allocation a type."""
    one = schema(*((f"c{index}", ["null", "string"]) for index in range(50)), ("a", "string"))
    kept, _ = conform(pa.record_batch({"a": ["x"] * 8}), one)
    assert len({kept.column(f"c{index}").buffers()[1].address for index in range(50)}) == 1


def test_one_bad_value_in_many_is_found_among_them_all(schema):
    """Halving finds each misfit wherever it stands."""
    values = np.arange(10_000)
    values[[0, 4_999, 9_999]] = 2**40
    kept, bad = conform(pa.record_batch({"n": values}), schema(("n", "int")))
    assert [row.index for row in bad] == [0, 4_999, 9_999]
    assert kept.num_rows == 9_997


def test_a_rejected_row_is_given_back_whatever_it_holds(schema):
    """Nanoseconds, far years and broken text have no Python value; their bytes, or number and unit, stand for them."""
    one = schema(
        ("a", "string"),
        ("t", ["null", {"type": "long", "logicalType": "timestamp-nanos"}]),
        ("y", ["null", {"type": "long", "logicalType": "timestamp-millis"}]),
    )
    far = 10**15
    batch = pa.record_batch(
        {"a": pa.array([b"\xff"]), "t": pa.array([1001], pa.timestamp("ns")), "y": pa.array([far], pa.timestamp("ms"))}
    )
    _, bad = conform(batch, one)
    assert [row.row for row in bad] == [{"a": b"\xff", "t": "1001 timestamp[ns]", "y": f"{far} timestamp[ms]"}]
