"""Gives the options of `wellhead migrate` and reads dates and offsets as people write them; never opens anything."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
Offsets = tuple[int, tuple[int, int]]
"""A partition, and first offset and end (exclusive) within it."""

_OFFSETS = re.compile(r"(\d+):(\d+)-(\d+)")


class MomentType(click.ParamType[int]):
    """A date or a time, UTC unless it says otherwise; becomes epoch milliseconds."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it."""
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date or time such as 2026-01-31 or 2026-01-31T12:00", param, ctx)
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


class OffsetsType(click.ParamType[Offsets]):
    """A range of offsets of one partition."""

    name = "partition:first-end"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Offsets:
        """Read it."""
        if isinstance(value, tuple):
            return value
        found = _OFFSETS.fullmatch(value)
        if found is None:
            self.fail(f"{value!r} is no range such as 0:1000-2000", param, ctx)
        return int(found[1]), (int(found[2]), int(found[3]))


def job_options(command: Command) -> Command:
    """Add what is copied, from where, to where."""
    for option in reversed(
        [
            click.option("--from", "source", metavar="STORE", help="Store to read, or topic:NAME for a topic of documents."),
            click.option("--to", "target", metavar="STORE", help="Store to write."),
            click.option("--clients", default="all", show_default=True, help="Whose documents: such as 12,100-199."),
            click.option(
                "--from-date", "from_ms", type=MomentType(), help="From this time on (of a topic: when it was written)."
            ),
            click.option("--to-date", "to_ms", type=MomentType(), help="Up to this time, which is not included itself."),
            click.option(
                "--offsets",
                type=OffsetsType(),
                multiple=True,
                help="Of a topic: this range of a partition only; may be repeated.",
            ),
            click.option(
                "--mapping",
                default="identity",
                show_default=True,
                help="What becomes of a document: identity, <connector>/<name>, or the path of a YAML file.",
            ),
            click.option(
                "--slice-docs",
                type=click.IntRange(1),
                help="Documents in a slice, about. [default: by their number, 12,000 to 100,000]",
            ),
            click.option(
                "--page-docs",
                type=click.IntRange(1, 10_000),
                default=4_000,
                show_default=True,
                help="Documents in a search, at most: fewer where 4 MiB hold fewer.",
            ),
        ]
    ):
        command = option(command)
    return command


def pace_options(command: Command) -> Command:
    """Add how fast it is copied."""
    for option in reversed(
        [
            click.option(
                "--parallel", type=click.IntRange(1, 256), default=4, show_default=True, help="Slices at once, in this process."
            ),
            click.option(
                "--slow-secs",
                type=click.FloatRange(min=0, min_open=True),
                default=3.0,
                show_default=True,
                help="A write that takes longer makes this process write less at once.",
            ),
            click.option(
                "--source-docs-per-sec",
                type=click.FloatRange(min=0),
                default=0,
                help="Cap on documents read a second, by all processes of the job together. [default: none]",
            ),
            click.option(
                "--source-searches",
                type=click.IntRange(1),
                default=8,
                show_default=True,
                help="Cap on searches at the same time, by all processes of the job together.",
            ),
        ]
    ):
        command = option(command)
    return command
