from __future__ import annotations

import pytest

from wellhead.consumers.floods.limits import FloodLimits
from wellhead.consumers.floods.measures import Scale, floor_of

LIMITS = FloodLimits(share_max=0.5, share_min_connections=100, close_ratio=0.8)
SCALE = Scale(LIMITS, LIMITS.of(()))


@pytest.mark.parametrize(
    ("value", "level"), [(101, "above"), (100, "between"), (80.1, "between"), (80, "below"), (1, "below"), (0, "below")]
)
def test_between_the_limit_and_its_part_nothing_changes(value, level):
    """Above is more than the limit, below is at most eight tenths of it."""
    assert SCALE.level(value, 100) == level


@pytest.mark.parametrize(
    ("count", "total", "level"),
    [(101, 110, "above"), (99, 110, "between"), (79, 80, "below"), (100, 210, "between"), (100, 300, "below"), (0, 0, "below")],
)
def test_a_share_of_few_connections_is_no_flood(count, total, level):
    """A large share counts from so many connections on, and those have hysteresis, too."""
    assert SCALE.share(count, total) == level


def test_nothing_is_near_a_limit_below_the_floor():
    """The floor is under the smallest limit that any destination has."""
    assert floor_of(LIMITS) == 80
