"""Takes verdicts, gives the tables that the demo shows; judges nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table

from wellhead.demo.act import Verdict
from wellhead.demo.attackverdict import AttackVerdict
from wellhead.demo.floods import FOUND_SECS, FloodVerdict
from wellhead.demo.lag import HITS, PER_SEC
from wellhead.demo.lookups import FileVerdict


def of_topics(verdicts: Mapping[str, Verdict]) -> Table:
    """Show what became of each topic."""
    headings = ("truth", "read", "lost", "duplicated", "dead-lettered", "broken", "API calls", "seconds", "records/s")
    table = _table("pulled once by two workers, one of them killed, read back at read_committed", "topic", headings)
    table.caption = "what is broken at the vendor must be dead-lettered, and nothing else; seconds from the workers' start on"
    for name, verdict in verdicts.items():
        numbers = (verdict.truth, verdict.read, verdict.lost, verdict.duplicated, verdict.dead_lettered, verdict.broken)
        rate = f"{verdict.records_per_sec:,.0f}"
        table.add_row(name, *_counts(*numbers, verdict.api_calls), f"{verdict.seconds:.1f}", rate)
    return table


def of_files(files: Mapping[str, FileVerdict]) -> Table:
    """Show the lookup files."""
    table = _table("lookup files, built from the topics without an API call", "file", ("rows", "bytes", "missing", "extra"))
    for name, verdict in files.items():
        table.add_row(name, *_counts(verdict.rows, verdict.size_bytes, verdict.missing, verdict.extra))
    return table


def of_attacks(attacks: Mapping[str, AttackVerdict]) -> Table:
    """Show the attacks of each topic of hits, and how soon one could be found."""
    headings = ("hits", "stored", "attacks", "truth", "missing", "extra", "altered", "found after: p50", "p99")
    table = _table("hits grouped into attacks as they came, as a search store holds them", "topic", headings)
    table.caption = (
        "truth: the attacks that the simulator made; altered: told with counts or times that are not those of its hits;\n"
        "found after: from the moment a hit can be read in Kafka until a search finds its attack,\n"
        f"over {HITS} further hits, {PER_SEC:g} a second, each of which opens an attack of its own"
    )
    for name, verdict in attacks.items():
        numbers = (verdict.hits, verdict.hits_stored, verdict.attacks, verdict.truth)
        lags = (f"{secs:.2f} s" for secs in (verdict.lag.p50_secs, verdict.lag.p99_secs))
        table.add_row(name, *_counts(*numbers, verdict.missing, verdict.extra, verdict.altered), *lags)
    return table


def of_floods(floods: Mapping[str, FloodVerdict]) -> Table:
    """Show what was found in each topic of connections."""
    headings = ("records", "gateways", "families that flood", "found", "missing", "extra", "findings", "found after")
    table = _table("floods of connections, looked for in the topic alone", "topic", headings)
    table.caption = (
        f"truth: the floods that the simulator made; found after: from a flood's first connection on, at most {FOUND_SECS:g} s"
    )
    for name, verdict in floods.items():
        numbers = (verdict.records, verdict.gateways, verdict.truth, verdict.found, verdict.missing, verdict.extra)
        table.add_row(name, *_counts(*numbers, verdict.findings), f"{verdict.found_after_secs:.1f} s")
    return table


def _table(title: str, first: str, headings: Sequence[str]) -> Table:
    table = Table(title=title)
    table.add_column(first, no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _counts(*numbers: int) -> list[str]:
    return [f"{number:,}" for number in numbers]
