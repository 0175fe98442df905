"""Proves what of a hit grouping looks at, and which hits cannot be grouped."""

import pyarrow as pa
import pytest

from wellhead.consumers.attacks.hits import HitReader, key_text
from wellhead.consumers.attacks.rules import load_rules

TYPES = pa.schema(
    [
        ("id", pa.string()),
        ("client_id", pa.int64()),
        ("time", pa.timestamp("ms", "UTC")),
        *(
            (name, pa.string())
            for name in ("type", "parameter", "domain", "path", "method", "ip", "remote_country", "block_status")
        ),
        ("status_code", pa.int32()),
    ]
)


def batch(*rows):
    return pa.RecordBatch.from_pylist([{"id": "h", "client_id": 1, "time": 5, "type": "sqli", **row} for row in rows], TYPES)


@pytest.fixture
def reader() -> HitReader:
    return HitReader(load_rules(["wallarm/basic", "wallarm/by_source_ip"]))


def test_hits_of_one_thing_share_a_key_and_others_do_not(reader):
    """Client, type, parameter, domain and path make the key, whatever the sender; nothing and an empty text are two things."""
    rows = [{"ip": "192.0.2.1"}, {"ip": "192.0.2.2", "method": "GET"}, {"path": ""}, {"client_id": 2}, {"type": "xss"}]
    columns = reader.read(batch(*rows), range(10, 15), [7] * 5).columns
    assert columns["g"] == [1, 1, 2, 3, 4]
    assert len(set(columns["keys"])) == 4
    assert (columns["o"], columns["t"]) == ([10, 11, 12, 13, 14], [5] * 5)
    assert columns["keys"][0] == key_text("basic.1", 1, ("sqli", None, None, None))


def test_the_burst_rule_leaves_its_exceptions_and_the_nameless_alone(reader):
    """It looks at a hit only where there is a sender and the type is none of its exceptions."""
    rows = [{"ip": "192.0.2.1"}, {"ip": None}, {"ip": "192.0.2.1", "type": "brute"}]
    assert reader.read(batch(*rows), range(3), [1] * 3).columns["x"] == [1, 0, 0]


def test_a_hit_without_its_client_is_told_of_and_left_out(reader):
    """The others keep their order and their offsets."""
    rows = [{"path": "/a"}, {"client_id": None}, {"path": "/c"}]
    hits = reader.read(batch(*rows), [4, 6, 9], [1, 2, 3])
    assert hits.bad == {1: "client_id is missing, so it cannot be grouped"}
    assert (list(hits.kept), hits.columns["o"], hits.columns["k"]) == ([0, 2], [4, 9], [1, 3])
