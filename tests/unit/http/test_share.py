"""A connector's part: each granted call begins once, in time, or goes back."""

from wellhead.http.share import Share


def share(calls=80):
    return Share("feed", True, calls, 10_000)


def test_each_granted_call_is_taken_once():
    """Two granted, two taken."""
    part = share()
    part.grant(7, 2, until_secs=5)
    assert [part.take(1), part.take(1), part.take(1)] == [True, True, False]


def test_a_call_that_is_too_old_goes_back():
    """After its time a grant must not begin: others may have the call by then."""
    part = share()
    part.grant(7, 2, until_secs=5)
    assert part.take(4.9)
    assert not part.take(5)
    assert part.claim(5).back == {7: 1}


def test_ends_are_told_by_what_granted_them():
    """A call's end is told once, under the offset of its grant."""
    part = share()
    part.grant(7, 1, until_secs=50)
    part.grant(9, 1, until_secs=50)
    assert part.take(1)
    assert part.take(2)
    part.ended(2)
    assert part.claim(3).done == {9: 1}
    part.ended(1)
    assert part.claim(3).done == {7: 1}
    assert part.claim(3).done == {}


def test_the_end_of_a_call_long_counted_ends_no_other():
    """A download of minutes counts as made meanwhile; its end says nothing of a call that has just begun."""
    part = share()
    part.grant(7, 2, until_secs=50)
    assert part.take(0)
    assert part.take(30)
    part.ended(0)
    assert part.claim(31).done == {}


def test_what_is_wanted_is_what_waits_what_runs_and_a_few_ahead():
    """Ahead go twice the calls of the last report's time, and no more than an eighth of all; who does not call wants nothing."""
    part = share()
    assert part.target(0) == 0
    part.callers = 3
    assert part.target(0) == 3
    part.grant(7, 3, until_secs=50)
    for _ in range(3):
        assert part.take(1)
    part.callers = 0
    assert part.claim(1).target == 3 + 6
    assert part.target(1.5) == 3 + 1
    for _ in range(3):
        part.ended(1)
    assert part.target(9) == 0


def test_a_small_budget_is_not_claimed_ahead():
    """Of seven calls none lies unused at one process while others wait."""
    part = share(calls=7)
    part.grant(7, 1, until_secs=50)
    assert part.take(1)
    assert part.target(1) == 1


def test_a_recall_takes_what_has_not_begun():
    """After a refusal nothing granted before it begins any more."""
    part = share()
    part.grant(7, 2, until_secs=50)
    part.grant(9, 1, until_secs=50)
    assert part.take(1)
    part.recall(7)
    assert part.claim(1).back == {7: 1}
    assert part.take(1)


def test_who_leaves_gives_everything_back():
    """The last claim wants nothing and returns what is left."""
    part = share()
    part.grant(7, 2, until_secs=50)
    part.callers = 1
    part.leave()
    claim = part.claim(1)
    assert (claim.target, claim.back) == (0, {7: 2})
