from types import SimpleNamespace

import pytest
from confluent_kafka.admin import AclOperation

from wellhead.kafka.topics import TopicSpec
from wellhead.tools.doctor_kafka import _topic

EVERYTHING = [AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE]
OFFSETS = TopicSpec("offsets", 25, 3, {"cleanup.policy": "compact"}, strict_cleanup=True)


def described(*, partitions=25, replicas=3, may=EVERYTHING, leader=1):
    part = SimpleNamespace(replicas=[0] * replicas, leader=SimpleNamespace(id=leader))
    return SimpleNamespace(partitions=[part] * partitions, authorized_operations=may)


def found(spec=OFFSETS, topic=None, policy="compact", may=frozenset({"CREATE"})):
    settings = None if policy is None else {"cleanup.policy": policy}
    return [(each.status, each.check, each.message) for each in _topic(spec, topic, settings, may=may, brokers=3)]


def test_a_topic_as_it_should_be():
    """One line says what it is."""
    assert found(topic=described()) == [("ok", "topic", "25 partitions, 3 replicas, cleanup.policy compact")]


def test_rights_that_lack_are_named():
    """What the brokers say we may do is compared with what a run needs; where they do not tell, nothing is claimed."""
    assert found(topic=described(may=[AclOperation.DESCRIBE])) == [("fail", "rights", "we may not READ, WRITE")]
    assert [each[0] for each in found(topic=described(may=None))] == ["ok"]


@pytest.mark.parametrize(
    ("topic", "policy", "told"),
    [
        (described(), "delete", ("fail", "topic", "has cleanup.policy=delete, wanted is compact: it would lose cursors")),
        (described(), None, ("skip", "topic", "its settings may not be looked at")),
        (described(partitions=3), "compact", ("warn", "topic", "has 3 partitions, the options say 25")),
        (described(replicas=1), "compact", ("warn", "topic", "has one replica on 3 brokers: it goes with its broker")),
        (described(leader=-1), "compact", ("fail", "topic", "a partition has no leader")),
    ],
)
def test_a_topic_that_is_not_as_it_should_be(topic, policy, told):
    """Cleanup, partitions, replicas and leaders are each told by themselves."""
    assert found(topic=topic, policy=policy) == [told]


def test_a_topic_that_is_not_there():
    """The first run creates it, where we may; else somebody has to."""
    assert [each[0] for each in found()] == ["ok"]
    assert [each[0] for each in found(may=None)] == ["ok"]
    assert found(may=frozenset({"DESCRIBE"})) == [
        ("warn", "topic", "does not exist, and we may not create topics on the cluster")
    ]


def test_policies_in_another_order_are_the_same():
    """`delete,compact` is `compact,delete`; one that is merely not ours is only warned of."""
    runs = TopicSpec("runs", config={"cleanup.policy": "compact,delete"})
    assert [each[0] for each in found(runs, described(), "delete,compact")] == ["ok"]
    assert [each[0] for each in found(runs, described(), "compact")] == ["warn"]
