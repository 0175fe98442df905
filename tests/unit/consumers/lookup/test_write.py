"""Tests of files on disk: their bytes, their manifests, and when they are left alone."""

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from wellhead.consumers.lookup.durable import sweep
from wellhead.consumers.lookup.write import FileWriter, Wanted
from wellhead.errors import PermanentError

NAME = "anomali_threatstream_ip.csv"


class CrashError(Exception):
    """The process dies here."""


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def write(rig, ip, out):
    def write(*, limit=None, trust=True, step=lambda _: None):
        return FileWriter(rig.state.connection, out, step, memory=rig.state).write(Wanted(ip, rig.moment(), limit), trust=trust)

    return write


def inode(path: Path) -> int:
    return path.stat().st_ino


def test_a_file_is_utf_8_with_every_field_quoted(rig, known, write, out):
    """The bytes are what LogScale takes: no BOM, a header, quotes around everything, one width, no None."""
    rig.put(known.indicator(2, "192.0.2.2", source="Müller"), known.indicator(1, "192.0.2.1", confidence=-1))
    write()
    assert (out / NAME).read_bytes().decode("utf-8") == (
        '"destination.ip","confidence","threat_type","severity","source","tags","expiration_ts"\n'
        '"192.0.2.1","-1","","","","","9999-12-31T00:00:00.000Z"\n'
        '"192.0.2.2","","","","Müller","","9999-12-31T00:00:00.000Z"\n'
    )


def test_a_file_without_rows_is_its_header(rig, known, write, out):
    """A lookup that matches nothing is a file, not a missing file."""
    rig.put(known.indicator(1, "evil.example", ioc_type="domain"))
    assert write().manifest.rows == 0
    assert (out / NAME).read_text().count("\n") == 1


def test_the_manifest_tells_what_the_file_holds(rig, known, write, out):
    """Rows, bytes, digest, offsets and seq are those of the file beside it."""
    rig.put(known.indicator(1, "192.0.2.1", modified_ts=5_000), known.indicator(2, "192.0.2.2", expiration_ts=known.NOW_MS + 9))
    written = write()
    told = json.loads((out / f"{NAME}.manifest.json").read_text())
    content = (out / NAME).read_bytes()
    assert (told["rows"], told["bytes"], told["sha256"]) == (2, len(content), hashlib.sha256(content).hexdigest())
    assert told["source"] == {"topic": "t", "topic_id": "topic-id", "offsets": {"0": 2}, "seq": rig.state.seq(), "records": 2}
    assert (told["newest_ms"], told["valid_until_ms"], told["key"]) == (5_000, known.NOW_MS + 9, ["destination.ip"])
    assert written.manifest.files(out)[0].sha256 == told["sha256"]


def test_nothing_new_means_nothing_written(rig, known, write, out):
    """A second run without changes touches no file."""
    rig.put(known.indicator(1, "192.0.2.1"))
    assert write().changed
    before = inode(out / NAME), inode(out / f"{NAME}.manifest.json")
    rig.clock.advance(1)
    assert not write().changed
    assert (inode(out / NAME), inode(out / f"{NAME}.manifest.json")) == before


def test_a_change_elsewhere_renews_the_manifest_only(rig, known, write, out):
    """Rows that come out the same are not written again, but the manifest says what they are good for."""
    rig.put(known.indicator(1, "192.0.2.1"))
    write()
    before = inode(out / NAME)
    rig.put(known.indicator(2, "evil.example", ioc_type="domain"))
    written = write()
    assert (written.changed, inode(out / NAME)) == (False, before)
    assert written.manifest.source.offsets == {0: 2}


def test_time_alone_takes_an_expired_row_out(rig, known, write, out):
    """A file is looked at again when a row expires, though the topic is silent."""
    rig.put(known.indicator(1, "192.0.2.1"), known.indicator(2, "192.0.2.2", expiration_ts=known.NOW_MS + 60_000))
    assert write().manifest.rows == 2
    rig.clock.advance(59.999)
    assert not write().changed
    rig.clock.advance(0.001)
    assert write().manifest.rows == 1
    assert "192.0.2.2" not in (out / NAME).read_text()


@pytest.mark.parametrize("damage", ["gone", "cut", "no manifest", "foreign manifest"])
def test_a_file_that_is_not_whole_is_written_again(rig, known, write, out, damage):
    """Whatever happened to the folder, the next run mends it from the state."""
    rig.put(known.indicator(1, "192.0.2.1"))
    write()
    whole = (out / NAME).read_bytes()
    if damage == "gone":
        (out / NAME).unlink()
    elif damage == "cut":
        (out / NAME).write_bytes(whole[:-5])
    else:
        (out / f"{NAME}.manifest.json").write_text("" if damage == "no manifest" else '{"format": 1}')
    assert write().changed
    assert (out / NAME).read_bytes() == whole


def test_a_changed_byte_is_found_when_sizes_are_not_trusted(rig, known, write, out):
    """After a restart or a failed delivery digests count, not sizes."""
    rig.put(known.indicator(1, "192.0.2.1"))
    write()
    whole = (out / NAME).read_bytes()
    (out / NAME).write_bytes(whole.replace(b"192", b"193"))
    assert not write().changed
    assert write(trust=False).changed
    assert (out / NAME).read_bytes() == whole


@pytest.mark.parametrize("at", ["rows_written", "file_named", "manifest_written"])
def test_a_crash_at_any_step_leaves_the_old_file_or_the_new_one(rig, known, write, out, at):
    """Readers never see a part, and the next run needs nothing but the state."""
    rig.put(known.indicator(1, "192.0.2.1", confidence=50))
    write()
    old = (out / NAME).read_bytes()
    rig.put(known.indicator(1, "192.0.2.1", update_id=2, confidence=60))

    def crash(name):
        if name == at:
            raise CrashError

    with pytest.raises(CrashError):
        write(step=crash)
    seen = (out / NAME).read_bytes()
    sweep(out)
    write(trust=False)
    new = (out / NAME).read_bytes()
    assert b'"60"' in new
    assert len(old) == len(new)
    assert seen == (old if at == "rows_written" else new)
    assert sorted(path.name for path in out.iterdir()) == [NAME, f"{NAME}.manifest.json"]


def test_leftovers_of_a_kill_are_swept(out):
    """Half-written files do not pile up, and nothing else is touched."""
    (out / f".lookup-{NAME}.whole.tmp").write_text("half")
    (out / "mine.tmp").write_text("keep")
    assert sweep(out) == [f".lookup-{NAME}.whole.tmp"]
    assert [path.name for path in out.iterdir()] == ["mine.tmp"]


def test_a_file_above_the_limit_is_split_under_one_header(rig, known, write, out):
    """Parts together hold the rows once, in order, each below the limit and under its own header; the first keeps the name."""
    rig.put(*(known.indicator(at, f"192.0.2.{at}") for at in range(1, 51)))
    written = write(limit=1_024)
    files = written.manifest.files(out)
    assert [file.name for file in files[:2]] == [NAME, "anomali_threatstream_ip_2.csv"]
    found = []
    for file in files:
        content = file.path.read_bytes()
        assert len(content) == file.nbytes <= 1_024
        assert hashlib.sha256(content).hexdigest() == file.sha256
        rows = list(csv.DictReader(content.decode().splitlines()))
        assert len(rows) == file.rows
        found += [row["destination.ip"] for row in rows]
    assert found == sorted(f"192.0.2.{at}" for at in range(1, 51))
    assert not write(limit=1_024).changed


def test_parts_that_are_no_longer_needed_are_emptied(rig, known, write, out):
    """No row stays at a target in a part that nobody writes any more."""
    rig.put(*(known.indicator(at, f"192.0.2.{at}") for at in range(1, 51)))
    count = len(write(limit=1_024).manifest.parts)
    rig.put(gone=tuple(range(2, 51)))
    parts = write(limit=1_024).manifest.parts
    assert [part.rows for part in parts] == [1] + [0] * (count - 1)
    assert (out / parts[-1].file).read_text().count("\n") == 1


def test_a_row_above_the_limit_is_told(rig, known, write):
    """What cannot be split is refused with the size and the way on."""
    rig.put(known.indicator(1, "192.0.2.1", source="x" * 2_000))
    with pytest.raises(PermanentError, match="one row and the header have 2,"):
        write(limit=1_024)


def test_a_folder_without_rights_is_told(rig, known, ip, tmp_path):
    """The message names the folder and what to do."""
    rig.put(known.indicator(1, "192.0.2.1"))
    writer = FileWriter(rig.state.connection, tmp_path / "none", lambda _: None)
    with pytest.raises(Exception, match=r"the former file still stands|what stood there before still stands"):
        writer.write(Wanted(ip, rig.moment(), None), trust=True)


@pytest.mark.parametrize("order", [(), ("source",), ("confidence", "source")])
def test_each_key_comes_once_whatever_the_order(rig, known, ip, out, order):
    """Of the records that share a key the newest is the row, also where the file is sorted by other columns first; in that order."""
    sources = ("", "x", "é'", None)
    rig.put(*(known.indicator(at, f"192.0.2.{at % 80}", source=sources[at % 3], update_id=at) for at in range(1, 100)))
    loaded = replace(ip, mapping=ip.mapping.model_copy(update={"order": order}))
    FileWriter(rig.state.connection, out, lambda _: None).write(Wanted(loaded, rig.moment(), None), trust=True)
    rows = list(csv.DictReader((out / NAME).read_text().splitlines()))
    newest = {f"192.0.2.{at % 80}": sources[at % 3] for at in range(1, 100)}
    assert {row["destination.ip"]: row["source"] for row in rows} == newest
    assert len(rows) == len(newest)
    assert rows == sorted(rows, key=lambda row: [row[name].encode() for name in (*order, "destination.ip")])
