"""What a consumer that joins the group is built with, and what is read out of librdkafka."""

import pytest

from wellhead.cluster.joining import GroupPlace, generation_of

GIVEN = {"bootstrap.servers": "127.0.0.1:1", "group.id": "other", "isolation.level": "read_committed"}


def place(instance_id: str | None = None, **given: object) -> GroupPlace:
    spelled = {name.replace("_", "."): value for name, value in given.items()}
    return GroupPlace({**GIVEN, **spelled}, "group", "assignment", "leases", 7_000, 500, instance_id)


def test_what_the_lease_rests_on_cannot_be_overridden():
    """Session, heartbeat, protocol and assignor are the group's, whatever the operator set for consumers."""
    found = place(
        session_timeout_ms="60000",
        heartbeat_interval_ms="9000",
        group_protocol="consumer",
        partition_assignment_strategy="range",
        group_instance_id="twin",
        enable_auto_commit="true",
    ).settings()
    assert found["group.id"] == "group"
    assert (found["session.timeout.ms"], found["heartbeat.interval.ms"]) == (7_000, 500)
    assert (found["group.protocol"], found["partition.assignment.strategy"]) == ("classic", "cooperative-sticky")
    assert found["enable.auto.commit"] is False
    assert "group.instance.id" not in found


def test_a_static_member_carries_its_own_name():
    """The instance id is the place's."""
    assert place("pod-1").settings()["group.instance.id"] == "pod-1"


@pytest.mark.parametrize("session_ms", [6_000, 10_000, 200_000, 300_000])
def test_a_lease_runs_out_before_librdkafka_leaves_by_itself(session_ms):
    """However long the session, a change may go on without proofs for one session before max.poll.interval.ms has passed."""
    found = GroupPlace(GIVEN, "group", "assignment", "leases", session_ms=session_ms).settings()
    assert found["max.poll.interval.ms"] >= 2 * found["session.timeout.ms"]


def test_the_generation_is_read_out_of_the_metadata():
    """The generation stands behind the magic word; anything else gives -1."""
    assert generation_of(b"CGMDv2:\x05\x01\x00\x00group\x00member\x00\x01") == 261
    assert generation_of(b"CGMDv9:\x05\x01\x00\x00group\x00member\x00\x01") == -1
    assert generation_of(b"CGMD") == -1
