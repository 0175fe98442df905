"""Tests of looking at the state topic without being in its group."""

from dataclasses import asdict

import orjson
from watchable import NOON_MS, finding

from wellhead.consumers.floods.known import Known
from wellhead.consumers.floods.state_topic import Key


class Written:
    """A message of the state topic."""

    def __init__(self, key, value):
        self._key, self._value = key, value

    def key(self):
        return self._key.text()

    def value(self):
        return self._value


def gateway(name, *findings, topic="t"):
    told = {"last_ms": NOON_MS, "totals": {"upstream": 3}, "findings": [asdict(each) for each in findings]}
    return Written(Key("gateway", topic, 0, name), orjson.dumps(told))


def test_the_newest_record_of_each_gateway_counts():
    """Detectors' own records and positions are passed over, a gateway that was forgotten is gone."""
    known = Known()
    late = finding("f2", since_ms=NOON_MS)
    known.take(
        [
            gateway("b", finding()),
            gateway("a"),
            Written(Key("detector", "t", 0, "a"), b"\x1f\x8b"),
            Written(Key("position", "t", 0), b"{}"),
            gateway("b", late, finding("f1"), finding("f0", kind="closed")),
            gateway("c"),
            Written(Key("gateway", "t", 0, "c"), None),
            Written(Key("gateway", "t", 0, "d"), None),
            gateway("a", topic="s"),
        ]
    )
    assert [(each.gateway, each.topic) for each in known.gateways] == [("a", "s"), ("a", "t"), ("b", "t")]
    assert [each.id for each in known.gateways[2].open] == ["f1", "f2"]
    assert [each.id for each in known.findings()] == ["f2", "f1", "f0"]
