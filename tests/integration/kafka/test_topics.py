"""Proves on a real broker that topics are made as asked, by whoever comes first, and never altered."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from wellhead.errors import PermanentError, TemporaryError
from wellhead.kafka.admin import Admin
from wellhead.kafka.topics import TopicSpec, ensure, partition_counts


def setting(lab, topic: str, name: str) -> str:
    admin = AdminClient({"bootstrap.servers": lab.bootstrap_servers})
    (future,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]).values()
    return future.result(10)[name].value


def counts(lab, *topics: str) -> dict[str, int]:
    return partition_counts(Admin({"bootstrap.servers": lab.bootstrap_servers}), topics)


def test_creates_what_is_missing_with_its_settings(lab) -> None:
    """A new topic has the partitions and settings asked for; a second call changes nothing."""
    spec = TopicSpec(f"{lab.prefix}log", 3, 1, {"retention.ms": "12345678", "cleanup.policy": "delete"})
    assert ensure(lab.admin_config, [spec, spec]) == [spec.name]
    assert counts(lab, spec.name) == {spec.name: 3}
    assert setting(lab, spec.name, "retention.ms") == "12345678"
    assert ensure(lab.admin_config, [TopicSpec(spec.name, 9, 1, {"retention.ms": "1"})]) == []
    assert counts(lab, spec.name) == {spec.name: 3}
    assert setting(lab, spec.name, "retention.ms") == "12345678"


def test_the_broker_may_choose(lab) -> None:
    """-1 leaves partitions and replicas to the broker."""
    name = f"{lab.prefix}log"
    assert ensure(lab.admin_config, [TopicSpec(name)]) == [name]
    assert counts(lab, name)[name] >= 1


def test_many_workers_at_once(lab) -> None:
    """Workers that start together create each topic once, and none of them fails."""
    specs = [TopicSpec(f"{lab.prefix}{number}", 2, 1) for number in range(3)]
    with ThreadPoolExecutor(6) as pool:
        created = list(pool.map(lambda _: ensure(lab.admin_config, specs), range(6)))
    assert sorted(name for names in created for name in names) == [spec.name for spec in specs]
    assert counts(lab, *(spec.name for spec in specs)) == {spec.name: 2 for spec in specs}


@pytest.mark.parametrize("policy", ["delete", "compact,delete"])
def test_an_offsets_topic_that_forgets_is_refused(lab, policy: str) -> None:
    """An existing offsets topic must be compacted only, as in Connect."""
    name = f"{lab.prefix}offsets"
    ensure(lab.admin_config, [TopicSpec(name, 1, 1, {"cleanup.policy": policy})])
    with pytest.raises(PermanentError, match=f"cleanup.policy={policy}, which would lose cursors; it must be compact"):
        ensure(lab.admin_config, [TopicSpec(name, 1, 1, {"cleanup.policy": "compact"}, strict_cleanup=True)])


def test_a_compacted_offsets_topic_is_taken(lab) -> None:
    """An offsets topic that is compacted only is used as it is."""
    spec = TopicSpec(f"{lab.prefix}offsets", 5, 1, {"cleanup.policy": "compact"}, strict_cleanup=True)
    assert ensure(lab.admin_config, [spec]) == [spec.name]
    assert ensure(lab.admin_config, [spec]) == []


@pytest.mark.parametrize(
    ("spec", "advice"),
    [
        (TopicSpec("replicas", 1, 3), r"lower topic\.creation\.default\.replication\.factor"),
        (TopicSpec("setting", 1, 1, {"retention.ms": "soon"}), r"change topic\.creation\.default"),
        (TopicSpec("setting", 1, 1, {"no.such.setting": "1"}), r"change topic\.creation\.default"),
        (TopicSpec("bad name!", 1, 1), "topic's name"),
    ],
)
def test_what_cannot_be_made_is_permanent(lab, spec: TopicSpec, advice: str) -> None:
    """A topic the broker refuses names the setting to change."""
    with pytest.raises(PermanentError, match=advice):
        ensure(lab.admin_config, [TopicSpec(lab.prefix + spec.name, spec.partitions, spec.replication_factor, spec.config)])


def test_without_a_broker_it_is_temporary(lab_at) -> None:
    """A broker that is away is a temporary error that names the address."""
    with pytest.raises(TemporaryError, match=r"kafka at 127\.0\.0\.1:1: cannot look up topics"):
        ensure(lab_at("127.0.0.1:1").admin_config, [TopicSpec("x")])
