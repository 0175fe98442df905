"""No parser of what comes from outside raises, holds more than it may, or minds where its input was cut.

Each file in `corpus/PARSER` is an input, replayed in every run; hypothesis then makes others of its parts. To look for longer:
`WELLHEAD_FUZZ_EXAMPLES=100000 pytest tests/fuzz`. What that finds goes into the corpus as a file named for what was wrong.
"""

import itertools
import os
from pathlib import Path

import pytest
from fuzzed import TARGETS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CORPUS = Path(__file__).parent / "corpus"
EXAMPLES = int(os.environ.get("WELLHEAD_FUZZ_EXAMPLES", "100"))
FILES = sorted(CORPUS.glob("*/*"))
SEEDS = {name: [path.read_bytes() for path in FILES if path.parent.name == name] for name in TARGETS}


def cut(content, edges, by_lines):
    """Cut at some places, or at the line ends before them; a log without a line end at its end is one piece then."""
    places = [edge % (len(content) + 1) for edge in edges]
    if by_lines:
        places = [content.rfind(b"\n", 0, place) + 1 for place in places]
    return [content[begin:end] for begin, end in itertools.pairwise([0, *sorted(set(places) - {0}), len(content)])]


def check(name, content, edges):
    target = TARGETS[name]
    assert target.run(cut(content, edges, target.by_lines)) == target.run([content])


@st.composite
def inputs(draw, name):
    """Draw an input of a parser's tokens, of parts of its corpus, and of any bytes."""
    seeds = SEEDS[name]
    part = st.builds(
        lambda seed, begin, size: seed[begin : begin + size], st.sampled_from(seeds), st.integers(0, 400), st.integers(0, 200)
    )
    piece = st.one_of(st.sampled_from(TARGETS[name].tokens), st.sampled_from(TARGETS[name].tokens), part, st.binary(max_size=4))
    return b"".join(draw(st.lists(piece, max_size=20)))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_corpus(path):
    """What is kept is read the same whole, in halves, in thirds, and byte by byte."""
    content = path.read_bytes()
    for edges in ([len(content) // 2], [len(content) // 3, 2 * len(content) // 3], range(len(content))):
        check(path.parent.name, content, edges)


def test_every_parser_has_a_corpus_and_every_corpus_a_parser():
    """None is left out by a misspelt folder."""
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    assert all(SEEDS.values())


@pytest.mark.parametrize("name", TARGETS)
def test_any_input(name):
    """Whatever comes, cut wherever, is read as if it had come whole, within the parser's bounds."""

    @settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
    @given(inputs(name), st.lists(st.integers(0, 10_000), max_size=6))
    def read(content, edges):
        check(name, content, edges)

    read()
    assert SEEDS[name]
