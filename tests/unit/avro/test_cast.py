"""Columns of kindred types are cast; values that do not fit are faults."""

import pyarrow as pa
import pytest

from wellhead.avro.cast import Caster, cast_leaf
from wellhead.avro.place import Place
from wellhead.avro.rejects import Faults
from wellhead.avro.shape import shape_of
from wellhead.errors import PermanentError


def test_a_misfit_becomes_null_and_a_fault():
    """The column keeps its length, so that rows stay aligned."""
    faults = Faults()
    column = cast_leaf(pa.array([1, 2**40, None, 3]), shape_of("int", "s"), Place("n", faults))
    assert column.to_pylist() == [1, None, None, 3]
    assert faults.found == {1: ("n", "1099511627776 does not fit int")}


def test_lists_keep_their_nulls_and_lengths():
    """Casting the items moves no list's borders, in a slice too."""
    shape = shape_of({"type": "array", "items": "int"}, "s")
    given = pa.array([[9], [1, 2], None, [], [3]], pa.large_list(pa.int64())).slice(1)
    column = Caster("s").cast(given, shape, Place("a", Faults()))
    assert column.type == pa.list_(pa.int32())
    assert column.to_pylist() == [[1, 2], None, [], [3]]


def test_a_fault_deep_inside_names_row_and_path():
    """The item of the map of the third row."""
    shape = shape_of({"type": "array", "items": {"type": "map", "values": "int"}}, "s")
    faults = Faults()
    given = pa.array([[[("k", 1)]], [], [[], [("k", 2**40)]]], pa.list_(pa.map_(pa.string(), pa.int64())))
    Caster("s").cast(given, shape, Place("a", faults))
    assert faults.found == {2: ("a[]{}", "1099511627776 does not fit int")}


def test_a_map_key_of_null_is_the_connectors_mistake():
    """Avro's keys are texts."""
    given = pa.array([[{"key": None, "value": 1}]])
    with pytest.raises(PermanentError, match="column m: a map key is null"):
        Caster("s").cast(given, shape_of({"type": "map", "values": "long"}, "s"), Place("m", Faults()))
