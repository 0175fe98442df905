"""A truth file holds every record, in either format."""

from __future__ import annotations

import base64
import json

import pyarrow.parquet as pq

from wellhead.testing.truth import write_truth


def test_json_lines_hold_all_there_is_to_know(toy, tmp_path):
    """Each line is one record; bytes are base64; absent things are absent."""
    path = tmp_path / "deep" / "truth.jsonl"
    assert write_truth(toy().truth(), path) == {"record": 1, "broken": 1}
    record, broken = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert record == {
        "stream": "items",
        "tenant": "toy",
        "kind": "record",
        "identity": ["1", "é"],
        "values": {"name": "é", "size": None},
    }
    assert base64.b64decode(broken["raw_base64"]) == b"\xff\x00"
    assert list(path.parent.iterdir()) == [path]


def test_parquet_holds_the_same(toy, tmp_path):
    """The same records, with the bytes as bytes and the values as JSON."""
    path = tmp_path / "truth.parquet"
    write_truth(toy(faults=["odd"]).truth(values=False), path)
    record, broken = pq.read_table(path).to_pylist()
    assert (record["identity"], record["values"], record["quirk"]) == (["1", "é"], "{}", "odd")
    assert (broken["kind"], broken["raw"], broken["identity"]) == ("broken", b"\xff\x00", [])
