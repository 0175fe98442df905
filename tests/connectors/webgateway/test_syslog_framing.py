"""A stream of syslog messages is told apart the same way, however the network cuts it."""

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.webgateway.syslog_framing import Frame, Framing

MAX = 40
TRICKY = st.lists(
    st.sampled_from([b"1", b"9", b"0", b" ", b"\n", b"\r", b"\0", b"<", b"34>", b"a", b"12 ", b"3 a\nb", b"x" * 50])
)


def expected(text, most):
    """Tell messages apart byte by byte, by the words of RFC 6587; gives each with whether it is whole."""
    frames, at = [], 0
    while True:
        while at < len(text) and text[at] in b"\r\n\0":
            at += 1
        if at == len(text):
            return frames
        digits = at
        while digits < len(text) and digits - at < 9 and chr(text[digits]) in "0123456789":
            digits += 1
        counted = digits > at and text[at : at + 1] != b"0" and text[digits : digits + 1] == b" "
        if counted:
            length, begin = int(text[at:digits]), digits + 1
            body = text[begin : begin + length]
            if length > most and len(body) >= most:
                frames.append((body[:most], False))
            elif body or len(body) == length:
                frames.append((body, len(body) == length))
            at = begin + len(body)
            continue
        end = text.find(b"\n", at)
        line = text[at:] if end < 0 else text[at:end]
        frames.append((line[:most], False) if len(line) > most else (line.rstrip(b"\r\n\0"), True))
        at = len(text) if end < 0 else end + 1


def told_apart(pieces, most=MAX):
    framing = Framing(most)
    frames = [frame for piece in pieces for frame in framing.feed(piece)]
    return [(frame.raw, not frame.flaw) for frame in [*frames, *framing.end()]]


def pieces_of(text, cuts):
    edges = [0, *sorted({cut % (len(text) + 1) for cut in cuts}), len(text)]
    return [text[begin:end] for begin, end in itertools.pairwise(edges)]


@given(TRICKY.map(b"".join), st.lists(st.integers(0, 10_000), max_size=8))
@example(b"5 hello3 abc<34>line\n", [1, 2, 6])
@example(b"99 short", [3])
def test_any_cut_gives_what_the_standard_says(text, cuts):
    """Whatever comes, cut anywhere, is told apart as an independent reading of RFC 6587 does."""
    assert told_apart(pieces_of(text, cuts)) == expected(text, MAX)


@given(st.lists(st.tuples(st.binary(max_size=MAX).filter(bool), st.booleans()), max_size=8), st.lists(st.integers(0, 500)))
def test_what_a_sender_frames_comes_back(messages, cuts):
    """Messages of any bytes, counted, or ended by a line feed where they hold none, come back as they were, in order."""
    sent, wanted = b"", []
    for message, counted in messages:
        plain = not counted and not message[:1].isdigit() and not set(message) & set(b"\r\n\0")
        sent += message + b"\n" if plain else b"%d %s" % (len(message), message)
        wanted.append((message, True))
    assert told_apart(pieces_of(sent, cuts)) == wanted


def test_a_message_too_long_is_kept_in_part_and_the_next_is_whole():
    """Of a message beyond the bound its beginning is kept and its end dropped, in both framings."""
    long = b"<34>" + b"x" * 100
    frames = told_apart([b"%d " % len(long), long, b"5 hello", long + b"\n", b"<34>next\n"])
    assert frames == [(long[:MAX], False), (b"hello", True), (long[:MAX], False), (b"<34>next", True)]


def test_memory_is_bounded_whatever_a_sender_announces():
    """A sender that announces a gigabyte, or never ends its line, has no more than one message held for it."""
    for begin in (b"999999999 ", b"<34>"):
        framing = Framing(MAX)
        framing.feed(begin)
        for _ in range(1_000):
            framing.feed(b"y" * 1_000)
        assert len(framing._held) <= MAX


@pytest.mark.parametrize(("rest", "wanted"), [(b"9 half", False), (b"<34>no end", True)])
def test_the_end_of_a_connection_ends_a_line_but_no_counted_message(rest, wanted):
    """A last line without its line feed is whole; a counted message that was cut says so."""
    framing = Framing(MAX)
    assert framing.feed(rest) == []
    (frame,) = framing.end()
    assert (not frame.flaw) is wanted
    assert framing.end() == []
    assert isinstance(frame, Frame)


@pytest.mark.parametrize(
    ("rest", "kept"), [(b"<34>beg", b"<34>beg"), (b"11 <34>be", b"<34>be"), (b"", b""), (b"x" * 200, b"x" * 64)]
)
def test_a_connection_closed_from_this_end_leaves_its_beginning_as_no_message(rest, kept):
    """What came of a message that was on its way is told as a part, once, and never as whole."""
    framing = Framing(64)
    frames = [*framing.feed(rest), *framing.cut(), *framing.cut()]
    assert [frame.raw for frame in frames] == ([kept] if kept else [])
    assert all(frame.flaw for frame in frames)
