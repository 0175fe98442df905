"""Proves that lines are given whole, whatever pieces they come in, and none larger than it may be."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wellhead.http.lines import CutLine, LineParser

CONTENT = st.lists(st.sampled_from([b"a", b"bc" * 4, b"\r", b"\n", b"\r\n", b"{}", b"\0", b"\xff"]), max_size=40).map(b"".join)


@given(content=CONTENT, cuts=st.lists(st.integers(0, 120), max_size=6), most=st.integers(1, 12))
def test_any_pieces_give_the_same_lines(content, cuts, most):
    """However the bytes are cut, the lines are those of the whole; a longer one is its beginning, and says so; the last, unended, is none."""
    ends = sorted({min(cut, len(content)) for cut in cuts} | {0, len(content)})
    parser = LineParser(most)
    found = [line for since, until in itertools.pairwise(ends) for line in parser.feed(content[since:until])]
    wanted = [line.removesuffix(b"\r") for line in content.split(b"\n")[:-1]]
    assert found == [line[:most] for line in wanted]
    assert [isinstance(line, CutLine) for line in found] == [len(line) > most for line in wanted]
    assert parser.waiting_bytes <= most + 1


@pytest.mark.parametrize("pieces", [[b"abc\r\n"], [b"abc", b"\r", b"\n"], [b"abc\r", b"\nabc\r\n"]])
def test_the_end_of_a_line_counts_for_nothing(pieces):
    """A line as long as it may be is whole, though a CR comes after it, in whatever pieces."""
    parser = LineParser(3)
    lines = [line for piece in pieces for line in parser.feed(piece)]
    assert set(lines) == {b"abc"}
    assert not any(isinstance(line, CutLine) for line in lines)


def test_a_line_without_an_end_fills_no_memory():
    """Only the beginning of a line that never ends is kept."""
    parser = LineParser(100)
    for _ in range(1_000):
        assert parser.feed(b"x" * 1_000) == []
    assert parser.waiting_bytes <= 101
    assert parser.feed(b"y\nnext\n") == [b"x" * 100, b"next"]
