"""Takes findings, gives what a person woken by one needs: what was counted, since when, by which limit, what to do now; judges nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from wellhead.config.floods import FloodsSettings
from wellhead.consumers.floods.bypass import is_entry, touches
from wellhead.consumers.floods.families import ALL
from wellhead.consumers.floods.findings import Finding, Sample
from wellhead.consumers.floods.known import GatewayView

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
_LIMIT_OF = {
    "established": "established.max",
    "share": "share.max",
    "idle": "idle.max",
    "orphaned": "orphan.max",
    "growth": "growth.per.min",
}


def age(secs: float) -> str:
    """Give a duration as people say it."""
    size, unit = next(((size, unit) for size, unit in _UNITS if secs >= size), (1, "s"))
    return f"{secs / size:.1f} {unit}"


def matching(gateways: Sequence[GatewayView], asked: str) -> list[Finding]:
    """Give the findings with an id that begins so, or the open ones of the gateway of that name; of a gateway with none open the last closed one."""
    found = [each for view in gateways for each in view.findings if asked and each.id.startswith(asked)]
    if found:
        return found
    mine = [view for view in gateways if view.gateway == asked]
    if still := [each for view in mine for each in view.open]:
        return still
    closed = sorted((each for view in mine for each in view.findings), key=lambda each: each.time_ms)
    return closed[-1:]


def headline(finding: Finding) -> str:
    """Give what was found in one sentence."""
    there = "in all" if finding.family == ALL else f"to {finding.family}"
    share = f"{finding.share:.0%} of {finding.total:,}"
    about = "about " if finding.approximate else ""
    told = {
        "established": f"{about}{finding.count:,} established connections {there} ({share})",
        "share": f"{share} connections to destinations are to {finding.family} ({about}{finding.count:,})",
        "idle": f"{about}{finding.count:,} idle connections {there} ({share})",
        "orphaned": f"{about}{finding.count:,} connections {there} without a client that could use them (at least {finding.at_least:,})",
        "growth": f"{finding.growth_per_min or 0:,.0f} more connections a minute {there} ({about}{finding.count:,} now)",
    }[finding.detector]
    return f"{finding.gateway or 'a gateway without a name'}: {told}"


def explained(finding: Finding, settings: FloodsSettings, now_ms: int) -> Iterator[str]:
    """Give the lines that explain a finding, the most urgent first."""
    yield headline(finding)
    yield ""
    yield f"  state       {_state(finding, now_ms)}"
    yield f"  since       {_when(finding.since_ms)} ({age((now_ms - finding.since_ms) / 1000)} ago)"
    yield f"  measured    {_when(finding.time_ms)}, in {finding.source}"
    limits = ", ".join(f"{name.replace('_', '.')} = {value:g}" for name, value in finding.thresholds.items())
    yield f"  limits      {limits or '-'}"
    if finding.growth_per_min is not None:
        yield f"  growth      {finding.growth_per_min:+,.0f} connections a minute"
    if finding.clients is not None:
        top = ", ".join(f"{each.client} ({each.count:,})" for each in finding.clients_top[:5])
        yield f"  clients     {finding.clients:,}{f', most of all {top}' if top else ''}"
    if finding.members:
        rest = len(finding.members) - 5
        yield f"  names       {', '.join(finding.members[:5])}{f' and {rest} more' if rest > 0 else ''}"
    if finding.approximate:
        yield "  note        there are too many families to count each exactly; the large ones are nearly right"
    yield f"  id          {finding.id}"
    yield ""
    yield from _now(finding, settings)
    if finding.evidence:
        yield from ("", "What was seen, the oldest first:")
        yield from (f"  {line}" for line in _table(finding.evidence))


def _state(finding: Finding, now_ms: int) -> str:
    if finding.kind != "closed":
        return "OPEN"
    why = {
        "below": "it is below its limit again",
        "silent": "nothing was heard of the gateway any more, so nothing is known",
    }.get(finding.reason, finding.reason)
    return f"closed {age((now_ms - finding.time_ms) / 1000)} ago: {why}"


def _now(finding: Finding, settings: FloodsSettings) -> Iterator[str]:
    """Give what to do now."""
    if finding.kind == "closed":
        yield "Nothing has to be done now. What was advised while it was open:"
        yield f"  {finding.suggestion.text}"
        return
    yield "What to do now:"
    yield f"  1. {finding.suggestion.text}"
    entry = finding.suggestion.entry
    if finding.suggestion.action == "bypass" and entry is not None:
        yield f"     {_bypass(finding, entry, settings)}"
    yield "  2. See whether it falls: wellhead floods status FILES. The finding closes by itself some time after it has fallen."
    word = _LIMIT_OF[finding.detector]
    if finding.family == ALL:
        yield f"  3. If so many are usual here, raise floods.{settings.name}.limits ({'total.max' if finding.detector == 'established' else word})."
    else:
        yield f"  3. If so many are usual here, raise its limit: add to floods.{settings.name}.destinations"
        yield f'       - {{match: "{finding.family}", limits: {{{word}: ...}}}}'


def _bypass(finding: Finding, entry: str, settings: FloodsSettings) -> str:
    if not is_entry(entry):
        return f"{entry!r} is nothing a bypass file may hold; write it into the gateway's policy by hand."
    known = (entry, *finding.members)
    kept = [allowed for allowed in settings.bypass.allow if any(touches(allowed, each) for each in known)]
    if kept:
        return f"{entry} is NOT in the bypass file: bypass.allow holds {kept[0]}. Somebody decided that it must be looked at; ask before you change it."
    if settings.bypass.file is not None:
        return f"{entry} is in {settings.bypass.file} already; see that the gateway has loaded it."
    return (
        f"No bypass.file is set: write {entry} into the gateway's own bypass list, or set floods.{settings.name}.bypass.file."
    )


def _table(evidence: Sequence[Sample]) -> Iterator[str]:
    head = ("here", "there", "name", "open for", "idle for", "sent", "received", "process")
    rows = [
        (
            each.local or "-",
            each.remote,
            each.name or "-",
            age(each.age_secs),
            "-" if each.idle_secs is None else age(each.idle_secs),
            "-" if each.bytes_sent is None else f"{each.bytes_sent:,} B",
            "-" if each.bytes_received is None else f"{each.bytes_received:,} B",
            each.process or "-",
        )
        for each in evidence
    ]
    yield from aligned(head, rows)


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Give rows below their heads, in columns."""
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    for row in [head, *rows]:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _when(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
