"""A key is the same bytes for the same values, whatever else is in the row."""

import pyarrow as pa
import pytest

from wellhead.avro.keys import key_bytes
from wellhead.errors import PermanentError

TABLE = pa.record_batch(
    {
        "text": ["a", "ä", None],
        "number": [1, None, None],
        "at": pa.array([5, 6, None], pa.timestamp("ms", "UTC")),
        "day": pa.array([1, 2, None], pa.date32()),
        "ratio": [0.5, 1.0, 2.0],
    }
)


@pytest.mark.parametrize(
    ("columns", "keys"),
    [
        (["text"], [b"a", "ä".encode(), None]),
        (["number"], [b"1", None, None]),
        (["at"], [b"5", b"6", None]),
        (["text", "number"], [b'["a",1]', '["ä",null]'.encode(), None]),
        (["day", "text"], [b'[1,"a"]', '[2,"ä"]'.encode(), None]),
    ],
)
def test_keys(columns, keys):
    """One text is its own bytes, several columns a compact JSON array, nothing at all is no key."""
    assert key_bytes(TABLE, columns) == keys


@pytest.mark.parametrize(
    ("columns", "told"), [(["ratio"], "no stable key"), (["gone"], "the batch has none"), ([], "no key columns")]
)
def test_what_makes_no_key_is_refused(columns, told):
    """Fractions differ by how they were made, so they cannot name anything."""
    with pytest.raises(PermanentError, match=told):
        key_bytes(TABLE, columns)
