"""Tests of a file that is made of the former one and what changed since: always the bytes a file written whole would have."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from wellhead.consumers.lookup import mend as module
from wellhead.consumers.lookup import write as writing
from wellhead.consumers.lookup.mend import Block, key_of
from wellhead.consumers.lookup.write import FileWriter, Wanted

NAME = "anomali_threatstream_ip.csv"
RECORD = st.tuples(
    st.integers(1, 9),
    st.sampled_from(["a", 'a"', 'a","', '"', "b", "b c", "é", "z"]),
    st.sampled_from([None, "x", '"y",']),
    st.sampled_from(["put", "put", "gone", "elsewhere", "expires"]),
)


@pytest.fixture
def mends(monkeypatch):
    """Small files are mended, too, in small blocks; gives what came of each attempt."""
    tried = []

    def spied(*words):
        tried.append(module.mend(*words))
        return tried[-1]

    monkeypatch.setattr(writing, "MEND_RATIO", 100.0)
    monkeypatch.setattr(module, "_BLOCK_BYTES", 100)
    monkeypatch.setattr(module, "_NEAR", 1)
    monkeypatch.setattr(writing, "mend", spied)
    return tried


def written(rig, folder: Path, loaded=None, *, memory=True, limit=None, trust=True):
    folder.mkdir(exist_ok=True)
    writer = FileWriter(rig.state.connection, folder, lambda _: None, memory=rig.state if memory else None)
    return writer.write(Wanted(loaded or rig.mappings[0], rig.moment(), limit), trust=trust).manifest


def same_as_whole(rig, folder: Path, number: int) -> bool:
    mended, whole = written(rig, folder / "mended", limit=300), written(rig, folder / f"whole{number}", memory=False)
    return (mended.rows, mended.sha256, mended.valid_until_ms) == (whole.rows, whole.sha256, whole.valid_until_ms)


@given(history=st.lists(st.lists(RECORD, max_size=5), min_size=2, max_size=5))
@settings(
    max_examples=20,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_mended_file_is_the_one_that_would_be_written_whole(tmp_path_factory, known, ip, mends, history):
    """Rows that come, change, share a key, move to another, end and expire; keys with quotes and commas; files in parts."""
    folder, number = tmp_path_factory.mktemp("mended"), 0
    rig = known.Rig(folder, ip)
    rig.put(*(known.indicator(at, f"m{at}", update_id=1) for at in range(20, 60)))
    try:
        assert same_as_whole(rig, folder, -1)
        for turn, records in enumerate(history):
            for key, value, source, kind in records:
                number += 1
                if kind == "gone":
                    rig.put(gone=(key,))
                    continue
                life = {"expiration_ts": rig.clock.now_ms() + 90_000} if kind == "expires" else {}
                kind_of = "domain" if kind == "elsewhere" else "ip"
                rig.put(known.indicator(key, value, ip=None, update_id=number, source=source, ioc_type=kind_of, **life))
            rig.clock.advance(60)
            assert same_as_whole(rig, folder, turn)
        assert None not in mends
    finally:
        rig.state.close()


def test_few_changes_mend_a_file(rig, known, mends, tmp_path):
    """A changed, a new and an ended row are put where they belong in a file of many blocks."""
    rig.put(*(known.indicator(at, f"192.0.2.{at}") for at in range(10, 90)))
    written(rig, tmp_path / "out")
    rig.put(
        known.indicator(50, "192.0.2.50", update_id=900, source="new"), known.indicator(99, "192.0.2.99"), gone=(10, 89, 40)
    )
    found = written(rig, tmp_path / "out")
    rows = list(csv.DictReader((tmp_path / "out" / NAME).read_text().splitlines()))
    assert [mended.rows for mended in mends] == [78]
    assert found.rows == len(rows) == 78
    assert [row["destination.ip"] for row in rows] == [f"192.0.2.{at}" for at in range(11, 89) if at != 40] + ["192.0.2.99"]
    assert [row["destination.ip"] for row in rows if row["source"] == "new"] == ["192.0.2.50"]


def test_a_damaged_former_file_is_not_built_upon(rig, known, mends, tmp_path):
    """Mending looks at every byte it takes over: one that changed on disk means the whole file from the state."""
    rig.put(*(known.indicator(at, f"192.0.2.{at}") for at in range(10, 90)))
    written(rig, tmp_path / "out")
    path = tmp_path / "out" / NAME
    path.write_bytes(path.read_bytes().replace(b"192.0.2.30", b"192.0.2.3x"))
    rig.put(known.indicator(99, "192.0.2.99"))
    written(rig, tmp_path / "out")
    assert mends == [None]
    assert b"192.0.2.3x" not in path.read_bytes()
    assert path.read_bytes().count(b"\n") == 82


@pytest.mark.parametrize("why", ["cleared", "no note", "other file's note", "clock back", "mapping", "ordered", "beyond floor"])
def test_a_file_that_the_state_does_not_know_is_written_whole(rig, known, mends, tmp_path, monkeypatch, why):  # noqa: PLR0917
    """Only the very file that this state was the last to write is mended, by the same mapping, and forward in time."""
    rig.put(*(known.indicator(at, f"192.0.2.{at}") for at in range(10, 90)))
    written(rig, tmp_path / "out")
    (ip,) = rig.mappings
    loaded, note = ip, rig.state.note(f"written:{NAME}")
    assert note is not None
    if why == "cleared":
        rig.state.clear()
    elif why == "no note":
        rig.state.write_note(f"written:{NAME}", None)
    elif why == "other file's note":
        rig.state.write_note(f"written:{NAME}", {**note, "sha256": "0" * 64})
    elif why == "clock back":
        rig.clock.advance(-60)
    elif why == "mapping":
        loaded = replace(ip, digest="other")
    elif why == "ordered":
        loaded = replace(ip, mapping=ip.mapping.model_copy(update={"order": ("source",)}))
    else:
        monkeypatch.setattr("wellhead.consumers.lookup.state.FORMER_ROWS", 0)
    rig.put(known.indicator(10, "192.0.2.99", update_id=900))
    written(rig, tmp_path / "out", loaded)
    rows = list(csv.DictReader((tmp_path / "out" / NAME).read_text().splitlines()))
    expected = {f"192.0.2.{at}" for at in (range(99, 100) if why == "cleared" else [*range(11, 90), 99])}
    assert {row["destination.ip"] for row in rows} == expected
    assert mends == []


def test_many_changes_write_the_whole_file(rig, known, tmp_path, monkeypatch):
    """Above a share of the file it is written whole."""
    monkeypatch.setattr(writing, "mend", lambda *_: pytest.fail("mended"))
    rig.put(*(known.indicator(at, f"192.0.2.{at}") for at in range(10, 20)))
    written(rig, tmp_path / "out")
    rig.put(*(known.indicator(at, f"192.0.2.{at}", update_id=900) for at in range(10, 13)))
    assert written(rig, tmp_path / "out").rows == 10


def test_keys_are_found_in_any_line():
    """The first field, with quotes and commas in it, alone in its line or not."""
    lines = {b'"a","b"\n': b"a", b'"a"",""b","c"\n': b'a","b', b'"a"\n': b"a", b'"""",""\n': b'"', b'"",""\n': b""}
    assert [key_of(line) for line in lines] == list(lines.values())
    block = Block(b"".join(lines))
    assert [block.key(number) for number in range(block.count)] == list(lines.values())
