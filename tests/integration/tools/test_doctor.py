"""`wellhead doctor` against a real broker and registry."""

import json
import os
import subprocess
import sys
import time

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from wellhead.stack import KafkaOptions, Stack

TOKEN = "c4n4ry-s3cret"


def doctor(*words):
    done = subprocess.run(
        [sys.executable, "-c", "from wellhead.cli import main; main()", "doctor", *map(str, words)],
        env={**os.environ, "COLUMNS": "200"}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert TOKEN not in done.stdout + done.stderr
    return done


def deployment(path, prefix, bootstrap, registry, spool):
    path.write_text(
        f"""
worker:
  group.id: {prefix}group
  kafka.bootstrap.servers: {bootstrap}
  schema.registry.url: {registry}
  offset.storage.topic: {prefix}offsets
  runs.topic: {prefix}runs
  spool.dir: {spool}
connectors:
  {prefix}wss:
    connector.class: wss
    username: someone
    password: {TOKEN}
    url: http://127.0.0.1:9
    topic.prefix: {prefix}
    topic.creation.default.partitions: 6
"""
    )
    return path


def test_what_is_there_and_what_is_not(stack, unique, tmp_path):
    """Before the first run all is well; a topic that would lose cursors, one with other partitions and a missing folder are told with what to do."""
    file = deployment(tmp_path / "w.yaml", unique, stack.bootstrap_servers, stack.registry_url, tmp_path)
    done = doctor("-c", file, "--output", "json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["status"]) == (0, "ok"), done.stdout + done.stderr
    assert {finding["check"] for finding in told["findings"]} == {
        "config", "kafka", "topic", "registry", "clock", "disk", "credentials",
    }  # fmt: skip
    # Whether an answer bears a Date is up to the registry.
    skipped = {finding["check"] for finding in told["findings"] if finding["status"] == "skip"}
    assert skipped - {"clock"} == {"credentials"}

    topics = [
        NewTopic(f"{unique}offsets", 1, 1, config={"cleanup.policy": "delete"}),
        NewTopic(f"{unique}wss.access_log", 2, 1),
    ]
    admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
    for made in admin.create_topics(topics).values():
        made.result(60)
    (tmp_path / "spool").write_text("in the way")
    deployment(file, unique, stack.bootstrap_servers, stack.registry_url, tmp_path / "spool")
    done = doctor("-c", file, "--output", "json")
    found = {
        (each["check"], each["where"]): each
        for each in json.loads(done.stdout)["findings"]
        if each["status"] in {"warn", "fail"}
    }
    assert done.returncode == 1
    offsets = found["topic", f"{unique}offsets"]
    assert (offsets["status"], offsets["message"][:28]) == ("fail", "has cleanup.policy=delete, w")
    assert offsets["advice"] == "alter the topic, or name another one"
    assert found["topic", f"{unique}wss.access_log"]["message"] == "has 2 partitions, the options say 6"
    assert found["disk", str(tmp_path / "spool")]["status"] == "fail"
    shown = doctor("-c", file).stdout
    assert f"fail  topic        {unique}offsets: has cleanup.policy=delete" in shown
    assert "-> alter the topic, or name another one" in shown


def test_nobody_answers(unique, tmp_path):
    """Where broker and registry are away both are told, in bounded time, and nothing else is hidden by that."""
    file = deployment(tmp_path / "w.yaml", unique, "127.0.0.1:9", "http://127.0.0.1:9", tmp_path)
    done = doctor("-c", file, "--timeout", "1", "--output", "json")
    status = {each["check"]: each["status"] for each in json.loads(done.stdout)["findings"]}
    assert done.returncode == 1
    assert status == {"config": "ok", "kafka": "fail", "registry": "fail", "clock": "skip", "disk": "ok", "credentials": "skip"}


def test_a_file_that_cannot_be_used(unique, tmp_path):
    """A wrong option ends the visit with exit code 2, naming the option."""
    file = deployment(tmp_path / "w.yaml", unique, "127.0.0.1:9", "http://127.0.0.1:9", tmp_path)
    done = doctor("-c", file, "--set", "worker.runs.topic.partitions=none", "--output", "json")
    (finding,) = json.loads(done.stdout)["findings"]
    assert done.returncode == 2
    assert (finding["status"], finding["check"]) == ("fail", "config")
    assert "runs.topic.partitions" in finding["where"]


def test_missing_rights_are_told(unique, tmp_path):
    """What a broker's access control denies is named, topic by topic, with what to grant, before any run meets it."""
    guarded = KafkaOptions(
        properties={
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "true",
        }
    )
    with Stack.start(registry=False, kafka=guarded) as running:
        admin = AdminClient({"bootstrap.servers": running.bootstrap_servers})
        compacted = {"cleanup.policy": "compact"}
        topics = [NewTopic(f"{unique}offsets", 1, 1, config=compacted), NewTopic(f"{unique}wss.access_log", 6, 1)]
        for made in admin.create_topics(topics).values():
            made.result(60)
        denied = [(f"{unique}offsets", AclOperation.WRITE), (f"{unique}wss.access_log", AclOperation.DESCRIBE_CONFIGS)]
        literal = (ResourcePatternType.LITERAL, "User:ANONYMOUS", "*")
        bindings = [AclBinding(ResourceType.TOPIC, name, *literal, may, AclPermissionType.DENY) for name, may in denied]
        bindings += [
            AclBinding(ResourceType.TOPIC, name, *literal, AclOperation.ALL, AclPermissionType.ALLOW) for name, _ in denied
        ]
        for made in admin.create_acls(bindings).values():
            made.result(60)
        file = deployment(tmp_path / "w.yaml", unique, running.bootstrap_servers, "http://127.0.0.1:9", tmp_path)
        deadline_secs, findings = time.monotonic() + 60, {}
        # The broker takes rules up a moment after it said yes to them.
        while not {("rights", f"{unique}offsets"), ("topic", f"{unique}wss.access_log")} <= findings.keys():
            assert time.monotonic() < deadline_secs, findings
            done = doctor("-c", file, "--output", "json")
            told = json.loads(done.stdout)["findings"]
            findings = {(each["check"], each["where"]): each for each in told if each["status"] != "ok"}
    lacking = findings["rights", f"{unique}offsets"]
    assert (lacking["status"], lacking["message"], lacking["advice"]) == (
        "fail",
        "we may not WRITE",
        "grant WRITE on the topic",
    )
    unknown = findings["topic", f"{unique}wss.access_log"]
    assert (unknown["status"], unknown["advice"]) == ("skip", "grant DescribeConfigs on the topic")
    assert done.returncode == 1


def test_what_consumers_need(stack, unique, tmp_path, redis_server, search_url):
    """Topics to read, topics to make, Redis, stores and folders: as they are, and what to do where they are not."""
    file = tmp_path / "consumers.yaml"

    def written(redis_url, store_url, folder):
        worker = {
            "group.id": f"{unique}group",
            "kafka.bootstrap.servers": stack.bootstrap_servers,
            "schema.registry.url": stack.registry_url,
            "spool.dir": str(tmp_path),
        }
        attacks = {"topic": f"{unique}hit", "rules": ["wallarm/basic"], "redis.url": redis_url}
        attacks["stores"] = {"primary": {"url": store_url, "index.prefix": "w"}}
        lookup = {"topic": f"{unique}indicator", "files": ["threatstream/ip"], "directory.path": str(tmp_path / "to")}
        lookup |= {"state.dir": str(folder / "state"), "output.dir": str(folder / "built")}
        file.write_text(json.dumps({"worker": worker, "attacks": {"wallarm": attacks}, "lookups": {"ti": lookup}}))
        done = doctor("-c", file, "--output", "json")
        return done, {(each["check"], each["where"]): each for each in json.loads(done.stdout)["findings"]}

    admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
    admin.create_topics([NewTopic(f"{unique}hit", 3, 1)])[f"{unique}hit"].result(60)
    done, found = written(redis_server.url, search_url, tmp_path)
    place = redis_server.url.partition("//")[2].partition("/")[0]
    assert done.returncode == 0, done.stdout
    assert "3 partitions" in found["topic", f"{unique}hit"]["message"]
    assert found["topic", f"{unique}indicator"]["status"] == "warn"
    assert "start the connector" in found["topic", f"{unique}indicator"]["advice"]
    assert "its consumer makes it" in found["topic", f"{unique.rstrip('.')}.attack_document"]["message"]
    assert found["redis", f"wallarm: {place}"]["status"] == "ok"
    assert "opensearch" in found["store", "wallarm: primary"]["message"].lower()

    (tmp_path / "file").write_text("in the way")
    redis_server.kill()
    done, found = written(redis_server.url, "http://127.0.0.1:1", tmp_path / "file" / "below")
    assert done.returncode == 1
    failed = {check for (check, _), each in found.items() if each["status"] == "fail"}
    assert failed == {"redis", "store", "disk"}
    assert "none is lost" in found["redis", f"wallarm: {place}"]["advice"]
