"""Gives the options of `wellhead verify`; never opens anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from wellhead.tools.migrate_words import MomentType

Command = TypeVar("Command", bound=Callable[..., Any])

_SECS = click.FloatRange(min=0)
_COUNT = click.IntRange(0)


def _added(command: Command, options: list[Callable[[Command], Command]]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def scope_options(command: Command) -> Command:
    """Add what is compared."""
    return _added(command, [
        click.option("--from", "source", metavar="STORE", required=True, help="Store that is right."),
        click.option("--to", "target", metavar="STORE", required=True, help="Store that should hold the same."),
        click.option("--clients", default="all", show_default=True, help="Whose documents: such as 12,100-199."),
        click.option("--from-date", "from_ms", type=MomentType(), help="From this time on. [default: the oldest document]"),
        click.option("--to-date", "to_ms", type=MomentType(), help="Up to this time, which is not included itself. [default: the newest]"),
        click.option("--kind", "kinds", type=click.Choice(["hits", "attacks"]), multiple=True, help="Only these. [default: both]"),
        click.option("--mapping", default="identity", show_default=True,
                     help="What becomes of a document, as 'wellhead migrate' was told: identity, <connector>/<name>, or a YAML file."),
    ])  # fmt: skip


def rule_options(command: Command) -> Command:
    """Add how documents are compared."""
    return _added(command, [
        click.option("--method", type=click.Choice(["auto", "read", "count"]), default="auto", show_default=True,
                     help="auto: the stores add up every document by themselves where they can; read: every document is read, its version "
                     "too; count: only counts and sums."),
        click.option("--ignore", "ignored", metavar="FIELD", multiple=True, help="Do not compare this field (_version, _index too)."),
        click.option("--unordered", metavar="FIELD", multiple=True, help="The order of this field's list says nothing."),
        click.option("--time-field", "times", metavar="FIELD", multiple=True, help="ISO 8601 text and epoch milliseconds are the same here."),
        click.option("--settle", "settle_secs", type=_SECS, default=5.0, show_default=True,
                     help="Seconds between two looks at what differs: longer than both stores take to show what was written."),
        click.option("--looks", type=click.IntRange(2), default=4, show_default=True, help="Looks at a document that keeps changing."),
        click.option("--sample", "sampled", type=_COUNT, default=200, show_default=True, help="Documents of each kind compared whole."),
        click.option("--top", type=_COUNT, default=20, show_default=True, help="Most frequent types, domains and addresses compared."),
        click.option("--api-clients", type=_COUNT, default=5, show_default=True, help="Clients for whom the read API is asked."),
    ])  # fmt: skip


def pace_options(command: Command) -> Command:
    """Add how fast, and where the outcome goes."""
    return _added(command, [
        click.option("--parallel", type=click.IntRange(1, 64), default=4, show_default=True, help="Questions at once, to each store."),
        click.option("--max-docs-per-sec", type=_SECS, default=0,
                     help="Cap on the documents that each store goes through a second. [default: none]"),
        click.option("--shown", type=_COUNT, default=100, show_default=True, help="Documents named in the report; all are counted."),
        click.option("--report", "report_path", type=click.Path(path_type=Path, dir_okay=False), default=Path("verify.json"),
                     show_default=True, help="Where the report goes, as JSON."),
        click.option("--seed", type=int, help="Chooses the same samples again."),
    ])  # fmt: skip


def watch_options(command: Command) -> Command:
    """Add how mirrored writes are watched."""
    return _added(command, [
        click.option("--continuous", is_flag=True, help="Compare the newest closed windows again and again, one line each, until stopped."),
        click.option("--window", "window_secs", type=click.FloatRange(min=1), default=60.0, show_default=True, help="Seconds of a window, and between rounds."),
        click.option("--lookback", "lookback_secs", type=_SECS, default=3600.0, show_default=True, help="Seconds that each round looks back."),
        click.option("--rounds", type=click.IntRange(1), help="Stop after so many rounds. [default: never]"),
    ])  # fmt: skip
