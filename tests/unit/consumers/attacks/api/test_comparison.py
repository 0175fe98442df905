import pytest

from wellhead.consumers.attacks.api.comparison import Difference, differences, lasting


def attack(number, version=1, **more):
    return {"id": f"a{number:02}", "last_time": 1000 - number, "version": version, **more}


def page(*attacks, more=False):
    return {"attacks": list(attacks), "cursor": "c" if more else None}


def told(found):
    return [(each.kind, each.subject) for each in found]


def test_equal_answers_do_not_differ():
    """The order of equal elements, nulls and absent fields, 1 and 1.0 and the cursors' text mean nothing."""
    one = attack(1, ip_top=[{"ip": "a", "count": 2}, {"ip": "b", "count": 2}], merged=["x", "y"], path=None, hits=3)
    other = attack(1, ip_top=[{"count": 2, "ip": "b"}, {"ip": "a", "count": 2.0}], merged=["y", "x"], hits=3.0, multiple=[])
    assert differences(page(one, more=True), {"attacks": [other], "cursor": "d"}) == []
    assert differences(None, None) == []


@pytest.mark.parametrize(
    ("ours", "theirs"), [(1, 2), (1, "1"), (1, True), ("a", None), (["a", "b"], ["b", "a"]), ({"a": 1}, {"a": "1"}), (1, 1.5)]
)
def test_other_values_and_types_differ(ours, theirs):
    """A value that is another, a number written as text, a flag for a number, and a list in another order are told by field."""
    found = differences(attack(1, point=ours), attack(1, point=theirs))
    assert [(each.kind, each.subject, each.fields) for each in found] == [("changed", "a01", ("point",))]


def test_what_only_one_has_is_missing_or_extra():
    """A document that only one page has is told by id, also where the question is for that document alone."""
    assert told(differences(page(attack(1), attack(2)), page(attack(2), attack(3)))) == [("missing", "a01"), ("extra", "a03")]
    assert told(differences(attack(1), None)) == [("missing", "a01")]
    assert told(differences(None, attack(1))) == [("extra", "a01")]


def test_pages_are_compared_as_far_as_both_reach():
    """One missing document lets another slip onto the page's end, which is no difference of its own."""
    ours = page(attack(1), attack(2), attack(3), more=True)
    theirs = page(attack(1), attack(3), attack(4), more=True)
    assert told(differences(ours, theirs)) == [("missing", "a02")]
    by_id = page(*(attack(number) for number in (9, 8, 7)), more=True)
    without = page(*(attack(number) for number in (9, 7, 6)), more=True)
    assert told(differences(by_id, without, by_id=True)) == [("missing", "a08")]


def counts(attacks, hits, listed=(), others=None):
    entries = [{"value": value, "attacks": one, "hits": two} for value, one, two in listed]
    return {"by": "type", "attacks": attacks, "hits": hits, "counts": entries, "others": others}


def test_counts_are_compared_number_by_number():
    """A total or a value's number that differs is told; the order of equal ones is not, and a value beyond the end of a ranking is unknown."""
    cut = {"attacks": 1, "hits": 5}
    assert differences(counts(3, 9, [("x", 1, 4), ("y", 2, 4)]), counts(3, 9, [("y", 2, 4), ("x", 1, 4)])) == []
    found = differences(counts(3, 9, [("x", 1, 4)]), counts(3, 8, [("x", 1, 3)]))
    assert [(each.subject, each.ours, each.theirs) for each in found] == [("hits", 9, 8), ("x hits", 4, 3)]
    assert differences(counts(3, 9, [("x", 1, 4)], cut), counts(3, 9, [("y", 1, 4)], cut)) == []
    assert told(differences(counts(3, 9, [("x", 1, 4)]), counts(3, 9, [("y", 1, 4)]))) != []


def test_what_is_there_at_the_second_look_was_only_late():
    """A difference that is gone, or that only now came up, does not last; one that stands does."""
    first, late = (
        differences(page(attack(1), attack(2)), page(attack(2))),
        differences(page(attack(2)), page(attack(2), attack(3))),
    )
    assert told(first) == [("missing", "a01")]
    assert lasting(first, []) == []
    assert lasting(first, late) == []
    assert told(lasting(first, first)) == [("missing", "a01")]


@pytest.mark.parametrize(
    ("first", "second", "lasts"),
    [
        ((10, 8), (15, 12), False),  # has caught up with what was said, and the other went on
        ((10, 8), (15, 9), True),  # is still behind what was said at first
        ((10, 8), (10, 8), True),  # stands still
        ((10, 10), (10, 10), True),  # the same version says different things
        ((8, 10), (12, 11), False),
        ((None, None), (None, None), True),
    ],
)
def test_who_has_caught_up_was_only_late(first, second, lasts):
    """Where documents or numbers go on all the time, whoever reaches what the other said at first was late, not wrong."""
    one, two = (Difference("changed", "a", ("hits",), *each) for each in (first, second))
    assert bool(lasting([one], [two])) is lasts
