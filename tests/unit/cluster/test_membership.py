"""A membership before and without a broker: what it says of itself, and that it ends."""

import pytest

from wellhead.cluster.membership import Membership
from wellhead.errors import PermanentError


def nothing(partitions: object) -> None:
    pass


def membership(**given: object) -> Membership:
    consumer = {"bootstrap.servers": "127.0.0.1:1", **given}
    return Membership(consumer, "group", "assignment", "leases", on_assigned=nothing, on_revoked=nothing, on_lost=nothing)


def test_owns_nothing_before_it_joined():
    """Without a broker nothing is owned and no lease is valid; closing is quick and may be repeated."""
    made = membership()
    made.close()
    made.start()
    assert made.owned == frozenset()
    assert (made.generation, made.member_id) == (-1, "")
    assert not made.lease.valid()
    assert made.problem is None
    made.rescan(3)
    made.close()
    made.close()
    assert made.owned == frozenset()


def test_a_wrong_setting_stops_the_start():
    """A setting that librdkafka refuses is told by `start`."""
    with pytest.raises(PermanentError, match=r"no\.such\.setting"):
        membership(**{"no.such.setting": "1"}).start()
