"""Tests of the state of watches as people and machines get it."""

import pytest
from watchable import NOON_MS, finding, settings, worker

from wellhead.config import Deployment
from wellhead.consumers.floods.known import GatewayView
from wellhead.consumers.floods.status import status_of, table_of
from wellhead.consumers.lag import Place
from wellhead.errors import PermanentError, TemporaryError
from wellhead.testing.clock import FakeClock


class ScriptedProbe:
    """Gives the same place, or the same error, for every group."""

    def __init__(self, found):
        self.found = found

    def places(self, group, topic, *, start="earliest"):
        assert group == f"g-proxies-{topic}"
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    def close(self):
        self.found = {}


def state(found=None, health=None, looked=(), **words):
    clock = FakeClock(NOON_MS)
    probe = ScriptedProbe({0: Place(5, 5, 6)} if found is None else found)
    deployment = Deployment(worker(), (), floods=(settings(**words),))
    return status_of(deployment, probe, {"proxies": looked}, health or {}, clock)


def view(*findings):
    return GatewayView("proxy-1", "gate.connection", NOON_MS - 4_000, {"established": 2100, "upstream": 2000}, findings)


def test_gateways_totals_and_floods_are_told():
    """Closed findings are not among them; what is well is not called wrong."""
    told = state(looked=[view(finding(), finding("f2", kind="closed"))], health={"proxies": {"topics": {"gate.connection": {"state": "running"}}, "bypass": {"entries": 3}}}, bypass={"file": "/tmp/b"})  # fmt: skip
    (watch,) = told["floods"]
    (gateway,) = watch["gateways"]
    assert (watch["wrong"], watch["bypass"]) == ([], {"file": "/tmp/b", "entries": 3})
    assert (gateway["heard_secs"], gateway["totals"]["upstream"], [each["id"] for each in gateway["findings"]]) == (
        4,
        2000,
        ["f1"],
    )
    lines = "\n".join(table_of(told))
    assert "proxies  gate.connection  running  0       0.0 s        -" in lines
    assert "proxy-1  gate.connection  4.0 s ago  2,100        2,000            1" in lines
    assert "f1       1.0 min  proxy-1: 1,800 connections to *.ticker.example" in lines
    assert "bypass *.ticker.example" in lines


def test_a_watch_that_is_behind_or_stands_still_is_wrong():
    """Its own message is told, that of its bypass file too."""
    health = {"topics": {"gate.connection": {"state": "waiting", "message": "no Kafka"}}, "bypass": {"state": "failed", "message": "no folder"}}  # fmt: skip
    told = state({0: Place(5, 9, 9, 5, NOON_MS - 300_000)}, {"proxies": health})
    assert told["floods"][0]["wrong"] == [
        "proxies/gate.connection is waiting: no Kafka",
        "proxies/gate.connection is 5.0 min behind, more than alert.lag.secs: see docs/guide/floods.md",
        "proxies/bypass is failed: no folder",
    ]
    assert (told["floods"][0]["topics"][0]["lag_records"], list(table_of(told))[-1]) == (
        4,
        "! proxies/bypass is failed: no folder",
    )


@pytest.mark.parametrize("error", [TemporaryError("no broker"), PermanentError("no rights")])
def test_what_kafka_does_not_say_is_told_once(error):
    """The lag and the gateways would only wait for the same answer."""
    assert state(error, looked=error)["floods"][0]["wrong"] == [str(error)]


def test_a_topic_that_does_not_exist_is_told():
    """Its connector makes it."""

    class Gone(ScriptedProbe):
        def places(self, group, topic, *, start="earliest"):
            return None

    deployment = Deployment(worker(), (), floods=(settings(),))
    told = status_of(deployment, Gone({}), {"proxies": ()}, {}, FakeClock())
    assert told["floods"][0]["wrong"] == ["proxies/gate.connection: topic 'gate.connection' does not exist (yet)"]


def test_a_kafka_that_is_away_is_asked_once():
    """However many topics are watched, who asks waits for one answer only, and each watch says what is wrong."""

    class Counting(ScriptedProbe):
        asked = 0

        def places(self, group, topic, *, start="earliest"):
            self.asked += 1
            raise self.found

    probe = Counting(TemporaryError("away"))
    watches = (settings(), settings(name="others"))
    told = status_of(Deployment(worker(), (), floods=watches), probe, {"proxies": (), "others": ()}, {}, FakeClock(NOON_MS))
    assert probe.asked == 1
    assert [watch["wrong"] for watch in told["floods"]] == [["away"], ["away"]]
