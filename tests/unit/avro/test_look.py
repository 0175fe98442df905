"""Nulls in required places and unknown symbols are found however deep they are."""

import pyarrow as pa
import pytest

from wellhead.avro.look import entries, look, offsets_of, parents_of
from wellhead.avro.place import Place
from wellhead.avro.rejects import Faults
from wellhead.avro.shape import shape_of

ENUM = {"type": "enum", "name": "E", "symbols": ["A", "B"]}


def found(array, avro):
    faults = Faults()
    look(array, shape_of(avro, "s"), Place("c", faults))
    return {row: path for row, (path, _) in faults.found.items()}


@pytest.mark.parametrize(
    ("array", "avro", "expected"),
    [
        (pa.array([None, "A", "Z"]), ["null", ENUM], {2: "c"}),
        (pa.array([["A"], ["Z", "A"], None]), ["null", {"type": "array", "items": ENUM}], {1: "c[]"}),
        (pa.array([[("k", None)], []], pa.map_(pa.string(), pa.string())), {"type": "map", "values": "string"}, {0: "c{}"}),
        (
            pa.array([None, {"x": None}]),
            ["null", {"type": "record", "name": "R", "fields": [{"name": "x", "type": "null"}]}],
            {},
        ),
        (pa.array([None, "x"]), ["null", "string"], {}),
    ],
)
def test_what_is_wrong_is_found(array, avro, expected):
    """Row and path of each fault, nothing else."""
    assert found(array, avro) == expected


def test_a_null_in_a_branch_that_must_not_be_null_is_found():
    """A union's children have their own nulls, which its validity does not show."""
    codes = pa.array([0, 1, 0], pa.int8())
    union = pa.UnionArray.from_sparse(
        codes, [pa.array(["x", None, None]), pa.array([None, 5, None], pa.int64())], ["0_string", "1_long"]
    )
    assert found(union, ["string", "long"]) == {2: "c"}


def test_lists_are_taken_apart_and_put_together():
    """Parents and offsets describe the same cut."""
    lists = pa.array([[1, 2], None, [], [3]])
    assert parents_of(lists).tolist() == [0, 0, 3]
    assert offsets_of(lists).to_pylist() == [0, 2, 2, 2, 3]
    assert entries(pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64()))).to_pylist() == [[{"key": "k", "value": 1}]]
