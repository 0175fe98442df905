"""Python values become a column; wrong ones become null and a fault."""

import datetime as dt

import pytest

from wellhead.avro.build import build, is_taken, taken_by
from wellhead.avro.place import Place
from wellhead.avro.rejects import Faults
from wellhead.avro.shape import shape_of


@pytest.mark.parametrize(
    ("value", "taken", "yes"),
    [
        (True, (int,), False),
        (True, (bool,), True),
        (1, (int,), True),
        (dt.datetime.now(dt.UTC), (dt.date, int), False),
        ("x", (str,), True),
    ],
)
def test_a_bool_is_no_int_and_a_datetime_no_date(value, taken, yes):
    """Python's subclasses are not Avro's types."""
    assert is_taken(value, taken) is yes


def test_a_union_takes_the_first_branch_that_holds_the_value():
    """By type, and by size where that decides."""
    faults = Faults()
    shape = shape_of(["int", "long", "string", {"type": "array", "items": "int"}, "null"], "s")
    column = build([1, 2**40, "x", [3], None, 0.5], shape, Place("u", faults))
    assert column.type_codes.to_pylist() == [0, 1, 2, 3, 4, 4]
    assert column.to_pylist()[:5] == [1, 2**40, "x", [3], None]
    assert faults.found[5][1].startswith("0.5 is a float; the union holds int, long, string, array, null")


def test_a_fault_in_a_list_names_its_row():
    """Not the item's own index."""
    faults = Faults()
    column = build([[1], None, [2, "x"]], shape_of({"type": "array", "items": "long"}, "s"), Place("a", faults))
    assert column.to_pylist() == [[1], None, [2, None]]
    assert faults.found == {2: ("a[]", "'x' is a str, not a long")}


def test_what_columns_are_built_from():
    """Times may also be numbers in the field's unit."""
    assert taken_by(shape_of({"type": "long", "logicalType": "timestamp-millis"}, "s")) == (dt.datetime, int)
    assert taken_by(shape_of("string", "s")) == (str,)
