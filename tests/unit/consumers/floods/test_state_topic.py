"""Tests of what the state topic holds of a partition."""

import base64
import gzip
import json
import random

import pyarrow as pa
import pytest
from watchable import NOON_MS, SOURCE, Counter, finding

from wellhead.consumers.floods.state_topic import Kept, Key, Position, records_of
from wellhead.consumers.floods.watching import PartitionWatch


@pytest.fixture
def watch():
    made = PartitionWatch(SOURCE, Counter, 7)
    table = {"gateway": ["a", "b/é"], "number": [12, 3]}
    made.take(pa.RecordBatch.from_pydict(table), [NOON_MS, NOON_MS + 5], 9, 100.0)
    return made


def written(watch):
    return {Key.read(key): value for key, value in records_of(watch, "gate.connection", 3, "g")}


def kept(found):
    gateways = {key.gateway: value for key, value in found.items() if key.what == "gateway"}
    detectors = {}
    for key in sorted(each for each in found if each.what == "detector"):
        detectors.setdefault(key.gateway, []).append(found[key])
    position = Position(**json.loads(found[Key("position", "gate.connection", 3)]))
    return Kept(position, gateways, detectors)


def test_who_reads_it_knows_the_same(watch):
    """Detectors, findings, the offset: everything but what was news."""
    found = written(watch)
    assert [key.what for key in found][-1] == "position"
    again = PartitionWatch(SOURCE, Counter, 9)
    kept(found).fill(again, 200.0)
    assert kept(found).position == Position(9, NOON_MS + 5, "g")
    assert {name: each.detector.sum for name, each in again.gateways.items()} == {"a": 12, "b/é": 3}
    assert {name: each.findings for name, each in again.gateways.items()} == {
        name: each.findings for name, each in watch.gateways.items()
    }
    assert {name: (each.last_ms, each.heard_secs) for name, each in again.gateways.items()} == {
        "a": (NOON_MS, 200.0),
        "b/é": (NOON_MS + 5, 200.0),
    }
    assert (again.watermark_ms, again.pending, again.moved) == (NOON_MS + 5, [], False)


def test_only_what_changed_is_written_and_the_gone_is_taken_out(watch):
    """Every transaction says where the partition stands."""
    watch.written()
    watch.gone["old"] = 1
    assert written(watch) == {
        Key("gateway", "gate.connection", 3, "old"): None,
        Key("detector", "gate.connection", 3, "old"): None,
        Key("position", "gate.connection", 3): b'{"next":9,"watermark_ms":1770120000005,"group":"g"}',
    }


def test_a_state_that_a_detector_does_not_know_is_refused(watch):
    """It is of another gateway, or of another version: to guess would be wrong."""
    found = written(watch)
    found[Key("detector", "gate.connection", 3, "a")] = gzip.compress(b'{"gateway": "z", "sum": 1}')
    with pytest.raises(ValueError, match="this state is of z"):
        kept(found).fill(PartitionWatch(SOURCE, Counter, 9), 0.0)


DAMAGES = {
    "torn": lambda text: gzip.compress(text)[:-9],
    "not compressed": lambda text: text,
    "a bit is wrong": lambda text: gzip.compress(text)[:14] + b"\xff" + gzip.compress(text)[15:],
    "not JSON": lambda _: gzip.compress(b"{"),
    "a list": lambda _: gzip.compress(b"[]"),
    "of another version": lambda _: gzip.compress(b'{"gateway": "a"}'),
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_state_is_refused_as_one_that_is_not_known(watch, damage):
    """Whatever reading it runs into: the watch begins anew instead of dying again at every start."""
    found = written(watch)
    found[Key("detector", "gate.connection", 3, "a")] = DAMAGES[damage](b'{"gateway": "a", "sum": 12}')
    with pytest.raises(ValueError, match="gateway 'a': "):
        kept(found).fill(PartitionWatch(SOURCE, Counter, 9), 0.0)
    del found[Key("detector", "gate.connection", 3, "a")]
    with pytest.raises(ValueError, match="gateway 'a': "):
        kept(found).fill(PartitionWatch(SOURCE, Counter, 9), 0.0)


def test_what_was_open_in_a_state_that_cannot_be_read_is_closed(watch):
    """Nobody would ever say that it ended; what had closed, and what cannot be read at all, is left."""
    watch.gateways["a"].findings = {"f1": finding(version=4), "f2": finding("f2", kind="closed", reason="below")}
    found = written(watch)
    found[Key("gateway", "gate.connection", 3, "b/é")] = b"{"
    assert kept(found).ended() == [finding(version=5, kind="closed", reason="silent")]


@pytest.mark.parametrize(
    "key", [None, b"", b"{", b"7", b'["position"]', b'["other", "t", 1]', b'["detector", "t", 1, "g", "x"]']
)
def test_a_record_of_somebody_else_tells_nothing(key):
    """A key that is none of ours is passed over."""
    assert Key.read(key) is None


def test_a_large_state_is_cut_into_parts_that_any_broker_takes(watch):
    """Each record is below a megabyte; who reads them knows the same, and parts that are no longer filled, or of the gone, are taken out."""
    text = base64.b85encode(random.Random(1).randbytes(2_500_000)).decode()
    watch.gateways["a"].detector.more = text
    found = written(watch)
    parts = [key for key in found if key.what == "detector" and key.gateway == "a"]
    assert [key.part for key in parts] == [0, 1, 2]
    assert max(len(value or b"") for value in found.values()) <= 900_000
    again = PartitionWatch(SOURCE, Counter, 9)
    kept(found).fill(again, 200.0)
    assert (again.gateways["a"].detector.more, again.gateways["a"].parts) == (text, 3)
    again.gateways["a"].detector.more = ""
    again.gateways["a"].changed = True
    smaller = written(again)
    assert [smaller[key] is None for key in parts] == [False, True, True]
    again.gone["a"] = 3
    assert [written(again)[key] for key in parts] == [None, None, None]
