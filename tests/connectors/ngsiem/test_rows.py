"""Cutting changed rows into parts."""

from __future__ import annotations

import csv
import io

import pytest

from connectors.ngsiem.rows import parts_of
from wellhead.errors import PermanentError

ROWS = [
    ["192.0.2.1", "plain"],
    ["192.0.2.2", 'two\nlines, "quoted"\n'],
    ["192.0.2.3", '""'],
    ["192.0.2.4", "\n\n"],
    ["192.0.2.5", ""],
]


@pytest.fixture(params=["\n", "\r\n"], ids=["lf", "crlf"])
def path(tmp_path, request):
    """A CSV whose values hold line ends and quotes; the last row has no line end."""
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator=request.param).writerows([["ip", "note"], *ROWS])
    made = tmp_path / "changes.csv"
    made.write_bytes(out.getvalue().removesuffix(request.param).encode())
    return made


def test_every_size_gives_whole_rows_under_their_header(path):
    """Whatever the size, the parts hold each row once, in order, and none is larger."""
    for max_bytes in range(60, 250):
        parts = [part.read() if part.seek(0) == 0 else b"" for part in parts_of(path, max_bytes)]
        assert all(len(part) <= max_bytes for part in parts)
        read = [list(csv.reader(io.StringIO(part.decode(), newline=""), strict=True)) for part in parts]
        assert all(rows[0] == ["ip", "note"] and len(rows) > 1 for rows in read)
        assert [row for rows in read for row in rows[1:]] == ROWS
    assert len(parts) == 1


def test_a_row_larger_than_a_part_is_told(path):
    """With its size, and the option to raise."""
    with pytest.raises(PermanentError, match=r"a row of 3\d bytes does not fit into ngsiem.patch_max_bytes \(40\)"):
        list(parts_of(path, 40))


def test_no_rows_are_no_parts(tmp_path):
    """A header alone is not sent."""
    (tmp_path / "empty.csv").write_text("ip,note\n")
    assert list(parts_of(tmp_path / "empty.csv", 100)) == []
