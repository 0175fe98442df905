"""What a syslog header says is told, and the text behind it comes through byte for byte."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.webgateway.syslog_message import parse

PRINTABLE = st.characters(min_codepoint=33, max_codepoint=126)
NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126, blacklist_characters='=]"'), min_size=1, max_size=32)
FIELDS = st.text(PRINTABLE, min_size=1, max_size=32).filter(lambda text: text != "-")
ELEMENTS = st.dictionaries(NAMES, st.dictionaries(NAMES, st.text(max_size=20), max_size=3), max_size=3)


def escaped(value):
    return "".join("\\" + letter if letter in '"\\]' else letter for letter in value)


@given(st.integers(0, 191), st.tuples(*[FIELDS] * 5), ELEMENTS, st.binary(max_size=60))
def test_what_rfc_5424_can_say_comes_back(priority, fields, elements, body):
    """A message written by the standard's grammar gives its fields, its structured data and its text."""
    data = "".join(
        f"[{name}{''.join(f' {key}=' + chr(34) + escaped(value) + chr(34) for key, value in values.items())}]"
        for name, values in elements.items()
    )
    message = parse(f"<{priority}>1 {' '.join(fields)} {data or '-'} ".encode() + body)
    names = ("time", "host", "app", "process", "id")
    wanted = {"syslog.priority": str(priority)}
    wanted |= {f"syslog.{name}": value for name, value in zip(names, fields, strict=True)}
    wanted |= {f"{name}.{key}": value for name, values in elements.items() for key, value in values.items()}
    assert message.told == wanted
    assert message.body == body.removeprefix(b"\xef\xbb\xbf")


@given(st.binary(max_size=120), st.sampled_from([b"", b"<34>", b"<34>1 ", b"<34>1 - - - - - ", b'<34>1 - - - - - [a b="']))
def test_any_bytes_are_a_message_or_say_why_not(raw, begin):
    """Nothing a sender sends does worse than be refused, and the text is always the end of what came."""
    told = None
    with suppress(ValueError):
        told = parse(begin + raw)
    assert told is None or (begin + raw).endswith(told.body)


@pytest.mark.parametrize(
    ("raw", "body", "told"),
    [
        (b"<134>Feb  3 10:00:07 gw-1 squid[812]: 1.5 12 a", b"1.5 12 a", {"host": "gw-1", "app": "squid", "process": "812"}),
        (b"<134>Feb 13 10:00:07 2001:db8::1 mwg: [03/Feb] x", b"[03/Feb] x", {"host": "2001:db8::1", "app": "mwg"}),
        (b'<134>[03/Feb/2026:10:00:07 +0100] "" x', b'[03/Feb/2026:10:00:07 +0100] "" x', {}),
        (b"<134>Feb  3 10:00:07 gw 2001:db8::7 - - [x", b"2001:db8::7 - - [x", {"host": "gw"}),
    ],
)  # fmt: skip
def test_the_older_form_is_read_as_gateways_write_it(raw, body, told):
    """RFC 3164 with host, tag and process gives them; a gateway that writes only the priority loses nothing of its line."""
    message = parse(raw)
    assert message.body == body
    assert {f"syslog.{name}": value for name, value in told.items()}.items() <= message.told.items()


@pytest.mark.parametrize("raw", [b"<192>x", b"<34>1 - - -", b'<34>1 - - - - - [a b="c] x', b"<34>1 - - - - - nothing"])
def test_a_header_that_is_none_says_so(raw):
    """A priority beyond the greatest, missing fields and open structured data are refused, each with its reason."""
    with pytest.raises(ValueError, match="its "):
        parse(raw)


def test_a_line_without_a_header_is_text():
    """A gateway that sends its bare log lines is understood."""
    line = b"1767225600.123 12 198.51.100.7 TCP_MISS/200 512 GET http://www.example.org/ - DIRECT/- text/html"
    assert parse(line).body == line


def test_escapes_and_the_byte_order_mark_are_taken_away():
    """In structured data a quote, a backslash and a bracket are escaped; before the text the standard puts a mark."""
    message = parse(b'<34>1 - - - - - [a b="q\\" s\\\\ k\\] n\\n"] \xef\xbb\xbftext')
    assert message.told["a.b"] == 'q" s\\ k] n\\n'
    assert message.body == b"text"
