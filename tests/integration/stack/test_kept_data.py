"""A kept folder keeps topics, schemas and addresses."""

from pathlib import Path

import httpx
import psutil
import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from wellhead.stack import KafkaOptions, Stack, StackError
from wellhead.stack.errors import StartError

SCHEMA = '{"type":"string"}'


def test_second_start_finds_topics_schemas_and_ports(tmp_path: Path):
    """After a SIGKILL of both servers and a clean stop, the next start serves the same under the same addresses, from class archives."""
    with Stack.start(data_dir=tmp_path) as first:
        addresses = (first.bootstrap_servers, first.registry_url)
        admin = AdminClient({"bootstrap.servers": first.bootstrap_servers})
        admin.create_topics([NewTopic("kept", 1, 1)])["kept"].result(30)
        registered = httpx.post(f"{first.registry_url}/subjects/kept/versions", json={"schema": SCHEMA}, trust_env=False)
        assert first.registry is not None
        first.registry.kill()
        first.kafka.kill()
        first.registry.restart()
        first.kafka.restart()

    with Stack.start(data_dir=tmp_path) as second:
        mapped = [
            {Path(each.path).suffix for each in psutil.Process(process.pid).memory_maps()} for process in second.processes
        ]
        assert (second.bootstrap_servers, second.registry_url) == addresses
        assert "kept" in AdminClient({"bootstrap.servers": second.bootstrap_servers}).list_topics(timeout=30).topics
        schema_id = registered.json()["id"]
        found = httpx.get(f"{second.registry_url}/schemas/ids/{schema_id}", trust_env=False)
        assert found.json()["schema"] == SCHEMA
        level = httpx.get(f"{second.registry_url}/config", trust_env=False).json()
        assert level["compatibilityLevel"] == "BACKWARD"
    # How long a start takes depends on what else runs here; that a quick start's archives are in use does not.
    assert len(mapped) == 2
    assert all(".jsa" in suffixes for suffixes in mapped)


def test_other_broker_count_is_refused(tmp_path: Path):
    """A folder of one broker is not started as one of three."""
    with Stack.start(data_dir=tmp_path, registry=False):
        pass

    with pytest.raises(StackError, match=r"holds a stack of 1 broker.*3 were asked for"):
        Stack.start(brokers=3, data_dir=tmp_path, registry=False)


def test_broker_that_cannot_start_is_quoted(tmp_path: Path):
    """A bad setting ends in an error that quotes the broker's own words, and leaves nothing running."""
    options = KafkaOptions(properties={"log.segment.bytes": "many"})

    with pytest.raises(
        StartError, match=r"(?s)broker-1 exited with code 1 while starting.*broker-1\.log:\n.*log\.segment\.bytes"
    ):
        Stack.start(data_dir=tmp_path, registry=False, kafka=options)

    with Stack.start(data_dir=tmp_path, registry=False) as again:
        assert again.kafka.pid() is not None
