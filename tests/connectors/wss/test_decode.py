"""Takes chunks of any quality, proves `decode` against a slow reading of each line by itself."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.wss import regular
from connectors.wss.decode import Decoded, decode
from connectors.wss.fields import Layout, column_name, known_columns, layout_of

NAMES = ("date", "time", "c-ip", "sc-status", "cs(User-Agent)", "sc-bytes", "x-odd-field", "cs-uri-port", "s-action")
NUMBERS = {"sc_status": 2**31, "sc_bytes": 2**63, "cs_uri_port": 2**31}
GOOD = b'2026-02-03 09:00:07 198.51.100.24 200 "Mozilla/5.0 (X11)" 18432 odd 443 TCP_HIT'


def oracle(chunk: bytes, names: tuple[str, ...] | None) -> tuple[list[dict[str, Any]], list[bytes]]:
    """Read a chunk line by line with the csv module: the records, and the lines that are none."""
    records: list[dict[str, Any]] = []
    rejects: list[bytes] = []
    for raw in chunk.replace(b"\r\n", b"\n").split(b"\n"):
        if raw.startswith(b"#"):
            if raw.lower().replace(b" ", b"").startswith(b"#fields:"):
                names = tuple(raw.split(b":", 1)[1].decode("latin-1").split()) or None
        elif raw:
            record = oracle_record(raw, names)
            if record is None:
                rejects.append(raw)
            else:
                records.append(record)
    return records, rejects


def oracle_record(raw: bytes, names: tuple[str, ...] | None) -> dict[str, Any] | None:
    if names is None or not {"date", "time"} <= set(names) or raw.count(b'"') % 2:
        return None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("iso-8859-15")
    try:
        # The module takes a carriage return for a line end, which it is not here.
        (found,) = csv.reader([text.replace("\r", "\ue000")], delimiter=" ", strict=True)
        values = [value.replace("\ue000", "\r") for value in found]
    except csv.Error:
        return None
    if len(values) == len(names) + 1 and text.endswith(" "):
        values.pop()
    if len(values) != len(names):
        return None
    return oracle_typed(values, names)


# Python would also take other white space, underscores and the digits of other scripts.
WHOLE = re.compile(r" *[+-]?[0-9]+ *")


def oracle_typed(values: list[str], names: tuple[str, ...]) -> dict[str, Any] | None:
    named = dict(zip(names, values, strict=True))
    record: dict[str, Any] = {}
    try:
        record["time"] = datetime.strptime(f"{named.pop('date')}T{named.pop('time')}", "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
        for name, value in named.items():
            column = column_name(name)
            if value in {"", "-"}:
                continue
            if column in NUMBERS:
                if not WHOLE.fullmatch(value):
                    return None
                record[column] = int(value)
                if not -NUMBERS[column] <= record[column] < NUMBERS[column]:
                    return None
            elif column in known_columns():
                record[column] = value
            else:
                record.setdefault("extensions", {})[name] = value
    except ValueError:
        return None
    return record


def records_of(decoded: Decoded) -> list[dict[str, Any]]:
    """Rows without what is null or empty: csv cannot tell `""` from nothing."""
    rows = decoded.table.to_pylist()
    for row in rows:
        row["extensions"] = {key: value for key, value in row.get("extensions") or () if value != ""}
    return [{name: value for name, value in row.items() if value not in (None, "", {})} for row in rows]


def sort_key(record: dict[str, Any]) -> str:
    return repr(sorted(record.items(), key=str))


def check(chunk: bytes, names: tuple[str, ...] | None, *, max_line_bytes: int = 1 << 20) -> None:
    records, rejects = oracle(chunk, names)
    layout = layout_of(names) if names else None
    for suspect in (False, True):
        decoded = decode(chunk, layout, suspect=suspect, max_line_bytes=max_line_bytes)
        assert sorted(records_of(decoded), key=sort_key) == sorted(records, key=sort_key)
        assert sorted(reject.raw for reject in decoded.rejects) == sorted(rejects)


words = st.sampled_from(
    [
        "-",
        "a",
        '""',
        '"-"',
        '"b c"',
        '"b  c"',
        '"say ""hi"" now"',
        "x=1;y=2",
        "#",
        "é",
        '"naïve café"',
        "a\x00b",
        "%20",
        "'",
        "\\",
        "a\tb",
    ]
)
bad_words = st.sampled_from(
    [
        '"',
        '"open',
        'close"',
        'a"b',
        'a"b"c',
        '"b"c',
        '"b c"d',
        '""x',
        '"""',
        '""""',
        "",
        "a b",
        '"\r',
        '" "" "',
        'q"r s"t',
        '"a',
        'b" "c',
    ]
)
numbers = st.sampled_from(["200", "-", "0", "7", '"5"', "-1", "007", "+5", "-0", '" 12"', '"7 "', '"-"', '""'])
bad_numbers = st.sampled_from(
    ["abc", "1.5", "2147483648", "9223372036854775808", "1e3", '"x y"', '"1"2', "--", "0x1f", "0XFFFFFFFF", '"0x7"', '"- "']
)
bad_times = st.sampled_from(["09:00", "12:34+05", "09:00:07Z", "24:00:00", '"09:00:07 "', "2026-02-30", "2026-02", "-"])


@st.composite
def good_lines(draw: st.DrawFn) -> bytes:
    values = [
        draw(st.sampled_from(["2026-02-03", "2024-02-29", '"2026-02-03"'])),
        draw(st.sampled_from(["09:00:07", "23:59:59", '"00:00:00"'])),
    ]
    values += [draw(numbers if column_name(name) in NUMBERS else words) for name in NAMES[2:]]
    return " ".join(values).encode()


@st.composite
def bad_lines(draw: st.DrawFn) -> bytes:
    values = draw(good_lines()).decode().split(" ")
    place = draw(st.integers(0, len(values) - 1))
    match draw(st.integers(0, 7)):
        case 7:
            values[draw(st.integers(0, 1))] = draw(bad_times)
        case 0 | 1 | 2:
            values[place] = draw(bad_words | bad_numbers)
        case 3:
            values.insert(place, draw(words))
        case 4:
            values.pop(place)
        case 5:
            return draw(
                st.sampled_from(
                    [
                        b"",
                        b"#",
                        b"# a b",
                        b"-",
                        b" ",
                        b'"',
                        b"- " * 8 + b"-",
                        b"#Software: x",
                        b"\xff\xfe",
                        b"\xef\xbb\xbf" + GOOD,
                        b"\x1f\x8b",
                        b"x\x9c a",
                        GOOD.replace(b"odd", b"o\rd"),
                        GOOD + b" ",
                    ]
                )
            )
        case _:
            return " ".join(values).encode("latin-1")
    return " ".join(values).encode()


lines = st.lists(st.one_of(good_lines(), good_lines(), bad_lines()), max_size=12)


@given(lines, st.booleans(), st.sampled_from([b"\n", b"\r\n"]))
@settings(max_examples=250, deadline=None)
def test_every_line_is_read_as_if_it_stood_alone(found: list[bytes], ended: bool, newline: bytes) -> None:
    """Whatever stands in one line, every other line gives the record or reject it gives by itself, on both paths."""
    check(newline.join(found) + (newline if ended else b""), NAMES)


@given(
    st.lists(
        st.sampled_from(
            [b'x" 1', b'"x 1', b'a" "b 2', b'"a b" 3', b"c 4", b'""" 5', b'"" 6', b'"a"b 7', b'a"b"c 8', b'9 "', b'9 q"']
        ),
        max_size=9,
    )
)
@settings(max_examples=250, deadline=None)
def test_quotes_never_reach_over_a_line_end(tails: list[bytes]) -> None:
    """Pairs of lines with odd quotes, which together look even, are rejects each, and the lines between them survive."""
    names = ("date", "time", "cs(User-Agent)", "s-action")
    check(b"".join(b"2026-02-03 09:00:07 " + tail + b"\n" for tail in tails), names)


@given(lines, st.permutations(NAMES), st.integers(0, 12), st.sampled_from([b"#Fields: ", b"# Fields: ", b"#fields:"]))
@settings(max_examples=100, deadline=None)
def test_a_fields_line_holds_from_where_it_stands(found: list[bytes], order: list[str], place: int, word: bytes) -> None:
    """A `#Fields` line in the middle changes the meaning of the lines after it and of no other."""
    found.insert(min(place, len(found)), word + " ".join(order).encode())
    check(b"\n".join(found), NAMES)


def test_the_two_paths_agree_on_chunks_that_are_split_over_threads() -> None:
    """In a chunk of many thousand lines, broken ones at every place leave exactly the other lines."""
    broken = [
        GOOD.replace(b"TCP", b'"TCP'),
        GOOD.replace(b"odd", b'o"dd'),
        GOOD + b" more",
        GOOD[:-8],
        GOOD.replace(b"200", b"2x0"),
    ]
    chunk = [GOOD.replace(b"odd", str(i).encode()) for i in range(40_000)]
    for i in range(0, 40_000, 797):
        chunk[i] = broken[i // 797 % len(broken)]
    check(b"\n".join(chunk) + b"\n", NAMES)


def test_a_clean_chunk_takes_the_happy_path() -> None:
    """A chunk of regular lines, behind its header, needs no second reading."""
    header = b"#Version: 1.0\n# Fields: " + " ".join(NAMES).encode() + b"\n"
    decoded = decode(header + (GOOD + b"\n") * 3, None)
    assert decoded.clean
    assert decoded.table.num_rows == 3
    assert decoded.layout == layout_of(NAMES)


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        (GOOD.replace(b"200", b"2O0"), "sc_status", "the value is not a whole number in range"),
        (GOOD.replace(b"09:00:07", b"09:99:07"), "time", "date and time are missing or unreadable"),
        (GOOD.replace(b"odd ", b""), None, "the line has 8 values, its #Fields line names 9"),
        (GOOD + b" more", None, "the line has 10 values, its #Fields line names 9"),
        (GOOD.replace(b')"', b")"), None, "a quote is not closed: the line has an odd number of quotes"),
        (GOOD.replace(b')"', b')"x'), None, "value 5 goes on after its closing quote"),
    ],
)
def test_a_reject_says_why(line: bytes, field: str | None, reason: str) -> None:
    """A line that cannot be read is kept to the byte, with the reason and, where there is one, the field."""
    decoded = decode(GOOD + b"\n" + line + b"\n", layout_of(NAMES))
    assert [(r.raw, r.field, r.reason) for r in decoded.rejects] == [(line, field, reason)]
    assert decoded.table.num_rows == 1


def test_lines_before_a_fields_line_are_rejects() -> None:
    """Without a header nothing is guessed."""
    decoded = decode(GOOD + b"\n", None)
    assert [r.reason for r in decoded.rejects] == ["no #Fields line stands before this record"]
    no_time = decode(b"#Fields: c-ip s-action\n1 2\n", None)
    assert [r.reason for r in no_time.rejects] == ["the #Fields line names no date and time"]


@pytest.mark.parametrize("suspect", [True, False])
def test_a_line_beyond_the_limit_is_a_reject(suspect: bool) -> None:
    """A line longer than the limit is a reject on either path, one as long as the limit is a record."""
    long = GOOD.replace(b"odd", b"o" * 5000)
    chunk = b"\n".join([GOOD, long, GOOD, b""])
    assert decode(chunk, layout_of(NAMES), suspect=suspect, max_line_bytes=len(long)).table.num_rows == 3
    assert [r.raw for r in decode(chunk, layout_of(NAMES), suspect=suspect, max_line_bytes=len(long) - 1).rejects] == [long]


def test_text_that_is_not_utf8_falls_back() -> None:
    """A line in the fallback encoding is a record with the right letters; its neighbours keep theirs."""
    chunk = b"\n".join([GOOD.replace(b"odd", "é€".encode()), GOOD.replace(b"odd", "é€".encode("iso-8859-15"))])
    assert [row["extensions"] for row in records_of(decode(chunk, layout_of(NAMES)))] == [{"x-odd-field": "é€"}] * 2
    decoded = decode(GOOD.replace(b"odd", b"\x81"), layout_of(NAMES), fallback="cp1252")
    assert [r.reason for r in decoded.rejects] == ["the line is neither UTF-8 nor cp1252"]


def test_a_field_named_twice_keeps_the_first() -> None:
    """The second of a repeated name goes to the extensions under its own key, so neither value is lost."""
    layout = layout_of(("date", "time", "c-ip", "C-IP", "x-a", "x-a"))
    (row,) = records_of(decode(b"2026-02-03 09:00:07 192.0.2.1 192.0.2.2 1 2\n", layout))
    assert row["c_ip"] == "192.0.2.1"
    assert row["extensions"] == {"C-IP#2": "192.0.2.2", "x-a": "1", "x-a#2": "2"}


def test_extensions_stand_beside_their_rows() -> None:
    """Each row's map holds its own unknown fields, without those that are empty; a row with none has null."""
    layout = layout_of(("date", "time", "x-a", "x-b"))
    decoded = decode(b"".join(b"2026-02-03 09:00:07 %s\n" % tail for tail in (b"1 2", b"- -", b"- 4", b"5 -")), layout)
    assert decoded.clean
    assert decoded.table.column("extensions").to_pylist() == [
        [("x-a", "1"), ("x-b", "2")],
        None,
        [("x-b", "4")],
        [("x-a", "5")],
    ]


def test_a_directive_that_looks_like_a_record_is_none() -> None:
    """A `#` line with as many values as a record, times in their places, is still no record."""
    layout = layout_of(("c-ip", "date", "time"))
    decoded = decode(b"192.0.2.1 2026-02-03 09:00:07\n#Date: 2026-02-03 09:00:08\n192.0.2.2 2026-02-03 09:00:09\n", layout)
    assert decoded.table.column("c_ip").to_pylist() == ["192.0.2.1", "192.0.2.2"]
    assert not decoded.rejects


@pytest.mark.parametrize("chunk", [b"", b"\n\n", b"#Version: 1.0\n", b"#Fields: date time c-ip\n"])
def test_a_chunk_without_records_gives_none(chunk: bytes) -> None:
    """Blank lines and directives are neither records nor rejects."""
    decoded = decode(chunk, layout_of(NAMES))
    assert decoded.table.num_rows == 0
    assert not decoded.rejects


@pytest.mark.parametrize(("value", "number"), [('" 12"', 12), ('"12 "', 12), ("0x1f", None), ("0xffffffff", None), ('""', ...)])
@pytest.mark.parametrize("suspect", [True, False])
def test_a_number_means_the_same_on_either_path(value: str, number: int | None, suspect: bool) -> None:
    """Blanks around a quoted number do not matter, a hexadecimal number is none, and no path knows better."""
    line = GOOD.replace(b"200", value.encode())
    decoded = decode(GOOD + b"\n" + line + b"\n", layout_of(NAMES), suspect=suspect)
    if number is None:
        assert [reject.raw for reject in decoded.rejects] == [line]
    else:
        assert sorted(decoded.table.column("sc_status").to_pylist(), key=str) == sorted(
            [200, None if number is ... else number], key=str
        )


@pytest.mark.parametrize(
    ("line", "clean"),
    [
        (GOOD.replace(b"odd", b'""'), True),
        (GOOD.replace(b"odd", b'"  "'), True),
        (GOOD.replace(b"odd", b"-"), True),
        (GOOD.replace(b"odd", b'o"d'), False),
        (GOOD.replace(b"odd", b'"o"d'), False),
        (GOOD.replace(b"odd", b""), False),
        (GOOD.replace(b"odd", b'"o""d"'), False),
        (GOOD.replace(b"09:00:07", b"09:00"), False),
        (GOOD.replace(b"200", b"0x1f"), False),
        (GOOD.replace(b"odd", "d\u00fcr".encode()), True),
        (GOOD.replace(b"odd", b"d\xfcr"), False),
    ],
)
def test_the_happy_path_is_left_for_what_it_cannot_prove(line: bytes, clean: bool) -> None:
    """Empty quoted values stay on the happy path; what Arrow reads differently from the exact path does not."""
    assert (regular.read(GOOD + b"\n" + line + b"\n", layout_of(NAMES), 1 << 20) is not None) is clean


def test_a_byte_order_mark_is_no_part_of_the_header() -> None:
    """A member that begins with a byte-order mark has its header read."""
    decoded = decode(b"\xef\xbb\xbf#Fields: date time c-ip\n2026-02-03 09:00:07 192.0.2.1\n", None)
    assert isinstance(decoded.layout, Layout)
    assert decoded.table.num_rows == 1
