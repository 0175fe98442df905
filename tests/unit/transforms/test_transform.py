"""Tests of what a transform does when it cannot."""

import pyarrow as pa
import pytest

from wellhead import PermanentError
from wellhead.transforms import Transform


class Broken:
    def apply(self, table, rows):
        raise pa.ArrowInvalid("cannot parse 's3cret'")


def test_a_failure_names_the_transform_and_no_value(feed):
    """What Arrow says may quote a record, so it stays in the cause."""
    with pytest.raises(PermanentError, match=r"^transform redact cannot be applied to a batch \(ArrowInvalid\)") as error:
        Transform("redact", Broken()).apply(feed.batch({}))
    assert "s3cret" not in str(error.value)
    assert isinstance(error.value.__cause__, pa.ArrowInvalid)
