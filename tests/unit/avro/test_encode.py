"""Encoded bytes are the oracle's, for every type a schema may use."""

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from wellhead.avro.encode import Encoder
from wellhead.avro.rows import to_batch
from wellhead.errors import PermanentError

QUICK = settings(
    max_examples=30,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@QUICK
@given(data=st.data(), schema_id=st.integers(1, 2**31 - 1))
def test_columns_encode_to_the_oracles_bytes(data, schema_id, cases):
    """Whatever the schema and rows, the columnar encoder writes what fastavro writes, byte for byte."""
    case = cases(data)
    encoder = Encoder(case.schema, schema_id)
    batch, bad = to_batch(case.rows, case.schema)
    assert encoder.columnar or "union" in str(case.schema.shape.children)
    assert bad == []
    encoded = encoder.encode(batch)
    assert encoded.values == case.oracle(schema_id)
    assert encoded.nbytes == sum(map(len, encoded.values))


@QUICK
@given(data=st.data())
def test_rows_encode_to_the_oracles_bytes(data, cases):
    """Schemas with `fixed` or `decimal` go row by row, to the same bytes."""
    case = cases(data, columnar=False)
    batch, bad = to_batch(case.rows, case.schema)
    assert bad == []
    encoded = Encoder(case.schema, 1).encode(batch)
    assert encoded.values == case.oracle(1)
    assert encoded.nbytes == sum(map(len, encoded.values))


@QUICK
@given(data=st.data())
def test_any_slice_of_a_batch_encodes_alone(data, cases):
    """A slice's messages are that slice of the whole's messages: nothing before it leaks in."""
    case = cases(data)
    batch, _ = to_batch(case.rows, case.schema)
    start = data.draw(st.integers(0, len(case.rows)))
    length = data.draw(st.integers(0, len(case.rows) - start))
    encoded = Encoder(case.schema, 1).encode(batch.slice(start, length))
    assert encoded.values == case.oracle(1)[start : start + length]


@pytest.mark.parametrize("schema_id", [1, 127, 128, 255, 0x0001A07F, 0x7FF0FFFF, 0x7FFFFFFF])
def test_header_is_magic_and_big_endian_id(schema_id, schema, oracle):
    """Every id comes out as written, whatever float its bytes happen to be."""
    one = schema(("a", "string"), ("b", ["null", "long"]))
    encoded = Encoder(one, schema_id).encode(pa.record_batch({"a": ["x", "yy"]}))
    assert encoded.values == [oracle(one, schema_id, {"a": text, "b": None}) for text in ("x", "yy")]


@pytest.mark.parametrize("length", range(20))
def test_runs_of_null_columns_of_any_length(length, schema, oracle):
    """Columns that are null throughout write their branch, null first or last, however many there are."""
    nulls = [(f"n{index}", ["null", "string"] if index % 3 else ["string", "null"]) for index in range(length)]
    one = schema(("a", "string"), *nulls, ("z", "long"))
    encoded = Encoder(one, 7).encode(pa.record_batch({"z": [5, 6], "a": ["x", "y"]}))
    assert encoded.values == [oracle(one, 7, {"a": "x", "z": 5}), oracle(one, 7, {"a": "y", "z": 6})]


@pytest.mark.parametrize("rows", [999, 1000, 5000])
def test_rows_keep_their_order_across_chunks(rows, schema, oracle):
    """However many chunks a batch is encoded in, message n is row n."""
    one = schema(("n", "long"))
    encoded = Encoder(one, 1).encode(pa.record_batch({"n": list(range(rows))}))
    assert encoded.values == [oracle(one, 1, {"n": number}) for number in range(rows)]
    assert encoded.nbytes == sum(map(len, encoded.values))


def test_a_null_in_a_required_field_rejects_that_row_alone(schema, oracle):
    """What the columnar encoder would write as an empty text is given back with its field named."""
    one = schema(("a", "string"))
    encoded = Encoder(one, 1).encode(pa.record_batch({"a": ["x", None, "z"]}))
    assert [(row.index, row.field, row.row) for row in encoded.rejects] == [(1, "a", {"a": None})]
    assert encoded.values == [oracle(one, 1, {"a": "x"}), oracle(one, 1, {"a": "z"})]
    assert encoded.table.column("a").to_pylist() == ["x", "z"]


def test_a_batch_of_nothing_but_rejects_gives_no_message(schema):
    """An empty result is not an error."""
    encoded = Encoder(schema(("a", "string")), 1).encode(pa.record_batch({"a": pa.nulls(3, pa.string())}))
    assert encoded.values == []
    assert len(encoded.rejects) == 3


def test_a_text_of_megabytes_is_one_message(schema, oracle):
    """Size alone is no reason to refuse a row here; Kafka's limit is judged by the producer."""
    one = schema(("a", "string"))
    text = "ä" * 3_000_000
    assert Encoder(one, 1).encode(pa.record_batch({"a": [text]})).values == [oracle(one, 1, {"a": text})]


def test_a_recursive_type_is_refused_before_the_first_batch(schema):
    """The error names the field."""
    with pytest.raises(PermanentError, match=r"test.subject v1\.child: .*refers to itself"):
        Encoder(schema(("child", ["null", "Row"])), 1)


@pytest.mark.parametrize(
    ("avro", "values"),
    [
        (
            {
                "type": "record",
                "name": "O",
                "fields": [{"name": "i", "type": {"type": "record", "name": "I", "fields": [{"name": "x", "type": "long"}]}}],
            },
            [{"i": {"x": number}} for number in range(5)],
        ),
        (["null", "long", "string"], [1, "a", None, 2, "b"]),
        ({"type": "map", "values": ["null", "long", "string"]}, [{"k": 1}, {"k": "a", "l": None}, {}, {"k": 2}, {"k": "b"}]),
        ({"type": "array", "items": ["long", "string"]}, [[1], ["a", 2], [], [3], ["b"]]),
    ],
)
def test_a_slice_of_what_is_misread_below_us_is_copied(avro, values, schema, oracle):
    """Slices of unions, and of records in records, encode what they hold and not what stands before them."""
    one = schema(("a", avro))
    batch, _ = to_batch([{"a": value} for value in values], one)
    for start in range(len(values)):
        encoded = Encoder(one, 1).encode(batch.slice(start, 2))
        assert encoded.values == [oracle(one, 1, {"a": value}) for value in values[start : start + 2]]
