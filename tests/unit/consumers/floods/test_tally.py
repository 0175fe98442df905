from __future__ import annotations

import json
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from wellhead.consumers.floods.tally import Tally, distinct_of

MOST = 8
ADDED = st.lists(st.dictionaries(st.integers(0, 40).map(str), st.integers(1, 100), max_size=6), max_size=12)


@settings(deadline=None)
@given(ADDED, st.integers(0, 12))
def test_sums_are_exact_while_few_and_never_too_low_when_many(added, cut):
    """Few keys are summed exactly; of many the large stay known, none too low; and JSON on the way changes nothing."""
    tally, plain = Tally(MOST), Counter()
    other = Tally(MOST)
    for number, found in enumerate(added):
        if number == cut:
            other = Tally.read(MOST, json.loads(json.dumps(other.kept())))
        for one in (tally, other):
            one.add(found)
        plain.update(found)
    assert other.kept() == tally.kept()
    assert tally.total == sum(plain.values())
    assert tally.approximate == (len(plain) > MOST)
    if len(plain) <= MOST:
        assert tally.items() == plain
    else:
        assert all(value >= plain[key] for key, value in tally.items().items())
        assert len(tally.items()) <= 2 * MOST + 6
    assert abs(tally.distinct - len(plain)) <= (0 if len(plain) <= MOST else 3)


def test_a_thousand_keys_are_told_apart_in_bounded_memory():
    """Far more keys than are held: the largest is known, the number of keys within some percent, the size stays."""
    tally = Tally(64)
    sizes = []
    for number in range(20_000):
        tally.add({f"k{number}": 1, "large": 1})
        if number in {5_000, 19_999}:
            sizes.append(len(json.dumps(tally.kept())))
    assert max(tally.items().items(), key=lambda one: one[1])[0] == "large"
    assert abs(tally.distinct - 20_001) < 20_001 * 0.1
    assert sizes[1] < sizes[0] * 1.5


def test_different_keys_of_several_are_counted_once():
    """A key that several have is one, exactly and by sketches."""
    small, other, large = Tally(64), Tally(64), Tally(64)
    small.add({"a": 1, "b": 1})
    other.add({"b": 1, "c": 1})
    large.add({f"k{number}": 1 for number in range(1000)} | {"a": 1})
    assert distinct_of([small, other]) == 3
    assert abs(distinct_of([small, other, large]) - 1003) < 60
