"""What a person reads of dead letters; whatever they hold, the terminal stays whole."""

import pytest

from wellhead.recovery.letter import Place, StoredLetter
from wellhead.recovery.redrive import Report, StillOpen
from wellhead.recovery.settled import Mark, Outcome
from wellhead.tools.dlq_text import hexdump, letter_page, letter_table, printable, report_lines, shown

HOSTILE = b"\x1b[2Jgone\x07\xff\x00\r\nnext \xe2\x80\xae end"
PLACE = Place("t.dlq", 0, 12)


def hostile() -> StoredLetter:
    headers = (("__connect.errors.exception.message", HOSTILE), ("__connect.errors.stage", b"poll"), ("empty", None))
    return StoredLetter(PLACE, 0, headers, HOSTILE)


def test_no_control_character_reaches_the_terminal():
    """Escape sequences, bells, bidirectional marks and bytes that are no text are shown as escapes, in every part of the page."""
    for as_hex in (False, True):
        page = [
            *letter_page(hostile(), Mark(PLACE, "redriven", 0, "a\x1bb"), as_hex=as_hex),
            *letter_table([hostile()], [None]),
        ]
        assert all(line.isprintable() for line in page)
    assert shown(HOSTILE) == r"\x1b[2Jgone\x07\xff\x00\r\nnext \u202e end"
    assert printable("ä € 漢") == "ä € 漢"


def test_a_page_says_what_a_person_needs():
    """State, reason and bytes stand on it, and how to get what is too long for it."""
    long = StoredLetter(PLACE, 0, (), b"x" * 5000)
    page = "\n".join(letter_page(long, None, as_hex=False))
    assert "state      open" in page
    assert "all of it with --raw" in page
    assert "x" * 4097 not in page


@pytest.mark.parametrize("content", [b"", bytes(range(40))])
def test_a_hexdump_holds_every_byte(content):
    """Offset, hex and text of each sixteen bytes."""
    lines = hexdump(content)
    assert bytes.fromhex("".join(line[10:58] for line in lines)) == content


def test_a_report_says_what_became_and_what_is_left():
    """Outcomes are told with what they mean, and each kind of letter that stays open with its reason before and now."""
    report = Report("t.dlq", dry_run=True)
    report.count(Outcome.REDRIVEN, 1)
    for offset in (1, 2):
        report.keep_open(StillOpen(Place("t.dlq", 0, offset), Outcome.FAILED, "was too long", f"has {offset} values"))
    text = "\n".join(report_lines(report))
    assert "t.dlq: 3 open letters would become 1 record" in text
    assert "2 failed again, such as t.dlq/0/1: has 1 values" in text
    assert "before: was too long" in text
    assert "no open letter is selected" in "\n".join(report_lines(Report("t.dlq", dry_run=False)))


def test_every_outcome_has_a_meaning():
    """A person is told what each word means, and only two of them leave a letter open."""
    assert all(outcome.meaning for outcome in Outcome)
    assert [outcome for outcome in Outcome if not outcome.settles] == [Outcome.FAILED, Outcome.REFUSED]
