"""`wellhead topics create` against a real broker."""

import pytest
from click.testing import CliRunner
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from wellhead.errors import PermanentError
from wellhead.tools.topics import topics


@pytest.fixture
def file(stack, unique, tmp_path):
    made = tmp_path / "w.yaml"
    names = (
        "offset.storage",
        "config.storage",
        "status.storage",
        "offset.history",
        "runs",
        "audit",
        "budget",
        "assignment",
        "lease",
    )
    made.write_text(
        f"worker:\n  group.id: {unique}group\n  kafka.bootstrap.servers: {stack.bootstrap_servers}\n"
        "  schema.registry.url: http://127.0.0.1:1\n"
        + "".join(f"  {name}.topic: {unique}{name}\n" for name in names)
        + f"connectors:\n  {unique}wss:\n    connector.class: wss\n    username: someone\n    password: c4n4ry\n"
        f"    url: http://127.0.0.1:9\n    topic.prefix: {unique}\n    topic.creation.default.partitions: 6\n"
        f"    http.budget.group: {unique}\n    http.budget.group.calls: 10\n"
    )
    return made


def create(*words):
    """Run the verb, give its lines without their names' common start."""
    done = CliRunner().invoke(topics, ["create", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def present(stack, unique):
    found = AdminClient({"bootstrap.servers": stack.bootstrap_servers}).list_topics(timeout=20).topics
    return {name.removeprefix(unique): len(topic.partitions) for name, topic in found.items() if name.startswith(unique)}


def test_what_is_missing_is_made_once(stack, unique, file):
    """First the plan alone; then all is made with its settings; then nothing is left to do, with a group what it shares."""
    plan = create(file, "--dry-run")
    assert plan[-1] == "dry run: nothing was created"
    assert f"+ {unique}wss.access_log: to create, partitions 6, replication.factor the default, cleanup.policy=delete" in plan
    assert present(stack, unique) == {}
    done = create(file)
    alone = {"wss.access_log": 6, "wss.access_log.dlq": 1, "offset.storage": 25, "runs": 1, "offset.history": 1, "budget": 1}
    assert present(stack, unique) == alone
    assert {line.removeprefix(f"created {unique}") for line in done if line.startswith("created")} == alone.keys()
    assert all(line.endswith("there already") for line in create(file))
    create(file, "--group")
    shared = {"config.storage": 1, "status.storage": 5, "audit": 1, "assignment": 1, "lease": 1}
    assert present(stack, unique) == alone | shared
    admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
    (told,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, f"{unique}config.storage")]).values()
    assert told.result()["cleanup.policy"].value == "compact"


def test_one_that_would_lose_cursors_is_refused_and_nothing_made(stack, unique, file):
    """A topic of offsets that is not compacted: the message says what to do, and the rest waits until it is done."""
    admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
    admin.create_topics([NewTopic(f"{unique}offset.storage", 1, 1, config={"cleanup.policy": "delete"})])[
        f"{unique}offset.storage"
    ].result(30)
    with pytest.raises(PermanentError, match=r"cleanup\.policy=delete, which would lose cursors"):
        create(file)
    assert present(stack, unique) == {"offset.storage": 1}
