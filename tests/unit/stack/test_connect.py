"""A Connect worker's file holds what a worker beside one broker needs, and keeps out of its traps."""

from pathlib import Path

from wellhead.stack.connect import worker_properties


def properties(**overrides: object) -> dict[str, str]:
    text = worker_properties(
        "127.0.0.1:1", 20001, Path("/p"), {name.replace("_", "."): value for name, value in overrides.items()}
    )
    return dict(line.split("=", 1) for line in text.splitlines())


def test_it_listens_on_loopback_and_replicates_nothing():
    """Nothing is open to the network, and one broker can hold its topics."""
    found = properties()
    assert (found["listeners"], found["rest.advertised.host.name"]) == ("http://127.0.0.1:20001", "127.0.0.1")
    assert {found[f"{store}.storage.replication.factor"] for store in ("config", "offset", "status")} == {"1"}
    assert len({found[f"{store}.storage.topic"] for store in ("config", "offset", "status")}) == 3


def test_it_starts_and_takes_over_at_once():
    """Classes are found by their service files, and a dead worker's tasks do not rest for five minutes."""
    assert (properties()["plugin.discovery"], properties()["scheduled.rebalance.max.delay.ms"]) == ("service_load", "0")


def test_what_is_asked_for_wins():
    """A test or benchmark names its own group and topics."""
    found = properties(group_id="mine", offset_storage_topic="ours")
    assert (found["group.id"], found["offset.storage.topic"], found["config.storage.topic"]) == (
        "mine",
        "ours",
        "connect-configs",
    )
