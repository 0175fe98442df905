"""Proves what documents say, in which month they stand and which of two is newer."""

import json

import pyarrow as pa
import pytest

from wellhead.consumers.attacks.documents import attack_document, attack_documents, hit_documents, version_of
from wellhead.consumers.attacks.rules import load_rules

NAME = "202602:0123456789abcdef01234567"
HELD = {
    "f": 1_770_109_501_000,
    "l": 1_770_109_502_000,
    "n": 3,
    "u": 1,
    "o": 12,
    "cl": "42",
    "r": "basic.1",
    "v": {"type": "sqli", "parameter": None, "domain": "a.example", "path": False, "method": "GET"},
    "c": {"NL": 1, "US": 2},
    "s": {"200": 1, "403": 1},
    "b": {"blocked": 3},
    "ic": 2,
    "ips": {"192.0.2.2": [1, "NL"], "192.0.2.1": [1, None], "192.0.2.3": [5, "US"]},
    "st": "open",
}


@pytest.fixture
def rules():
    return load_rules(["wallarm/basic"])


def test_an_attack_says_what_its_hits_have_in_common(rules):
    """What differs is named and null; senders and countries come with most first, and by name where they are as many."""
    told = attack_document(NAME, HELD, rules, epoch=0)
    assert (told["type"], told["parameter"], told["path"], told["multiple"]) == ("sqli", None, None, ["path"])
    assert [(each["ip"], each["count"]) for each in told["ip_top"]] == [("192.0.2.3", 5), ("192.0.2.1", 1), ("192.0.2.2", 1)]
    assert told["status_codes"] == [{"code": 200, "count": 1}, {"code": 403, "count": 1}]
    assert told["country_top"][0] == {"country": "US", "count": 2}
    documents = attack_documents([told], {})
    assert (documents.months, documents.versions) == (["2026.02"], [24])
    assert json.loads(documents.bodies[0]) == told


def test_versions_grow_with_hits_closing_and_epochs():
    """A closed attack is newer than its last hit and older than any further one; a later epoch is newer than all of an earlier."""
    assert version_of(0, 12) < version_of(0, 12, closed=True) < version_of(0, 13)
    assert version_of(0, 10**11) < version_of(1, 1)


def test_a_hit_keeps_its_columns_and_those_without_values_are_left_out(rules):
    """Times are epoch milliseconds, lists are lists, a map is an object; text with quotes, line breaks and beyond ASCII stays what it is."""
    nasty = 'a "quoted"\nline, "x":null, \u2028 and ü'
    kind = pa.schema(
        [
            ("id", pa.string()),
            ("time", pa.timestamp("ms", "UTC")),
            ("value", pa.string()),
            ("path", pa.string()),
            ("point", pa.list_(pa.string())),
            ("extensions", pa.map_(pa.string(), pa.string())),
        ]
    )
    rows = [
        {"id": "h1", "time": 1_770_109_501_123, "value": nasty, "point": ["get", nasty], "extensions": [("new", nasty)]},
        {"id": "h2", "time": 1_772_323_199_999, "point": []},
    ]
    documents = hit_documents(pa.RecordBatch.from_pylist(rows, kind), [NAME, NAME], [5, 6], [[], []], rules, epoch=0)
    first, second = (json.loads(body) for body in documents.bodies)
    assert first == {
        "id": "h1",
        "time": 1_770_109_501_123,
        "value": nasty,
        "point": ["get", nasty],
        "extensions": {"new": nasty},
        "attack_id": NAME,
        "rule": "basic",
    }
    assert (second["value"], "path" in second, second["point"]) == (None, False, [])
    assert (documents.ids, documents.months, documents.versions) == (["h1", "h2"], ["2026.02", "2026.02"], [10, 12])
