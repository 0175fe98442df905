"""Tests of reading the lines of an access log."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from wellhead.avro import schema as schemas
from wellhead.consumers.floods.access import LENGTH_MAX_MS, lines_of, with_families
from wellhead.consumers.floods.families import family_of

NOON_MS = 1_770_120_000_000
RECORD = schemas.load("webgateway.access_log").arrow


def batch(*lines: dict[str, Any]) -> pa.RecordBatch:
    """Records of the real schema."""
    return pa.RecordBatch.from_pylist([{name: line.get(name) for name in RECORD.names} for line in lines], schema=RECORD)


def test_a_line_is_read_by_the_columns_of_its_schema():
    """When it ended, how long it took, what moved, which host was asked by whom, and where that is."""
    line = {"time": NOON_MS, "duration_ms": 90_000, "url_domain": "p1.ticker.example", "client_ip": "172.16.0.9"}
    line |= {"server_ip": "198.51.100.7", "bytes_to_client": 400, "bytes_from_client": 60}
    assert lines_of(batch(line)).rows(named=True) == [
        {
            "end": NOON_MS,
            "length": 90_000,
            "moved": 460,
            "host": "p1.ticker.example",
            "client": "172.16.0.9",
            "address": "198.51.100.7",
        }
    ]


def test_nothing_is_made_up_that_a_log_does_not_tell():
    """Bytes that are not told are not zero, for a long request would look idle; one of the two is what moved at least."""
    lines = lines_of(batch({"time": NOON_MS}, {"time": NOON_MS, "bytes_to_client": 7}))
    assert lines["moved"].to_list() == [None, 7]
    assert lines["length"].to_list() == [None, None]


def test_records_of_an_earlier_version_lack_columns():
    """A topic that does not have them is read all the same."""
    early = batch({"time": NOON_MS, "url_domain": "a.example"}).select(["time", "url_domain"])
    assert lines_of(early).rows() == [(NOON_MS, None, None, "a.example", None, None)]


def test_a_length_is_at_most_a_week_and_never_negative():
    """What a broken log says counts no longer than that."""
    lines = lines_of(batch({"time": NOON_MS, "duration_ms": 1 << 50}, {"time": NOON_MS, "duration_ms": -5}))
    assert lines["length"].to_list() == [LENGTH_MAX_MS, 0]


def test_without_a_host_a_line_is_of_its_address():
    """And without either of nothing that is known."""
    lines = lines_of(batch({"time": NOON_MS, "server_ip": "198.51.100.7"}, {"time": NOON_MS}))
    assert with_families(lines, lambda host: family_of(host).name)["family"].to_list() == ["198.51.100.7", "unknown"]
