"""Columns nobody filled hold nulls or the schema's default."""

import pytest

from wellhead.avro.shape import shape_of
from wellhead.avro.vacant import Vacant, constant, nulls, plain_default


def test_nulls_of_one_type_are_one_array():
    """They are shared, not made anew."""
    vacant = Vacant(3)
    shape = shape_of(["null", "string"], "s")
    assert vacant.column(shape, default=None) is vacant.column(shape, default=None)
    assert vacant.column(shape, default=None).to_pylist() == [None] * 3


@pytest.mark.parametrize(
    ("avro", "default", "value"),
    [
        ("long", 5, 5),
        ("bytes", "\u00ff", b"\xff"),
        ({"type": "array", "items": "long"}, [1], [1]),
        (["string", "long", "null"], "x", "x"),
        ({"type": "map", "values": "string"}, {}, []),
    ],
)
def test_a_default_stands_in_every_row(avro, default, value):
    """As Avro's JSON writes it."""
    assert constant(2, shape_of(avro, "s"), default).to_pylist() == [value, value]


def test_a_union_of_nulls_is_of_its_null_branch():
    """Without one, of the first, whose null is found later."""
    assert nulls(2, shape_of(["string", "null", "long"], "s")).type_codes.to_pylist() == [1, 1]
    assert nulls(1, shape_of(["string", "long"], "s")).type_codes.to_pylist() == [0]


def test_only_bytes_are_written_as_text():
    """A text stays one."""
    assert plain_default("x", shape_of("string", "s")) == "x"
    assert plain_default("x", shape_of(["bytes", "null"], "s")) == b"x"
