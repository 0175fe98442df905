"""What a member of the group says before it has joined, and what it dies of."""

import pytest
from confluent_kafka import KafkaError

from wellhead.cluster.joining import GroupPlace
from wellhead.cluster.lease import Proofs
from wellhead.cluster.member import Callbacks, Member, MemberFailed
from wellhead.errors import PermanentError
from wellhead.testing.clock import FakeClock


def test_a_wrong_setting_is_told_at_once():
    """A setting that librdkafka does not take is a PermanentError before anything runs."""
    nobody = Callbacks(lambda _: None, lambda _: None, lambda _: None)
    clock = FakeClock()
    with pytest.raises(PermanentError, match=r"no\.such\.setting"):
        Member(
            GroupPlace({"bootstrap.servers": "127.0.0.1:1", "no.such.setting": "1"}, "group", "assignment", "leases"),
            nobody,
            Proofs(clock, 7),
            clock,
        )


@pytest.mark.parametrize(("code", "fenced"), [(KafkaError.FENCED_INSTANCE_ID, True), (KafkaError._FATAL, False)])
def test_a_fenced_static_member_is_told_from_other_failures(code, fenced):
    """Only another process with the same instance id makes a member go on without it."""
    assert MemberFailed(KafkaError(code, "it is over")).fenced is fenced
