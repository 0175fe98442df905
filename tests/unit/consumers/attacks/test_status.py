"""Tests of telling how every part is."""

import pytest

from wellhead.config import Deployment
from wellhead.config.attacks import AttacksSettings
from wellhead.config.worker import WorkerSettings
from wellhead.consumers.attacks.status import status_of, table_of
from wellhead.consumers.lag import Place
from wellhead.errors import TemporaryError
from wellhead.testing.clock import FakeClock

HEALTH = {
    "attacks": {
        "wallarm": {
            "group": {"state": "running", "open_attacks": 1234},
            "stores": {"primary": {"state": "waiting", "message": "no store", "last_error": {"message": "no store"}}},
        }
    }
}


class Probe:
    def __init__(self, **found):
        self.found = found

    def places(self, group, topic, *, start="earliest"):
        found = self.found.get(group.replace("-", "_"), {})
        if isinstance(found, Exception):
            raise found
        return found

    def close(self):
        pass


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def deployment():
    worker = WorkerSettings.layered(
        flags={},
        environment={},
        files={"group.id": "g", "kafka": {"bootstrap.servers": "h"}, "schema.registry": {"url": "http://h"}},
    )
    settings = AttacksSettings(
        name="wallarm", topic="wallarm.hit", rules="x", redis={"url": "redis://h"}, stores={"primary": {"url": "http://h"}}, roles="group"
    )  # fmt: skip
    return Deployment(worker, (), attacks=(settings,))


def parts(state):
    return {part["part"]: part for entry in state["attacks"] for part in entry["parts"]}


def test_each_part_has_its_state_and_lag(deployment, clock):
    """Whatever this file's roles are, all parts are told; the lag is Kafka's word, the rest the process's."""
    probe = Probe(g={0: Place(0, 10, 10, 0, clock.now_ms() - 2_000), 1: Place(5, 5, 5)}, g_primary={0: Place(1, 2, 2)})
    state = status_of(deployment, probe, HEALTH, clock)
    group, primary = parts(state)["wallarm/group"], parts(state)["wallarm/primary"]
    assert (group["state"], group["lag_records"], group["lag_secs"], group["open_attacks"], group["wrong"]) == (
        "running",
        10,
        2.0,
        1234,
        [],
    )
    assert (primary["state"], primary["lag_records"], primary["last_error"]) == ("waiting", 0, "no store")
    assert primary["wrong"] == ["wallarm/primary is waiting: no store"]
    table = "\n".join(table_of(state))
    assert "wallarm/group    running" in table
    assert "1,234" in table
    assert "! wallarm/primary is waiting: no store" in table


def test_without_a_health_page_the_lag_is_still_told(deployment, clock):
    """A process that is gone leaves its group's offsets."""
    probe = Probe(g={0: Place(0, 10, 10, 0, clock.now_ms() - 61_000)})
    group = parts(status_of(deployment, probe, {}, clock))["wallarm/group"]
    assert (group["state"], group["lag_secs"]) == ("unknown", 61.0)
    assert group["wrong"] == ["wallarm/group is 1.0 min behind, more than alert.lag.secs: see docs/guide/attacks.md"]


def test_what_kafka_cannot_tell_is_said(deployment, clock):
    """A broker that is away, and a topic that is not there, are reasons of their own."""
    silent = status_of(deployment, Probe(g=TemporaryError("no broker"), g_primary=AssertionError("asked again")), HEALTH, clock)
    assert parts(silent)["wallarm/group"]["wrong"] == ["no broker"]
    assert [line for line in table_of(silent) if line.startswith("!")].count("! no broker") == 1
    found = parts(status_of(deployment, Probe(g_primary=None), HEALTH, clock))
    assert "topic 'wallarm.attack_document' does not exist (yet)" in found["wallarm/primary"]["wrong"][-1]
    assert "-" in next(line for line in table_of(status_of(deployment, Probe(g=None), {}, clock)) if "wallarm/group" in line)
