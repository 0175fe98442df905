"""Takes a report, gives the lines that tell it to a person; never more than a screen or two."""

from __future__ import annotations

from collections.abc import Iterator

from wellhead.migration.verify.fields import FieldDifference
from wellhead.migration.verify.findings import Totals
from wellhead.migration.verify.report import Report
from wellhead.migration.verify.settling import Difference
from wellhead.migration.verify.spans import told

_DOCUMENTS = 20
_DAYS = 15
_FIELDS = 6
_TOPS = 10
_WORDS = {
    "missing": "is missing in the target",
    "extra": "is only in the target",
    "duplicate": "is a second copy",
    "index": "stands in the wrong index",
    "older": "is an older version",
    "time": "has another time",
    "type": "has a value of another type",
    "changed": "has other values",
}


def lines_of(report: Report) -> Iterator[str]:
    """Yield the lines."""
    yield f"from  {report.source}"
    yield f"to    {report.target}"
    yield f"clients {report.clients}, {told(report.span.first_ms, 'hour')} to {told(report.span.end_ms, 'hour')}"
    yield ""
    yield f"{'':<9}{'from':>16}{'to':>16}{'clients':>10}{'slices':>10}  compared"
    for kind, totals in report.totals.items():
        yield f"{kind:<9}{totals.left:>16,}{totals.right:>16,}{totals.clients:>10,}{totals.slices:>10,}  {_how(totals)}"
    yield ""
    yield from _days(report)
    yield from _documents(report)
    yield from _others(report)
    yield from (f"note: {note}" for note in report.notes)
    yield _verdict(report)


def _how(totals: Totals) -> str:
    parts = (("by digest", totals.by_digest), ("read", totals.by_reading), ("only counted", totals.by_count))
    return ", ".join(f"{docs:,} {how}" for how, docs in parts if docs) or "nothing"


def _days(report: Report) -> Iterator[str]:
    for each in report.narrowed[:_DAYS]:
        hours = ", ".join(told(at_ms, "hour")[11:13] for at_ms in each.hours)
        where = f" in hour{'s' if len(each.hours) > 1 else ''} {hours}" if hours else ""
        docs = f"{each.docs[0]:,} / {each.docs[1]:,} documents"
        day = told(each.span.first_ms)
        yield f"{each.kind} of client {each.client} on {day}: {', '.join(each.reasons)} differ{where} ({docs})"
    if len(report.narrowed) > _DAYS:
        yield f"... and {len(report.narrowed) - _DAYS:,} more days"


def _documents(report: Report) -> Iterator[str]:
    for each in report.settled.differences[:_DOCUMENTS]:
        yield f"  {each.suspect.kind} {each.suspect.id} {_WORDS[each.what]}{_twin(each)}"
        yield from (f"      {_field(field)}" for field in each.fields[:_FIELDS])
        if len(each.fields) > _FIELDS:
            yield f"      ... and {len(each.fields) - _FIELDS} more fields"
    if report.differing > _DOCUMENTS:
        yield f"  ... and {report.differing - _DOCUMENTS:,} more documents"


def _twin(each: Difference) -> str:
    return f" of {each.twin}" if each.twin is not None else ""


def _field(field: FieldDifference) -> str:
    if field.shift_ms is not None:
        return f"{field.path}: {field.left} -> {field.right} ({field.shift_ms:+,} ms)"
    if field.how in ("missing", "extra"):
        return f"{field.path}: {'only in the source' if field.how == 'missing' else 'only in the target'}: {field.left or field.right}"
    return f"{field.path}: {field.left} -> {field.right}"


def _others(report: Report) -> Iterator[str]:
    for top in report.tops[:_TOPS]:
        yield f"  most frequent {top.field} of {top.kind}: {top.value} {_number(top.left)} -> {_number(top.right)}"
    for api in report.api[:_TOPS]:
        found = api.difference
        fields = f" ({', '.join(found.fields)})" if found.fields else ""
        yield f"  read API, {api.question}: {found.subject} {found.kind}{fields}"


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _verdict(report: Report) -> str:
    if report.failure is not None:
        return f"NOT COMPARED: {report.failure}"
    checked = (
        f"{report.docs:,} documents, {report.sampled:,} of them also compared whole at random, {report.asked_api} API questions"
    )
    moving = f", {report.settled.moving:,} were changing while the target followed" if report.settled.moving else ""
    took = f"in {report.took_secs:.1f} s"
    if report.verdict == "equal":
        return f"EQUAL: {checked}{moving}, {took}"
    kinds = ", ".join(f"{count:,} {what}" for what, count in sorted(report.settled.by_what.items()))
    again = sum(report.unnamed.values())
    rest = f", {again:,} seen once only" if again else ""
    return f"DIFFERENT: {report.differing:,} documents ({kinds or 'none by name'}{rest}){moving}, {took}"
