"""A letter is what its message says, and a selection takes the ones that are meant."""

import pytest
from received_letters import TOPIC, Received, letter

from wellhead.kafka.messages import Message
from wellhead.recovery.letter import Place, Selection, StoredLetter, gist


def stored(*given, **more) -> StoredLetter:
    return StoredLetter.of(letter(*given, **more))


def test_a_letter_tells_what_its_headers_say():
    """Names, reason, cursor, context and exact bytes come back as they were kept."""
    kept = stored(7, 2, cursor={"token": "t"}, context=b"#Fields: \xff" * 2000, raw=b"\x00\xff", transformed=True)
    assert (kept.place, kept.connector, kept.stream, kept.tenant, kept.stage) == (
        Place(TOPIC, 2, 7),
        "wss-acme",
        "access_log",
        "acme",
        "poll",
    )
    assert (kept.raw, kept.context, kept.cursor, kept.transformed, kept.cut) == (
        b"\x00\xff",
        b"#Fields: \xff" * 2000,
        {"token": "t"},
        True,
        False,
    )


def test_a_cut_letter_says_so_whoever_cut_it():
    """What the source kept only the beginning of, and what the topic could not take whole, can never be read again."""
    assert stored(1, cut=True).cut
    message = Message(TOPIC, b"x", headers=(("wellhead.original.bytes", b"9"),))
    assert StoredLetter.of(Received(message, 0, 0)).cut


def test_a_stranger_in_the_topic_is_a_letter_without_names():
    """A message without headers, or without a body, breaks nothing."""
    kept = StoredLetter.of(Received(Message(TOPIC, None), 0, 0))
    assert (kept.raw, kept.connector, kept.reason, kept.cursor) == (b"", "", "", None)


def test_an_id_names_a_place_and_back():
    """The id is topic/partition/offset."""
    place = Place("a.b-c_d.dlq", 3, 12)
    assert Place.parse(str(place)) == place


@pytest.mark.parametrize("text", ["", "topic", "topic/1", "topic/x/1", "topic/1/-2", "/1/2"])
def test_what_is_no_id_is_told_how_one_looks(text):
    """A mistyped id is an error that shows the form."""
    with pytest.raises(ValueError, match="topic/partition/offset"):
        Place.parse(text)


@pytest.mark.parametrize(
    ("selection", "is_taken"),
    [
        (Selection(), True),
        (Selection(connector="wss-acme", stream="access_log", tenant="acme", stage="poll"), True),
        (Selection(connector="other"), False),
        (Selection(stream="other"), False),
        (Selection(tenant="other"), False),
        (Selection(stage="encode"), False),
        (Selection(reason="LINE HAS"), True),
        (Selection(reason="quote"), False),
        (Selection(since_ms=1000, until_ms=1001), True),
        (Selection(since_ms=1001), False),
        (Selection(until_ms=1000), False),
        (Selection(places=frozenset([Place(TOPIC, 0, 5)])), True),
        (Selection(places=frozenset([Place(TOPIC, 1, 5)])), False),
    ],
)
def test_a_selection_takes_what_is_meant(selection, is_taken):
    """Every part of a selection must hold; from is inclusive, until is not."""
    assert selection.takes(stored(5)) is is_taken


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the line has 27 values, its #Fields line names 28", "the line has 3 values, its #Fields line names 114"),
        ("number: 'one' is a str", "number: 'a\\'b' is a str"),
        ("the record has 1,048,577 bytes", "the record has 99 bytes"),
    ],
)
def test_reasons_of_one_cause_have_one_gist(one, other):
    """What differs from letter to letter, values and numbers, is left out."""
    assert gist(one) == gist(other)


def test_a_gist_is_short():
    """A reason of any length fits into a table."""
    assert len(gist("word " * 1000)) <= 120
