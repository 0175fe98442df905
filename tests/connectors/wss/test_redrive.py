"""A line that was rejected is read again under the header line it stood under, with the options of today."""

import asyncio

import pytest

from connectors.wss import simulator as wss
from connectors.wss.decode import decode
from connectors.wss.source import WssConfig, connector, read_again
from wellhead import Reject
from wellhead.testing.clock import FakeClock
from wellhead.testing.drive import Drained, Driver
from wellhead.testing.server import serve

CONFIG = WssConfig(username="u", password="p")
HEAD = b"#Fields: date time cs-host sc-bytes x-of-our-own\n"


def rejected(line: bytes, **options: int) -> Reject:
    (reject,) = decode(b"#Software: x\n" + HEAD + line + b"\n", None, **options).rejects
    return reject


def test_a_line_that_was_too_long_is_a_record_once_lines_may_be_longer():
    """Every field is read by the header of its member, one nobody knows included."""
    reject = rejected(b"2026-05-01 10:00:00 a.example 17 " + b"x" * 5000, max_line_bytes=4096)
    batch = read_again(CONFIG, "access_log", reject)
    (row,) = batch.table.to_pylist(maps_as_pydicts="lossy")
    assert (row["cs_host"], row["sc_bytes"]) == ("a.example", 17)
    assert row["extensions"] == {"x-of-our-own": "x" * 5000}
    assert not batch.rejects


def test_a_line_in_another_encoding_is_a_record_once_it_is_named():
    """The fallback encoding of today counts."""
    reject = rejected("2026-05-01 10:00:00 \x81.example 17 -".encode("latin-1"), fallback="ascii")
    table = read_again(CONFIG.model_copy(update={"fallback_encoding": "latin-1"}), "access_log", reject).table
    assert table.column("cs_host").to_pylist() == ["\x81.example"]


@pytest.mark.parametrize("line", [b"2026-05-01 10:00:00 a", b'2026-05-01 10:00:00 "a 1 2', b"2026-13-01 10:00:00 a 1 -"])
def test_a_broken_line_is_the_same_reject_again(line):
    """What is wrong still comes back with its bytes, its reason and what it stood under."""
    reject = rejected(line)
    assert reject.context == HEAD.strip()
    again = read_again(CONFIG, "access_log", reject)
    assert (list(again.rejects), again.table.num_rows) == ([reject], 0)


def test_a_line_without_a_header_is_never_guessed():
    """Where no #Fields line stood before it, none is made up."""
    (reject,) = decode(b"2026-05-01 10:00:00 a 1 -\n", None).rejects
    assert reject.context == b""
    assert read_again(CONFIG, "access_log", reject).rejects == [reject]


def test_a_line_beyond_a_chunk_is_marked_as_cut():
    """Of a line that does not fit into a chunk only the beginning is kept, and the reject says so."""
    clock = FakeClock(auto=True)
    simulator = wss.create(wss.Settings(rows=20, hours=1, faults=("long_line:1",)), clock=clock)
    with serve(simulator) as url:
        options = simulator.options(url) | {"chunk_bytes": 1 << 16, "quiet_secs": 0}
        config = connector.config.model_validate(options).model_copy(update={"chunk_bytes": 8192, "max_line_bytes": 4096})
        drained: Drained = asyncio.run(Driver(connector, connector.streams[0], config, clock).drain())
    (kept,) = drained.kept
    assert (kept.cut, len(kept.raw)) == (True, 4096)
