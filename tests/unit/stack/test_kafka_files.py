"""Broker files hold what a KRaft broker needs, and keep out of its traps."""

import base64
from pathlib import Path

from wellhead.stack.kafka_files import BrokerAddress, ExtraListener, directory_id, format_log_dir, server_properties

ONE = BrokerAddress(1, 20001, 20002)
THREE = [ONE, BrokerAddress(2, 20003, 20004), BrokerAddress(3, 20005, 20006)]


def properties(cluster: list[BrokerAddress], **overrides: str) -> dict[str, str]:
    text = server_properties(cluster[0], cluster, Path("/data"), {k.replace("_", "."): v for k, v in overrides.items()})
    return dict(line.split("=", 1) for line in text.splitlines())


def test_everything_listens_on_loopback_only():
    """No listener is open to the network."""
    found = properties([ONE])

    assert found["listeners"] == "PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:20002"
    assert found["advertised.listeners"] == "PLAINTEXT://127.0.0.1:20001"


def test_one_broker_replicates_nothing():
    """A single broker can hold the internal topics alone."""
    found = properties([ONE])

    assert found["transaction.state.log.replication.factor"] == found["offsets.topic.replication.factor"] == "1"
    assert found["transaction.state.log.min.isr"] == found["min.insync.replicas"] == "1"
    assert "broker.session.timeout.ms" not in found


def test_three_brokers_survive_one():
    """Three brokers keep three copies, need two, and notice a dead one fast."""
    found = properties(THREE)

    assert found["controller.quorum.voters"] == "1@127.0.0.1:20002,2@127.0.0.1:20004,3@127.0.0.1:20006"
    assert found["transaction.state.log.replication.factor"] == found["default.replication.factor"] == "3"
    assert found["transaction.state.log.min.isr"] == found["min.insync.replicas"] == "2"
    assert found["broker.session.timeout.ms"] == "3000"


def test_overrides_win():
    """An override replaces the stack's own setting, once."""
    found = server_properties(ONE, [ONE], Path("/data"), {"log.segment.bytes": "1048576"})

    assert found.count("log.segment.bytes=") == 1
    assert "log.segment.bytes=1048576\n" in found


def test_an_extra_listener_sends_its_clients_elsewhere():
    """A client of an extra listener is told the advertised port; the other brokers know nothing of it."""
    extra = [ExtraListener("CUT", 20010, 40010)]
    one, two = (server_properties(node, THREE, Path("/data"), {}, extra) for node in THREE[:2])

    assert "listeners=PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:20002,CUT://127.0.0.1:20010\n" in one
    assert "advertised.listeners=PLAINTEXT://127.0.0.1:20001,CUT://127.0.0.1:40010\n" in one
    assert "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,CUT:PLAINTEXT\n" in one
    assert "CUT" not in two


def test_mistyped_topics_are_not_created():
    """Topics are created with explicit settings or not at all."""
    assert properties([ONE])["auto.create.topics.enable"] == "false"


def test_directory_ids_are_canonical():
    """Kafka sees two ids as one when they differ in unused bits: each id must survive decoding and encoding."""
    ids = {directory_id() for _ in range(500)}

    assert len(ids) == 500
    for text in ids:
        assert not text.startswith("-")
        assert base64.urlsafe_b64encode(base64.urlsafe_b64decode(text + "==")).rstrip(b"=").decode() == text


def test_formatted_folder_carries_the_feature_levels(tmp_path: Path):
    """The checkpoint lies beside meta.properties: without it transactions would work the old way."""
    checkpoint = tmp_path / "bootstrap.checkpoint"
    checkpoint.write_bytes(b"levels")

    format_log_dir(tmp_path / "data", 2, checkpoint)

    assert (tmp_path / "data" / "bootstrap.checkpoint").read_bytes() == b"levels"
    assert "node.id=2\n" in (tmp_path / "data" / "meta.properties").read_text()


def test_formatted_folder_is_left_alone(tmp_path: Path):
    """A second start keeps the folder's identity."""
    checkpoint = tmp_path / "bootstrap.checkpoint"
    checkpoint.write_bytes(b"levels")
    format_log_dir(tmp_path / "data", 1, checkpoint)
    before = (tmp_path / "data" / "meta.properties").read_text()

    format_log_dir(tmp_path / "data", 1, checkpoint)

    assert (tmp_path / "data" / "meta.properties").read_text() == before
