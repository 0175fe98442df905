"""Takes `wellhead dlq redrive`, gives what would become of a connector's dead letters, and publishes them where a person says so."""

from __future__ import annotations

import getpass
import json
import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wellhead.tools.dlq_open import open_connector, selecting, selection_of
from wellhead.tools.offsets_open import kafka_options, output_option, say

if TYPE_CHECKING:
    from wellhead.recovery.redrive import Report


@click.command()
@click.argument("connector")
@click.option("--id", "ids", multiple=True, metavar="ID", help="Only this letter, topic/partition/offset; may be repeated.")
@selecting
@click.option("--yes", is_flag=True, help="Publish them, without asking.")
@click.option("--by", help="Who does it, for the markers and the audit. [default: user@host]")
@kafka_options
@output_option
@click.pass_context
def redrive(
    ctx: click.Context,
    /,
    connector: str,
    *,
    ids: tuple[str, ...],
    topics: tuple[str, ...],
    yes: bool,
    by: str | None,
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    output: str,
    **given: str | None,
) -> None:
    r"""Publish CONNECTOR's dead letters as the records they are by now, each once, after the cause is mended.

    Each is read again by the connector as it is configured now, with its present schema and transforms. Without --yes only what would
    become of them is shown; on a terminal it is asked then. Letter and records are settled in one transaction: a crash, a second redrive or
    two at once publish nothing twice, and what the topic holds already is left out. The connector may run meanwhile. What is wrong still
    stays open, with its new reason, and the exit code is 1.

    \b
    Examples:
      wellhead dlq redrive wss-acme -c worker.yaml
      wellhead dlq redrive wss-acme -c worker.yaml --reason 'longer than' --yes
      wellhead dlq redrive wss-acme -c worker.yaml --id wss.access_log.dlq/0/12 --yes
      wellhead dlq redrive wss-acme -c worker.yaml --since 1d --output json
    """
    from wellhead.clock import SystemClock  # noqa: PLC0415 - the verb is listed without loading what it does
    from wellhead.runtime.redriving import redrive as redriven  # noqa: PLC0415
    from wellhead.telemetry.redaction import Redactor  # noqa: PLC0415

    selection = selection_of(ctx, ids, **given)
    worker, loaded = open_connector(connector, files, overrides)
    redact = Redactor([*worker.secrets(), *(secret for each in loaded for secret in each.secrets())]).text

    def work(*, dry_run: bool) -> list[Report]:
        chosen = topics or tuple(dict.fromkeys(place.topic for place in sorted(selection.places or ())))
        return redriven(
            loaded, worker, selection, topics=chosen, dry_run=dry_run, by=by or _who(), clock=SystemClock(), redact=redact
        )  # fmt: skip

    if yes:
        reports = work(dry_run=False)
    else:
        reports = work(dry_run=True)
        if output == "table" and _is_sure(reports):
            reports = work(dry_run=False)
    _tell(reports, output)
    if not reports[0].dry_run and any(report.still_open for report in reports):
        ctx.exit(1)


def _is_sure(reports: Sequence[Report]) -> bool:
    """Show what would happen, and let a person at a terminal say yes."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()) or not any(report.settled for report in reports):
        return False
    _tell(reports, "table", lambda line: click.echo(line, err=True))
    return click.confirm("Publish them?", err=True)


def _tell(reports: Sequence[Report], output: str, say_line: Callable[[str], None] = click.echo) -> None:
    from wellhead.tools.dlq_text import report_lines  # noqa: PLC0415

    if output == "json":
        click.echo(json.dumps({"redrives": [report.as_json() for report in reports]}, indent=2, ensure_ascii=False))
        return
    for report in reports:
        for line in report_lines(report):
            say_line(line)
    if say_line is click.echo and reports[0].dry_run and any(report.settled for report in reports):
        say(["nothing was published; with --yes it is"])


def _who() -> str:
    """Give who sits here; a container may have no name for its user."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"
