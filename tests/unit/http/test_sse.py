"""Proves that an event stream is read as the WHATWG text has it, whatever pieces it comes in."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wellhead.http.sse import EventParser, ServerSentEvent

CORPUS = Path(__file__).parent / "corpus/sse"
MANY = 10**6


def plainly(content: bytes, last_event_id=""):
    """Read a whole stream as the text of the standard says it, step by step, without a thought for speed; give events, id and retry."""
    text = content.decode(errors="replace")
    text = text.removeprefix("\ufeff")
    lines, line, at = [], "", 0
    while at < len(text):
        char = text[at]
        if char in "\r\n":
            lines.append(line)
            line = ""
            at += 2 if text[at : at + 2] == "\r\n" else 1
        else:
            line += char
            at += 1
    events, data, kind, buffer, own, retry = [], "", "", last_event_id, False, None
    last = last_event_id
    for each in lines:
        if each == "":
            last = buffer
            if data:
                events.append(ServerSentEvent(kind or "message", data[:-1], last, own))
            data, kind, own = "", "", False
            continue
        if each.startswith(":"):
            continue
        name, value = each, ""
        if ":" in each:
            name, value = each.split(":", 1)
            value = value.removeprefix(" ")
        if name == "event":
            kind = value
        elif name == "data":
            data += value + "\n"
        elif name == "id" and "\0" not in value:
            buffer, own = value, True
        elif name == "retry" and value and all(char in "0123456789" for char in value):
            retry = int(value[:15])
    return events, last, retry


def read(pieces, last_event_id="", most=MANY):
    parser = EventParser(most, last_event_id)
    events = [event for piece in pieces for event in parser.feed(piece)]
    return events, parser.last_event_id, parser.retry_ms


def told(content, **options):
    return [(event.event, event.data, event.id) for event in read([content], **options)[0]]


@pytest.mark.parametrize(
    ("content", "events"),
    [
        (b"data: a\n\n", [("message", "a", "")]),
        (b"\xef\xbb\xbfdata: a\n\n", [("message", "a", "")]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n", [("message", "b", "")]),
        (b"data:a\rdata:  b\r\r", [("message", "a\n b", "")]),
        (b"data: a\r\n\r\ndata: b\n\r", [("message", "a", ""), ("message", "b", "")]),
        (b"data\n\n", [("message", "", "")]),
        (b"data\ndata\n\n", [("message", "\n", "")]),
        (b"event: x\n\ndata: a\n\n", [("message", "a", "")]),
        (b"event: x\ndata: a\n\ndata: b\n\n", [("x", "a", ""), ("message", "b", "")]),
        (b"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", [("message", "a", "1"), ("message", "b", "1"), ("message", "c", "")]),
        (b"id: 1\n\ndata: a\n\n", [("message", "a", "1")]),
        (b"id: 1\nid: 2\0\ndata: a\n\n", [("message", "a", "1")]),
        (b": a comment\ndata: a\n:\n\n", [("message", "a", "")]),
        (b"Data: a\nDATA: b\n data: c\ndata : d\n\n", []),
        (b"data: a\n\ndata: cut\n", [("message", "a", "")]),
        (b"data: a\n\ndata: cut", [("message", "a", "")]),
        (b"data: a\x00b\n\n", [("message", "a\0b", "")]),
        (b"data: \xe2\x82\n\n", [("message", "\ufffd", "")]),
        ("data: a\u2028b\x85c\x0bd\n\n".encode(), [("message", "a\u2028b\x85c\x0bd", "")]),
        (b"data:: a\n\n", [("message", ": a", "")]),
        (b"", []),
    ],
)
def test_the_standards_cases(content, events):
    """Line ends, the mark at the beginning, comments, ids, types, data without a value, a cut end: each as the standard says."""
    assert told(content) == events


def test_ids_and_waits_are_known_without_an_event():
    """An id that no event follows is what to go on from; a wait counts only in digits; one that was asked for stays."""
    assert read([b"id: 7\n\n"]) == ([], "7", None)
    assert read([b"id: 7\n"]) == ([], "", None)
    assert read([b": hello\n\n"], "41") == ([], "41", None)
    assert read([b"retry: 3000\n\nretry: soon\nretry: 1.5\nretry:\nretry: \xd9\xa3\n\n"])[2] == 3000
    assert read([b"retry: " + b"9" * 5000 + b"\n"])[2] == 999_999_999_999_999


PARTS = st.sampled_from(
    [
        *(
            b"data",
            b"event",
            b"id",
            b"retry",
            b":",
            b": ",
            b" ",
            b"\n",
            b"\r",
            b"\r\n",
            b"\n\n",
            b"\xef\xbb\xbf",
            b"\0",
            b"1",
            b"23",
        ),
        *("é€😀".encode(), b"\xe2\x82", b"\xff", b"x", b"\xe2\x80\xa8"),
    ]
)
STREAMS = st.lists(PARTS, max_size=60).map(b"".join)


@settings(max_examples=500)
@given(content=STREAMS, cuts=st.lists(st.integers(0, 200), max_size=8), begun=st.sampled_from(["", "41"]))
def test_any_pieces_give_what_the_whole_gives(content, cuts, begun):
    """However the bytes are cut, events, id and wait are those that the standard's steps give for the whole."""
    ends = sorted({min(cut, len(content)) for cut in cuts} | {0, len(content)})
    pieces = [content[since:until] for since, until in itertools.pairwise(ends)]
    assert read(pieces, begun) == plainly(content, begun)
    assert read([bytes([byte]) for byte in content], begun) == plainly(content, begun)


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*")), ids=lambda path: path.name)
def test_what_once_went_wrong(path):
    """Streams that were kept because something was wrong with them once, or is special, byte by byte and whole."""
    content = path.read_bytes()
    assert read([content]) == plainly(content)
    assert read([bytes([byte]) for byte in content]) == plainly(content)


def test_the_corpus_is_there():
    assert len(list(CORPUS.glob("*"))) >= 3


@given(sizes=st.lists(st.integers(0, 40), min_size=1, max_size=6), most=st.integers(1, 30), char=st.sampled_from(["a", "é"]))
def test_an_event_is_never_larger_than_it_may_be(sizes, most, char):
    """A larger event is given as cut with its beginning, the next one whole; nobody holds more meanwhile."""
    lines = [char * size for size in sizes]
    whole = "\n".join(lines)
    content = "".join(f"data: {line}\n" for line in lines) + "\ndata: b\n\n"
    parser = EventParser(most)
    events = []
    for byte in content.encode():
        events += parser.feed(bytes([byte]))
        assert parser._tail_bytes <= most + 7
    first, second = events
    assert first.cut == (len(whole.encode()) > most)
    assert whole.startswith(first.data) if first.cut else first.data == whole
    assert len(first.data.encode()) <= most
    assert (second.data, second.cut) == ("b", False)


def test_a_line_without_an_end_fills_no_memory():
    """A server that never ends its line is read on, and only the beginning is kept."""
    parser = EventParser(1_000)
    for _ in range(1_000):
        assert parser.feed(b"data: " + b"x" * 1_000) == []
    assert sum(map(len, parser._tail)) <= 1_007
    (event,) = parser.feed(b"\n\n")
    assert (event.cut, len(event.data)) == (True, 1_000)


def test_what_is_long_and_no_data_cuts_no_event():
    """A comment without end leaves the event whole; half an id is not taken for one."""
    parser = EventParser(10)
    (event,) = parser.feed(b":" + b"x" * 100 + b"\nid: " + b"1" * 100 + b"\nid: 7\ndata: a\n\n")
    assert (event.data, event.id, event.cut) == ("a", "7", False)
