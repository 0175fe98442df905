"""Tests of telling a cursor that goes on from one that was reset."""

import pytest

from wellhead.consumers.lookup.reset import is_former


@pytest.mark.parametrize(
    ("cursor", "earlier", "former"),
    [
        ({"update_id": 5}, None, True),
        ({"update_id": 9, "began_ms": 100}, {"update_id": 5, "began_ms": 100}, True),
        ({"update_id": 9, "began_ms": 101}, {"update_id": 5, "began_ms": 100}, False),
        ({"update_id": 5}, {"update_id": 5}, True),
        ({"update_id": 6}, {"update_id": 5}, False),
    ],
)
def test_a_cursor_that_began_anew_is_left_alone(cursor, earlier, former):
    """Since when it reads decides; where a cursor does not say that, only the very same one is the former."""
    assert is_former(cursor, earlier) is former
