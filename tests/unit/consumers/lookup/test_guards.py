"""Tests of the reasons not to deliver."""

import pytest

from wellhead.consumers.lookup.guards import Size, oversize, shrunk


@pytest.mark.parametrize(
    ("size", "former", "held"),
    [
        (Size(500, 5), Size(1_000, 10), False),
        (Size(499, 5), Size(1_000, 10), True),
        (Size(900, 4), Size(1_000, 10), True),
        (Size(100, 0), Size(180, 1), True),
        (Size(10, 1), None, False),
        (Size(499, 3), Size(1_000, None), True),
        (Size(2_000, 20), Size(1_000, 10), False),
        (Size(100, 0), Size(100, 0), False),
    ],
)
def test_half_is_enough_and_less_is_not(size, former, held):
    """Rows and bytes both count, against what was delivered last; a first delivery has nothing to be measured by."""
    assert (shrunk("x.csv", size, former, 0.5) is not None) is held


def test_the_reason_says_sizes_and_what_to_do():
    """A person at night sees both sizes, the bound, what to check and the command."""
    told = shrunk("x.csv", Size(4_000, 40), Size(1_500_000, 15_000), 0.5)
    assert told is not None
    for part in ("x.csv", "40 rows, 4,000 bytes", "15,000 rows, 1,500,000 bytes", "0.5", "--force"):
        assert part in told


def test_ratio_zero_holds_nothing_back():
    """An operator may switch the guard off."""
    assert shrunk("x.csv", Size(0, 0), Size(1_000, 10), 0) is None


def test_size_limits_are_inclusive():
    """A file of exactly the limit passes; above it the message names both and the way on."""
    assert oversize("x.csv", 200, 200) is None
    assert oversize("x.csv", 201, None) is None
    told = oversize("x.csv", 201, 200)
    assert told is not None
    assert "201" in told
    assert "oversize: split" in told
