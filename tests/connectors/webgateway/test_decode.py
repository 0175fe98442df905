"""Logs of any quality give what a slow reading of each line by itself gives."""

import pytest
from gateway_oracle import ELFF, HEADERS, MWG, SHORT, read, unmarked
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.webgateway.decode import FormatSpec, open_format

EXAMPLES = 150
ODD = st.sampled_from(
    ["", "-", "a", "é", "日本", "\\", "\\\\", "a\\", "%20", "\x1a", "\x1a\x1a", "\x1c\x1c", "a\tb", "a\x00b", "[", "]", "#", "x:y", "a/b", "'"]
)  # fmt: skip
HOSTILE = st.sampled_from(
    ['"', '"a', 'a"', 'a"b', '"a"b', '""', '"""', '\\"', '"\\"', '"\\\\"', "a\rb", "a b", "  ", '" "', '"a b', '"-"', '"a ""b"" c"', "\xff"]
)  # fmt: skip
INSIDE = st.one_of(ODD, st.sampled_from(["a b", "a  b", "[x y]", " a", "a ", 'say \\"hi\\"', "c:\\\\d", '\\\\\\"', '\\"']))
BARE = st.sampled_from(['a" b', 'a "b" c', '" "', '"', 'a"b'])
NUMBERS = st.sampled_from(
    ["200", "0", "-", "-1", "007", "2147483647", "2147483648", "-2147483648", "9223372036854775808", "99999999999", "0" * 25 + "7",
     "4e3", "0x1f", "1.5", "+5", "٣", "", "1" * 30]
)  # fmt: skip
FINE_NUMBERS = st.sampled_from(["200", "0", "-", "404", "7", "18432"])
URLS = st.sampled_from(
    [
        "http://www.example.org/a?b=c#d", "HTTPS://WWW.Example.ORG:443", "http://[2001:db8::9]:8080/x", "push.ticker.example:443",
        "http://u:p@example.net/", "http://example.net:99999/", "http://example.net:x/", "http:///a", "/a?b", "//x", "?a", "a#b?c",
        "error:transaction-end-before-headers", "http://[::1/", "http://[::1]x/", "[::1]:443", "a@b:80", "1http://x/", "http://a\\b/", "*", "-", "",
        "ftp://exämple.net/ü?日", "http://x", "httpx://x/", "http_://x/", "https:/x", "httpx:/y", "http://x#a?b", "/a#b?c", "http://x?/#", "x:123456", ":80", "http://x:/",
    ]
)  # fmt: skip
REQUESTS = st.one_of(
    st.builds(
        "{} {} HTTP/{}".format, st.sampled_from(["GET", "CONNECT", ""]), URLS, st.sampled_from(["1.1", "2.0", "", "1.1 "])
    ),
    st.builds("{} {}".format, st.sampled_from(["GET", "PO ST"]), URLS),
    URLS,
    st.sampled_from(["GET HTTP/1.1", "GET  HTTP/1.1", " ", "GET /a b HTTP/1.1"]),
)
CLF_TIMES = st.sampled_from(
    ["[03/Feb/2026:10:00:07 +0100]"] * 6 + ["[29/Feb/2024:23:59:59 -1130]", "[31/Dec/1999:00:00:00 +0000]"]
)
ODD_CLF_TIMES = st.sampled_from(
    [
        "[30/Feb/2026:10:00:07 +0100]", "[03/Feb/2026:24:00:07 +0100]", "[03/Feb/2026:10:00:60 +0100]", "[03/feb/2026:10:00:07 +0100]",
        "[2026-02-03T09:00:07Z]", "[2026-02-03T09:00:07.12+01:00]", "[2026-02-03T09:00:07]", "[03/Feb/1969:10:00:07 +0100]", "[]", "[x",
        "[03/Feb/2026:10:00:07 +9900]", "[03/Feb/2026:10:00:07", "-", '"[03/Feb/2026:10:00:07 +0100]"', "03/Feb/2026:10:00:07 +0100",
        "2026-02-03T09:00:07Z", "[03/Xyz/2026:10:00:07 +0100]", "[03/Feb/2026:10:00:07 +0160]", "[a b c]", "[03/Feb/2026:10:00:07 +0100]x",
    ]
)  # fmt: skip
EPOCHS = st.sampled_from(["1770109207.123"] * 6 + ["0000000000.000", "9999999999.999"])
ODD_EPOCHS = st.sampled_from(
    [
        "1770109207",
        "1770109207.1",
        "12345678901.12",
        "123456789012.1",
        "1.1.1",
        "-1.000",
        "177010920x.123",
        "1770109207.1234567891",
        "-",
    ]
)
STAMPS = st.sampled_from(["2026-02-03 09:00:07"] * 6 + ["2024-02-29 23:59:59"])
ODD_STAMPS = st.sampled_from(
    ["2026-02-30 09:00:07", "2026-02-03 24:00:00", "2026-02-03 09:00:07.5", "2026-2-3 9:0:7", "1969-12-31 23:59:59", "- -", "x y",
     '"2026-02-03" "09:00:07"', "2026-02-03 09:00:60", "2026-02-03 09:00", "0000-00-00 00:00:00"]
)  # fmt: skip


@st.composite
def lines(draw, fields, *, quoting, damage):
    """Draw a line of some fields; with damage, anything may be wrong with it."""
    parts = []
    for kind, quoted in fields:
        odd = damage and draw(st.integers(0, 9)) == 0
        plain = {
            "clf": (CLF_TIMES, ODD_CLF_TIMES), "epoch": (EPOCHS, ODD_EPOCHS), "stamp": (STAMPS, ODD_STAMPS),
            "number": (FINE_NUMBERS, NUMBERS), "request": (REQUESTS, REQUESTS), "url": (URLS, URLS),
            "result": (st.sampled_from(["TCP_MISS/200", "NONE/000", "A/B/304"]), st.sampled_from(["TCP_MISS", "X/-", "/", "X/y", "/7", "-", "a/ 7"])),
            "peer": (st.sampled_from(["HIER_DIRECT/203.0.113.9", "NONE/-"]), st.sampled_from(["P/x.example", "P", "/", "P/2001:db8::9", "P/1.", "-"])),
            "word": (ODD, HOSTILE), "text": (INSIDE if quoted else ODD, BARE if quoted else HOSTILE),
        }[kind][odd]  # fmt: skip
        value = draw(plain)
        if quoted:
            value = value.replace('"', '""') if quoting == "doubled" else value
            value = f'"{value}"'
        elif not odd and kind not in {"clf", "stamp"}:
            value = value.replace(" ", "_").replace('"', "'") or "-"
        parts.append(value)
    if damage and draw(st.integers(0, 9)) == 0:
        place = draw(st.integers(0, len(parts) - 1))
        parts[place : place + draw(st.integers(0, 1))] = draw(st.lists(st.one_of(ODD, HOSTILE), max_size=2))
    line = " ".join(parts)
    if not damage:
        return line.encode()
    tail = draw(st.sampled_from([""] * 8 + [" ", "  ", "\r", " -", '"']))
    return (line + tail).encode(
        "latin-1" if line.isascii() or (max(line) <= "ÿ" and draw(st.booleans())) else "utf-8", "replace"
    )


OUTCOMES = st.sampled_from(["TCP_MISS:HIER_DIRECT", "TCP_MISS:-", "x"])
COMMON = [("word", False)] * 3 + [("clf", False), ("request", True), ("number", False), ("number", False)]
COMBINED = [*COMMON, ("text", True), ("text", True)]
SQUID = [("epoch", False), ("number", False), ("word", False), ("result", False), ("number", False), ("word", False), ("url", False), ("word", False),
         ("peer", False), ("word", False)]  # fmt: skip
OF_MWG = [("clf", False), ("text", True), ("word", False), ("number", False), ("request", True), ("text", True), ("number", False), ("text", True),
          ("text", True)]  # fmt: skip
OF_ELFF = [
    ("stamp", False),
    ("word", False),
    ("word", False),
    ("text", True),
    ("number", False),
    ("number", False),
    ("word", False),
    ("text", False),
]
OF_SHORT = [("epoch", False), ("url", False), ("word", False)]
GARBAGE = st.sampled_from(
    [b"", b" ", b"\xff\xfe", b'"', b"-", b"\x00", b"- - -", b'" "', b"\x1f\x8b\x08", b"[", b"1770109207.123 5 x [y"]
)
COMMENTS = st.sampled_from([b"#", b"# a comment", b"#Software: x", b"#Date: 2026-02-03 09:00:07"])
NEWLINES = st.sampled_from([b"\n", b"\r\n"])


def logs(*kinds, quoting="backslash", between=COMMENTS):
    """Draw lines of some kinds among garbage; `between` what stands there besides."""
    good = st.one_of(*(lines(kind, quoting=quoting, damage=False) for kind in kinds))
    bad = st.one_of(*(lines(kind, quoting=quoting, damage=True) for kind in kinds))
    return st.lists(st.one_of(good, good, bad, bad, GARBAGE, between), max_size=10)


def records_of(decoded):
    """Give rows without what is null or empty."""
    rows = decoded.table.to_pylist()
    for row in rows:
        row["extensions"] = {key: value for key, value in row.get("extensions") or () if value}
    return [{name: value for name, value in row.items() if value not in (None, "", {})} for row in rows]


def check(kind, found, newline=b"\n", header=b""):
    log = newline.join(found)
    decoded = open_format(FormatSpec(kind, header)).decode(log)
    records, rejects = read(log, kind, header)
    assert records_of(decoded) == records
    assert [reject.raw for reject in decoded.rejects] == rejects
    for reject in decoded.rejects:
        again = open_format(reject.context).decode(reject.raw)
        assert [(each.raw, each.reason) for each in again.rejects] == [(reject.raw, reject.reason)]


@given(logs(SQUID), NEWLINES)
@settings(max_examples=EXAMPLES)
def test_squid(found, newline):
    """A log of squid gives the records and rejects that its lines give by themselves."""
    check("squid", found, newline)


@given(logs(COMBINED, COMMON), NEWLINES, st.sampled_from(["combined", "common"]))
@settings(max_examples=EXAMPLES)
def test_combined_and_common(found, newline, kind):
    """A log of Apache gives the records and rejects that its lines give by themselves, be they of one layout or several."""
    check(kind, found, newline)


@given(logs(OF_MWG), NEWLINES)
@settings(max_examples=EXAMPLES)
def test_mwg(found, newline):
    """A log cut by its header gives the records and rejects that its lines give by themselves, escaped quotes or not."""
    check("mwg", found, newline, MWG)


@given(logs(OF_ELFF, quoting="doubled"), NEWLINES)
@settings(max_examples=EXAMPLES)
def test_elff(found, newline):
    """An ELFF log gives the records and rejects that its lines give by themselves."""
    check("elff", found, newline, ELFF)


@given(
    logs(OF_ELFF, OF_SHORT, quoting="doubled", between=st.sampled_from(sorted(HEADERS))), NEWLINES, st.sampled_from([ELFF, MWG])
)
@settings(max_examples=EXAMPLES)
def test_a_header_holds_from_where_it_stands(found, newline, header):
    """A header in the middle changes the meaning of the lines behind it and of no other."""
    check("auto", found, newline, header)


@given(logs(OF_MWG, COMBINED), st.integers(0, 10))
@settings(max_examples=EXAMPLES // 3)
def test_cutting_a_log_between_lines_changes_nothing(found, place):
    """Two halves, the second read with the header of the first, give what the whole gives."""
    whole = open_format(FormatSpec("auto", MWG)).decode(b"".join(line + b"\n" for line in found))
    first = open_format(FormatSpec("auto", MWG)).decode(b"".join(line + b"\n" for line in found[:place]))
    second = open_format(FormatSpec("auto", first.header)).decode(b"".join(line + b"\n" for line in found[place:]))
    assert records_of(first) + records_of(second) == records_of(whole)
    assert [*first.rejects, *second.rejects] == list(whole.rejects)
    assert second.header == whole.header


@pytest.mark.parametrize(
    ("kind", "line", "times"),
    [
        ("combined", '198.51.100.1 - - {} "GET / HTTP/1.1" 200 5', ["[03/Feb/2026:10:00:07 +0100]", "[]", "-", "[-]", "[x]"]),
        ("elff", "{} 198.51.100.1 - - 200 5 - -", ["2026-02-03 09:00:07", "- -", "2026-02-03 -", "2026-02-30 09:00:07"]),
    ],
)
def test_a_time_that_many_lines_have(kind, line, times):
    """A time is read in each line that has it, and one that is none or not there is refused in each, whatever stands between."""
    found = [line.format(time).encode() for time in [*times, *reversed(times)] * 3]
    check(kind, found, header=ELFF if kind == "elff" else b"")


@given(
    st.binary(max_size=300),
    st.sampled_from(["auto", "mwg", "squid", "combined", "common", "elff"]),
    st.sampled_from([b"", MWG, ELFF, SHORT]),
)
@settings(max_examples=EXAMPLES)
def test_any_bytes_are_records_or_rejects(log, kind, header):
    """Bytes of any kind raise nothing, and each line of them is a record, a reject, a comment or blank."""
    decoded = open_format(FormatSpec(kind, header)).decode(log)
    held = [unmarked(line) for line in log.replace(b"\r\n", b"\n").split(b"\n")]
    assert decoded.table.num_rows + len(decoded.rejects) == sum(1 for line in held if line and not line.startswith(b"#"))


@given(
    logs(SQUID, COMBINED),
    st.sampled_from(
        [b'198.51.100.1 - "j doe" [03/Feb/2026:10:00:07 +0100] "GET / HTTP/1.1" 200 5', b"1770109207 - c T/200 5 GET / - P/- -"]
    ),
)
@settings(max_examples=EXAMPLES)
def test_without_a_header_neighbours_do_not_matter(found, line):
    """Where lines alone tell the format, each gives among others what it gives by itself."""
    found = [*found, line]
    whole = open_format(FormatSpec()).decode(b"\n".join([*found, b""]))
    alone = [open_format(FormatSpec()).decode(line + b"\n") for line in found]
    assert records_of(whole) == [record for each in alone for record in records_of(each)]
    assert list(whole.rejects) == [reject for each in alone for reject in each.rejects]
