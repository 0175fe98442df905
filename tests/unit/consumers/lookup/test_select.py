"""Tests of the rows a mapping makes of a state, read back from the CSV it becomes."""

import csv

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wellhead.consumers.lookup.mappings import load_mapping
from wellhead.consumers.lookup.select import Select, literal, quoted


def rows(rig, loaded, path, now_ms=None):
    query = Select(loaded.mapping, loaded.types).rows(rig.clock.now_ms() if now_ms is None else now_ms)
    rig.state.connection.execute(f"COPY ({query}) TO '{path}' (FORMAT csv, HEADER, FORCE_QUOTE *)")
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_row_has_the_documented_columns(rig, known, ip, tmp_path):
    """The header is the documented one, in order; null is nothing, tags stand in one field, times as the vendor writes them."""
    rig.put(
        known.indicator(
            1, "203.0.113.77", ip="203.0.113.77", confidence=92, threat_type="c2", severity="very-high", source="Feed"
        ),
        known.indicator(2, "203.0.113.78", tags=["botnet", "c2"], expiration_ts=1_800_000_000_500),
    )
    assert rows(rig, ip, tmp_path / "x.csv") == [
        {
            "destination.ip": "203.0.113.77",
            "confidence": "92",
            "threat_type": "c2",
            "severity": "very-high",
            "source": "Feed",
            "tags": "",
            "expiration_ts": "9999-12-31T00:00:00.000Z",
        },
        {
            "destination.ip": "203.0.113.78",
            "confidence": "",
            "threat_type": "",
            "severity": "",
            "source": "",
            "tags": "botnet,c2",
            "expiration_ts": "2027-01-15T08:00:00.500Z",
        },
    ]


def test_tags_with_commas_can_be_told_apart_again(rig, known, ip, tmp_path):
    """A comma inside a tag is escaped, so a reader gets back the very tags."""
    tags = ["a,b", "c\\d", "e", 'f "g"']
    rig.put(known.indicator(1, "192.0.2.1", tags=tags))
    (row,) = rows(rig, ip, tmp_path / "x.csv")
    assert row["tags"] == 'a\\,b,c\\\\d,e,f "g"'
    assert _split(row["tags"]) == tags


def _split(text):
    parts, escaped = [""], False
    for char in text:
        if escaped or char not in "\\,":
            parts[-1] += char
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            parts.append("")
    return parts


def test_the_newest_of_a_key_stands_there(rig, known, ip, tmp_path):
    """Of several indicators with one value the highest update_id counts, as a number."""
    rig.put(
        known.indicator(1, "192.0.2.1", update_id=999, source="old"),
        known.indicator(2, "192.0.2.1", update_id=1_000, source="new"),
        known.indicator(3, "192.0.2.1", update_id=998, source="older"),
    )
    assert [(row["destination.ip"], row["source"]) for row in rows(rig, ip, tmp_path / "x.csv")] == [("192.0.2.1", "new")]


def test_what_expired_is_left_out_and_makes_room_for_what_has_not(rig, known, ip, tmp_path):
    """An expired indicator does not hide an older one of the same value that still counts."""
    now_ms = rig.clock.now_ms()
    rig.put(
        known.indicator(1, "192.0.2.1", source="stays"),
        known.indicator(2, "192.0.2.1", expiration_ts=now_ms, source="just expired"),
        known.indicator(3, "192.0.2.3", expiration_ts=now_ms + 1),
        known.indicator(4, "192.0.2.4", expiration_ts=None),
    )
    found = rows(rig, ip, tmp_path / "x.csv")
    assert [(row["destination.ip"], row["source"]) for row in found] == [
        ("192.0.2.1", "stays"),
        ("192.0.2.3", ""),
        ("192.0.2.4", ""),
    ]


def test_rows_of_another_kind_or_without_a_key_do_not_count(rig, known, ip, tmp_path):
    """A domain that resolved to an address is no address; an empty key is no row."""
    rig.put(
        known.indicator(1, "evil.example", ip="192.0.2.9", ioc_type="domain", type="domain"),
        known.indicator(2, "  ", ip=""),
        known.indicator(3, "2001:db8::1", type="ipv6"),
    )
    assert [row["destination.ip"] for row in rows(rig, ip, tmp_path / "x.csv")] == ["2001:db8::1"]


def test_a_row_is_a_line_without_blanks_around_anything(rig, known, ip, tmp_path):
    """Line breaks, control characters and blanks would break a reader that is not a CSV parser."""
    rig.put(known.indicator(1, " 192.0.2.1\t", source='a\r\nb\x00c "d" ', threat_type="\t", severity="ä,é"))
    (row,) = rows(rig, ip, tmp_path / "x.csv")
    assert row["destination.ip"] == "192.0.2.1"
    assert (row["source"], row["threat_type"], row["severity"]) == ('a\\nb c "d"', "", "ä,é")
    assert (tmp_path / "x.csv").read_bytes().count(b"\n") == 2


def test_the_consolidated_file_speaks_ecs(known, tmp_path):
    """Types, confidence, TLP and severity are those of the Elastic Common Schema, and an IPv6 address is one."""
    loaded = load_mapping("threatstream/indicators")
    rig = known.Rig(tmp_path, loaded)
    rig.put(
        known.indicator(1, "192.0.2.1", ip="192.0.2.1", confidence=0, tlp="amber+strict", severity="low"),
        known.indicator(2, "2001:db8::1", type="ipv6", confidence=29, is_public=True, severity="medium"),
        known.indicator(3, "evil.example", ip="192.0.2.1", ioc_type="domain", confidence=30, severity="high"),
        known.indicator(4, "http://e/", ioc_type="url", confidence=70, severity="very-high"),
        known.indicator(5, "a@b", ioc_type="email", confidence=-1, is_public=False),
        *(
            known.indicator(6 + at, f"{at}", ioc_type=kind)
            for at, kind in enumerate(("hash_md5", "hash_sha1", "hash_sha256", "hash_sha512"))
        ),
        known.indicator(10, "odd", ioc_type="other", type="string", confidence=100),
    )
    found = {row["threat.indicator.name"]: row for row in rows(rig, loaded, tmp_path / "x.csv")}
    rig.state.close()

    def of(column):
        return {name: row[column] for name, row in found.items() if row[column]}

    assert of("threat.indicator.type") == {
        "192.0.2.1": "ipv4-addr",
        "2001:db8::1": "ipv6-addr",
        "evil.example": "domain-name",
        "http://e/": "url",
        "a@b": "email-addr",
        "0": "file",
        "1": "file",
        "2": "file",
        "3": "file",
        "odd": "other",
    }
    assert of("threat.indicator.ip") == {"192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::1"}
    assert of("threat.indicator.url.domain") == {"evil.example": "evil.example"}
    assert of("threat.indicator.file.hash.sha256") == {"2": "2"}
    levels = [
        found[name]["threat.indicator.confidence"]
        for name in ("192.0.2.1", "2001:db8::1", "evil.example", "http://e/", "a@b", "0")
    ]
    assert levels == ["Not Specified", "Low", "Medium", "High", "Not Specified", "Not Specified"]
    marks = [found[name]["threat.indicator.marking.tlp"] for name in ("192.0.2.1", "2001:db8::1", "a@b", "odd")]
    assert marks == ["AMBER+STRICT", "WHITE", "AMBER", "AMBER"]
    assert of("event.severity") == {"192.0.2.1": "3", "2001:db8::1": "5", "evil.example": "7", "http://e/": "9"}


@pytest.mark.parametrize("kind", ["domain", "url", "email", "hash_md5", "hash_sha1", "hash_sha256", "hash_sha512"])
def test_each_kind_has_its_file(known, tmp_path, kind):
    """Each file holds the values of its kind, whatever the vendor's type says, and no other."""
    loaded = load_mapping(f"threatstream/{kind}")
    rig = known.Rig(tmp_path, loaded)
    rig.put(known.indicator(1, "mine", ioc_type=kind, type="md5", ip="192.0.2.1"), known.indicator(2, "192.0.2.1"))
    found = rows(rig, loaded, tmp_path / "x.csv")
    rig.state.close()
    assert [row[loaded.mapping.key[0]] for row in found] == ["mine"]


@given(text=st.text(max_size=20))
def test_texts_of_sql_are_what_they_say(text):
    """No text of a mapping ends a literal or a name of the query."""
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        text = "'\""
    found = duckdb.connect().execute(f"SELECT {literal(text)} AS {quoted(text or 'x')}")
    assert found.fetchone() == (text,)
