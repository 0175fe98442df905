"""Physical and logical columns are the same bytes."""

import pyarrow as pa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from wellhead.avro.physical import to_logical, to_physical
from wellhead.avro.rows import to_batch
from wellhead.avro.shape import shape_of


@settings(
    max_examples=30,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_there_and_back_is_the_same_column(data, cases):
    """For every type, unions and what is around them too."""
    case = cases(data)
    batch, _ = to_batch(case.rows, case.schema)
    for column, field in zip(batch.columns, case.schema.fields, strict=True):
        physical = to_physical(column, field.shape)
        assert physical.type == field.shape.physical
        assert to_logical(physical, field.shape).equals(column)


def test_no_value_is_copied():
    """A timestamp seen as a long is the same buffer."""
    shape = shape_of(["null", {"type": "long", "logicalType": "timestamp-millis"}], "s")
    column = pa.array([1, 2, None], shape.arrow)
    assert to_physical(column, shape).buffers()[1].address == column.buffers()[1].address
