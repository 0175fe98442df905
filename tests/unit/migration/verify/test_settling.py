"""What differs counts only once it stands still."""

from itertools import pairwise

import pytest

from wellhead.migration.verify.document import Document
from wellhead.migration.verify.findings import Suspect
from wellhead.migration.verify.rules import Rules
from wellhead.migration.verify.settling import Settling


class Sides:
    """Both sides of one document, look after look; the last state stays."""

    def __init__(self, left, right) -> None:
        self._looks = [iter(left), iter(right)]
        self._last: list[list[Document]] = [[], []]
        self.looks = 0

    def both(self, _ask):
        self.looks += 1
        for side, looks in enumerate(self._looks):
            self._last[side] = next(looks, self._last[side])
        return tuple({"a": found} if found else {} for found in self._last)


def at(version, **content):
    return [Document("a", "w-attacks-2026.02", version, {"version": version, **content}, "a")]


def settled(left, right, looks=4):
    sides, paused = Sides(left, right), []
    settling = Settling(sides, Rules(), settle_secs=5, looks=looks, shown=10, pause=lambda secs: paused.append(secs) or False)
    return settling.run([Suspect("attacks", "a", 1, 0)]), sides, paused


def test_what_arrives_meanwhile_is_equal():
    """A document that the target shows at the second look is no difference."""
    result, sides, paused = settled([at(3)], [[], at(3)])
    assert result.total == result.moving == 0
    assert (sides.looks, paused) == (2, [5])


@pytest.mark.parametrize(
    ("left", "right", "what"),
    [
        (at(3), [], "missing"),
        (at(3), at(3, path="x"), "changed"),
        (at(3), at(2), "older"),
        (at(3, hits=1), at(3, hits="1"), "type"),
        (at(3, first_time=5), at(3, first_time=6), "time"),
    ],
)
def test_what_stands_still_differs_after_two_looks(left, right, what):
    """Two looks that are alike are enough."""
    result, sides, _ = settled([left], [right])
    assert result.by_what == {what: 1}
    assert sides.looks == 2


def test_a_follower_is_moving_and_not_different():
    """A target that always shows what the source was a look before follows it."""
    versions = [3, 6, 9, 12, 15]
    result, sides, _ = settled([at(version) for version in versions[1:]], [at(version) for version in versions])
    assert (result.total, result.moving, sides.looks) == (0, 1, 4)


def test_a_target_that_falls_behind_differs():
    """One that moves but never reaches what the source was a look before is different."""
    result, _, _ = settled([at(10), at(20), at(30), at(40)], [at(1), at(2), at(3), at(4)])
    assert result.by_what == {"older": 1}


def test_a_difference_in_motion_is_found_once_it_rests():
    """A document that moves at first and then rests with another content is found."""
    result, sides, _ = settled([at(1), at(2), at(2), at(2)], [at(1, x=1), at(2, x=1)])
    assert result.by_what == {"changed": 1}
    assert sides.looks == 3


def test_all_are_counted_and_few_named():
    """Only so many differences keep their fields."""

    class Many(Sides):
        def both(self, _ask):
            return {str(n): at(1) for n in range(30)}, {}

    settling = Settling(Many([], []), Rules(), settle_secs=0, looks=2, shown=4, pause=lambda _secs: False)
    result = settling.run([Suspect("attacks", str(n), 1, n) for n in range(30)])
    assert (result.total, len(result.differences)) == (30, 4)
    assert all(one.suspect.at_ms < other.suspect.at_ms for one, other in pairwise(result.differences))
