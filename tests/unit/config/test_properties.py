"""Tests of the Java properties parser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wellhead.config.properties import parse_properties


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("a=b", {"a": "b"}),
        ("a: b", {"a": "b"}),
        ("a b c", {"a": "b c"}),
        ("  a  =  b  ", {"a": "b  "}),
        ("# no\n! no\n\na=b\r\nc=d", {"a": "b", "c": "d"}),
        ("a = one \\\n    two", {"a": "one two"}),
        ("a = ends\\\\\nb = 2", {"a": "ends\\", "b": "2"}),
        ("a\\=b=c\\:d", {"a=b": "c:d"}),
        ("tab=\\t\\u00e9", {"tab": "\té"}),
        ("a=b=c#d", {"a": "b=c#d"}),
        ("alone", {"alone": ""}),
        ("a=1\na=2", {"a": "2"}),
        ("a=open\\", {"a": "open"}),
        ("", {}),
    ],
)
def test_java_properties(text, pairs):
    """Every form java.util.Properties reads is read the same."""
    assert parse_properties(text) == pairs


def _escaped(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" if not char.isalnum() or ord(char) > 126 else char for char in text)


BASIC = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), min_size=1)


@given(st.dictionaries(BASIC, BASIC, max_size=4))
def test_escaped_text_survives(pairs):
    """Whatever a properties writer escapes comes back as it was."""
    text = "\n".join(f"{_escaped(key)}={_escaped(value)}" for key, value in pairs.items())
    assert parse_properties(text) == pairs


@given(st.text())
def test_no_text_breaks_the_parser(text):
    """Any file gives a mapping of texts, never an exception that could quote it."""
    assert all(isinstance(value, str) for value in parse_properties(text).values())
