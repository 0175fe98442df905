"""Takes dead letters and reports of redrives, gives the lines a person reads; never looks anything up, never shows a control character."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from wellhead.recovery.aim import iso
from wellhead.recovery.dlq import Count
from wellhead.recovery.letter import StoredLetter
from wellhead.recovery.redrive import Report
from wellhead.recovery.settled import Mark, Outcome
from wellhead.tools.connectors import columns

SHOWN_BYTES = 4_096
_ROW_BYTES = 16
_FIRST_PRINTABLE, _LAST_PRINTABLE = 0x20, 0x7E


def count_table(counts: Sequence[Count]) -> list[str]:
    """Give the table of `dlq list`."""
    rows = [
        (
            f"{count.letters:,}",
            count.kind.connector or "?",
            count.kind.stream or "?",
            count.kind.tenant or "?",
            count.kind.stage or "?",
            printable(count.kind.reason) or "no dead letter of ours",
            iso(count.last_ms),
            str(count.example),
        )
        for count in counts
    ]
    return columns([("LETTERS", "CONNECTOR", "STREAM", "TENANT", "STAGE", "REASON", "LAST", "EXAMPLE"), *rows])


def letter_table(letters: Sequence[StoredLetter], marks: Sequence[Mark | None]) -> list[str]:
    """Give the table of `dlq list --each`."""
    rows = [
        (
            str(letter.place),
            iso(letter.at_ms),
            letter.connector or "?",
            letter.stream or "?",
            letter.tenant or "?",
            letter.stage or "?",
            f"{len(letter.raw):,}",
            "open" if mark is None else mark.outcome,
            printable(letter.reason),
        )
        for letter, mark in zip(letters, marks, strict=True)
    ]
    return columns([("ID", "AT", "CONNECTOR", "STREAM", "TENANT", "STAGE", "BYTES", "STATE", "REASON"), *rows])


def letter_page(letter: StoredLetter, mark: Mark | None, *, as_hex: bool) -> Iterator[str]:
    """Yield what `dlq show` tells of a letter."""
    cursor = letter.cursor
    facts = [
        ("id", str(letter.place)),
        ("at", iso(letter.at_ms)),
        ("state", "open" if mark is None else f"{mark.outcome}, {iso(mark.at_ms)}, by {printable(mark.by)}"),
        ("connector", letter.connector),
        ("stream", letter.stream),
        ("tenant", letter.tenant),
        ("stage", letter.stage),
        ("reason", letter.reason),
        ("meant for", letter.record_topic),
        ("cursor", "none" if cursor is None else json.dumps(cursor, separators=(",", ":"), ensure_ascii=False)),
        ("bytes", f"{len(letter.raw):,}{', only the beginning of it' if letter.cut else ''}"),
    ]
    yield from columns([(name, printable(text)) for name, text in facts])
    yield ""
    yield "headers"
    rows = [(name, "null" if content is None else shown(content)) for name, content in letter.headers]
    yield from (f"  {line}" for line in columns(rows))
    yield ""
    yield f"content{'' if len(letter.raw) <= SHOWN_BYTES else f', the first {SHOWN_BYTES:,} bytes of {len(letter.raw):,}; all of it with --raw'}"
    yield from (f"  {line}" for line in (hexdump(letter.raw[:SHOWN_BYTES]) if as_hex else [shown(letter.raw[:SHOWN_BYTES])]))


def report_lines(report: Report) -> Iterator[str]:
    """Yield what a redrive did, or would do."""
    total = sum(report.letters.values())
    if not total:
        yield f"{report.topic}: no open letter is selected"
        return
    doing = "would become" if report.dry_run else "became"
    records = f"{report.records:,} record{'' if report.records == 1 else 's'}"
    yield f"{report.topic}: {total:,} open letter{'' if total == 1 else 's'} {doing} {records}"
    rows = [
        (f"{report.letters[outcome]:,}", outcome.value, outcome.meaning) for outcome in Outcome if report.letters.get(outcome)
    ]
    yield from (f"  {line}" for line in columns(rows))
    if report.still_open:
        yield "still open"
    for number, first in sorted(report.still_open.values(), key=lambda pair: -pair[0]):
        yield f"  {number:,} {first.outcome.value}, such as {first.place}: {printable(first.reason)}"
        if first.before != first.reason:
            yield f"      before: {printable(first.before)}"


def printable(text: str) -> str:
    """Give a text on one line, without control characters: a letter may hold anything."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def shown(content: bytes) -> str:
    """Give bytes as text where they are text; what is none, and control characters, as escapes."""
    return printable(content.decode(errors="backslashreplace"))


def hexdump(content: bytes) -> list[str]:
    """Give bytes as offset, hex and ASCII.

    >>> hexdump(bytes([0x41, 0x0a]))
    ['00000000  41 0a                                            |A.|']
    """
    lines = []
    for start in range(0, len(content), _ROW_BYTES):
        row = content[start : start + _ROW_BYTES]
        text = "".join(chr(octet) if _FIRST_PRINTABLE <= octet <= _LAST_PRINTABLE else "." for octet in row)
        lines.append(f"{start:08x}  {row.hex(' '):<{_ROW_BYTES * 3}} |{text}|")
    return lines
