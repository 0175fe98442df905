"""The benchmarks' data is what their contestants take it for."""

import csv
import zlib
from pathlib import Path

import numpy as np

from benchmarks.corpus import FIELDS, TRAILER, Corpus, lines_of, write
from benchmarks.elff import CHECKED_ROWS, sampled
from benchmarks.memory import repeat
from connectors.wss.position import Position
from connectors.wss.reading import Limits, Reading
from connectors.wss.trailer import tail_of, trailer_in

NOW_SECS = 1_767_225_600.0
LIMITS = Limits(1 << 20, 1 << 16, "latin-1")


def records(archive: Path) -> list[dict[str, object]]:
    reading = Reading(archive, Position(), LIMITS)
    rows: list[dict[str, object]] = []
    while (piece := reading.next_piece()) is not None:
        assert not piece.rejects
        rows += piece.table.to_pylist() if piece.table is not None else []
    reading.close()
    return [{name: held for name, held in row.items() if held is not None} for row in rows]


def test_every_form_holds_the_same_rows(tmp_path: Path) -> None:
    """The plain text, the gzip members and the vendor's archive hold the same rows in the same order."""
    data = write(2 * CHECKED_ROWS, tmp_path, members=3, now_secs=NOW_SECS)
    unpacked = b""
    packed = data.packed.read_bytes()
    while packed:
        member = zlib.decompressobj(31)
        unpacked += member.decompress(packed)
        packed = member.unused_data
    lines = [line for line in unpacked.splitlines() if not line.startswith(b"#")]
    assert lines == data.text.read_bytes().splitlines()
    assert len(lines) == data.rows
    found = records(data.archive)
    assert len(found) == data.rows
    assert found[::CHECKED_ROWS] == list(sampled(data))


def test_the_archive_ends_in_a_trailer_that_says_done(tmp_path: Path) -> None:
    """One request is enough: the product stops after it."""
    data = write(10, tmp_path, members=1, now_secs=NOW_SECS)
    trailer = trailer_in(tail_of(data.archive), data.archive.stat().st_size)
    assert trailer is not None
    assert trailer.status == "done"
    assert trailer.archive_bytes == data.archive.stat().st_size - len(TRAILER)


def test_a_line_is_as_long_and_as_varied_as_the_vendors(tmp_path: Path) -> None:
    """Lines have 26 values in 350 to 384 bytes on average and shrink five- to sixfold, so nobody profits from repetition."""
    text = lines_of(20_000, int(NOW_SECS), np.random.default_rng(1))
    lines = text.decode().splitlines()
    assert all(len(row) == len(FIELDS.split()) for row in csv.reader(lines[:500], delimiter=" "))
    assert 350 <= len(text) / len(lines) <= 384
    assert 4.5 <= len(text) / len(zlib.compress(text, 6)) <= 6
    assert len(set(lines)) == len(lines)


def test_the_same_seed_gives_the_same_lines() -> None:
    """Two runs measure the same bytes."""
    first, second, other = (lines_of(50, int(NOW_SECS), np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert first == second != other


def test_a_repeated_archive_holds_every_repetition(tmp_path: Path) -> None:
    """The huge archive is real work: each repetition is read as rows of its own."""
    data = write(20, tmp_path / "member", members=2, now_secs=NOW_SECS)
    held_bytes = repeat(data, 5, tmp_path / "huge.bin")
    assert held_bytes == 5 * data.text_bytes
    assert len(records(tmp_path / "huge.bin")) == 100


def test_a_corpus_survives_the_way_between_processes(tmp_path: Path) -> None:
    """What the writing process prints is what the measuring one reads."""
    data = write(3, tmp_path, members=1, now_secs=NOW_SECS)
    assert Corpus.from_json(data.as_json()) == data
