"""Takes a deployment, asks its brokers whether they answer, what we may do and how our topics are; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AclOperation, ConfigResource, ResourceType  # type: ignore[attr-defined]

from wellhead.kafka.admin import Admin
from wellhead.kafka.errors import kafka_error, recovery, where
from wellhead.kafka.settings import consumer_config
from wellhead.runtime.topics import topic_specs
from wellhead.tools.doctor_consumers import KEPT, READ, WRITTEN, made_topics, read_topics
from wellhead.tools.doctor_finding import Finding

if TYPE_CHECKING:
    from wellhead.config.deployment import Deployment
    from wellhead.kafka.topics import TopicSpec

NEEDED: Final = KEPT
CREATE: Final = "let somebody with the rights create it, or grant Create on it (or on the cluster)"


def check_kafka(deployment: Deployment, timeout_secs: float) -> Iterator[Finding]:
    """Yield what the brokers say: reachable, rights on the cluster, each topic that connectors and consumers use."""
    config = consumer_config(deployment.worker)
    address = where(config)
    admin = Admin(config)
    try:
        asked = admin.client.describe_cluster(include_authorized_operations=True, request_timeout=timeout_secs)
        cluster = asked.result()
        brokers = len(cluster.nodes)
        yield Finding("ok", "kafka", address, f"{brokers} broker{'' if brokers == 1 else 's'} answer")
        may = _names(cluster.authorized_operations)
        wanted = wanted_topics(deployment)
        read, made = read_topics(deployment), made_topics(deployment)
        described = _described(admin, list(dict.fromkeys([*wanted, *read, *made])), timeout_secs)
        settings = _settings(admin, [name for name, found in described.items() if found is not None], timeout_secs)
        for name, spec in wanted.items():
            yield from _topic(spec, described[name], settings.get(name), may=may, brokers=brokers)
        for name in read:
            yield _consumed(name, described[name])
        for name, needed in made.items():
            yield _made(name, described[name], needed, may=may)
    except KafkaException as error:
        told = recovery(admin.cause(error), address)
        yield Finding("fail", "kafka", address, str(told), "see that bootstrap.servers, security.protocol and sasl.* are right")
    finally:
        admin.close()


def wanted_topics(deployment: Deployment) -> dict[str, TopicSpec]:
    """Give every topic that the connectors of a deployment write, by name, those read from it among them."""
    specs = [
        spec
        for connector in deployment.connectors
        for stream in connector.streams
        for spec in topic_specs(deployment.worker, connector.settings, stream)
    ]
    return {spec.name: spec for spec in reversed(specs)}


def _described(admin: Admin, names: Sequence[str], timeout_secs: float) -> dict[str, Any]:
    """Give each topic's description, None where there is none, the error where it may not be looked up."""
    found: dict[str, Any] = {}
    if not names:
        return found
    asked = admin.client.describe_topics(
        TopicCollection(list(names)), include_authorized_operations=True, request_timeout=timeout_secs
    )
    for name, future in asked.items():
        try:
            found[name] = future.result()
        except KafkaException as error:
            code = kafka_error(error).code()
            found[name] = None if code == KafkaError.UNKNOWN_TOPIC_OR_PART else kafka_error(error)
    return found


def _settings(admin: Admin, names: Sequence[str], timeout_secs: float) -> dict[str, Mapping[str, str]]:
    """Give each topic's settings; those that may not be looked at are left out."""
    found: dict[str, Mapping[str, str]] = {}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    for resource, future in admin.client.describe_configs(resources, request_timeout=timeout_secs).items() if resources else ():
        try:
            found[resource.name] = {name: entry.value for name, entry in future.result().items()}
        except KafkaException:
            continue
    return found


def _topic(
    spec: TopicSpec, described: Any, settings: Mapping[str, str] | None, *, may: frozenset[str] | None, brokers: int
) -> Iterator[Finding]:
    if described is None:
        if may is not None and not {"CREATE", "ALL"} & may:
            yield Finding("warn", "topic", spec.name, "does not exist, and we may not create topics on the cluster", CREATE)
        else:
            yield Finding("ok", "topic", spec.name, "does not exist yet; it is created by the first run")
        return
    if isinstance(described, KafkaError):
        yield from _rights(spec, described)
        return
    problems = [*_rights(spec, described), *_shape(spec, described, brokers), *_policy(spec, settings)]
    yield from problems
    if not problems:
        count = len(described.partitions)
        copies = min(len(partition.replicas) for partition in described.partitions)
        policy = "" if settings is None else f", cleanup.policy {settings.get('cleanup.policy', '?')}"
        yield Finding("ok", "topic", spec.name, f"{count} partitions, {copies} replicas{policy}")


def _consumed(name: str, described: Any) -> Finding:
    """Tell of a topic that a consumer reads, and somebody else makes."""
    if described is None:
        advice = "start the connector that writes it, or correct the name: until then there is nothing to read"
        return Finding("warn", "topic", name, "is to be read, and does not exist yet", advice)
    lacking = _lacking(name, described, READ)
    return lacking or Finding("ok", "topic", name, f"is there to be read, {len(described.partitions)} partitions")


def _made(name: str, described: Any, needed: Sequence[str], *, may: frozenset[str] | None) -> Finding:
    """Tell of a topic that a consumer makes for itself."""
    if described is None and may is not None and not {"CREATE", "ALL"} & may:
        return Finding("warn", "topic", name, "does not exist, and we may not create topics on the cluster", CREATE)
    if described is None:
        return Finding("ok", "topic", name, "does not exist yet; its consumer makes it")
    lacking = _lacking(name, described, needed)
    return lacking or Finding("ok", "topic", name, f"is there, {len(described.partitions)} partitions")


def _lacking(name: str, described: Any, needed: Sequence[str]) -> Finding | None:
    """Give what we may not do with a topic, None where nothing is lacking, or the brokers do not tell."""
    if isinstance(described, KafkaError):
        return Finding("fail", "rights", name, str(described.str()), f"grant {', '.join(needed)} on the topic")
    may = _names(described.authorized_operations)
    lacking = [] if may is None or "ALL" in may else [each for each in needed if each not in may]
    if not lacking:
        return None
    return Finding("fail", "rights", name, f"we may not {', '.join(lacking)}", f"grant {', '.join(lacking)} on the topic")


def _rights(spec: TopicSpec, described: Any) -> Iterator[Finding]:
    lacking = _lacking(spec.name, described, WRITTEN if spec.name.endswith(".dlq") else NEEDED)
    if lacking is not None:
        yield lacking


def _shape(spec: TopicSpec, described: Any, brokers: int) -> Iterator[Finding]:
    count = len(described.partitions)
    copies = min(len(partition.replicas) for partition in described.partitions)
    if any(partition.leader is None or partition.leader.id < 0 for partition in described.partitions):
        yield Finding("fail", "topic", spec.name, "a partition has no leader", "see which broker is away")
    if spec.partitions not in {-1, count}:
        advice = "nothing, if that is meant; partitions are only taken from the options when a topic is created"
        yield Finding("warn", "topic", spec.name, f"has {count} partitions, the options say {spec.partitions}", advice)
    if copies == 1 and brokers > 1:
        advice = "reassign it with more replicas (kafka-reassign-partitions)"
        yield Finding("warn", "topic", spec.name, f"has one replica on {brokers} brokers: it goes with its broker", advice)


def _policy(spec: TopicSpec, settings: Mapping[str, str] | None) -> Iterator[Finding]:
    wanted = spec.config.get("cleanup.policy")
    if settings is None:
        yield Finding("skip", "topic", spec.name, "its settings may not be looked at", "grant DescribeConfigs on the topic")
        return
    found = settings.get("cleanup.policy")
    if wanted is None or found is None or set(found.split(",")) == set(wanted.split(",")):
        return
    message = f"has cleanup.policy={found}, wanted is {wanted}"
    if spec.strict_cleanup:
        yield Finding(
            "fail", "topic", spec.name, f"{message}: it would lose {spec.holds}", "alter the topic, or name another one"
        )
    else:
        yield Finding("warn", "topic", spec.name, message, "alter the topic, unless that is meant")


def _names(operations: Sequence[AclOperation] | None) -> frozenset[str] | None:
    """Give operations by name; None where the brokers do not tell."""
    return None if operations is None else frozenset(operation.name for operation in operations)
