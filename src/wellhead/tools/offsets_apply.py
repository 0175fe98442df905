"""Takes `wellhead offsets apply|undo`, carries out a plan that somebody has seen; never one that was overtaken."""

from __future__ import annotations

import getpass
import json
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wellhead.tools.offsets_open import (
    kafka_options,
    open_kafka,
    output_option,
    say,
    url_option,
    yes_option,
)
from wellhead.tools.offsets_plan import partitions_of, show_plan

if TYPE_CHECKING:
    from wellhead.recovery.apply import Applied, Author
    from wellhead.recovery.plan import Plan


@click.command()
@click.argument("planfile", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--unfenced", is_flag=True, help="Also where it is not known who runs a stream: I made sure that nobody does.")
@click.option("--by", help="Who does it, for history and audit. [default: user@host]")
@yes_option
@kafka_options
@url_option
@output_option
def apply(
    planfile: Path,
    *,
    unfenced: bool,
    by: str | None,
    yes: bool,
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    url: str | None,
    output: str,
) -> None:
    r"""Carry out the plan in PLANFILE, unless a cursor moved since it was made.

    Straight against Kafka (-c) it fences whoever runs the streams: a running 'wellhead run' of the connector stops as fenced, and is to be
    started again; workers of a group go on from the new cursor by themselves. Through a worker (--url) it stops the connector, alters the
    cursors, and lets it go on as before. Cursor, history and audit are written in one transaction. Applying a plan twice is harmless.

    \b
    Examples:
      wellhead offsets apply plan.json -c worker.yaml
      wellhead offsets apply plan.json --url http://127.0.0.1:8083 --yes
      wellhead offsets plan feed --to-earliest -c w.yaml --output json | wellhead offsets apply - -c w.yaml --yes
    """
    from wellhead.recovery.plan import parse_plan, read_plan  # noqa: PLC0415

    plan = parse_plan(sys.stdin.buffer.read(), where="stdin") if str(planfile) == "-" else read_plan(planfile)
    if not plan.moving:
        tell_applied(plan, None, output)
        return
    sure(plan, yes=yes)
    tell_applied(plan, carry_out(plan, files, overrides, url, author(by), unfenced=unfenced), output)


@click.command()
@click.argument("connector")
@click.option("--stream", "streams", multiple=True, help="Only this stream; may be repeated.")
@click.option("--tenant", "tenants", multiple=True, help="Only this tenant; may be repeated.")
@click.option("--by", help="Who does it, for history and audit. [default: user@host]")
@yes_option
@kafka_options
@url_option
@output_option
@click.pass_context
def undo(
    ctx: click.Context,
    connector: str,
    *,
    streams: tuple[str, ...],
    tenants: tuple[str, ...],
    by: str | None,
    yes: bool,
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    url: str | None,
    output: str,
) -> None:
    r"""Put CONNECTOR's cursors back to where they stood before the last reset, alter, import or undo.

    Without --yes only the plan is shown; with --output json it can be saved and applied later. Ordinary commits are not undone: for
    those, plan --to-datetime. Undoing twice brings back what the first undo took away.

    \b
    Examples:
      wellhead offsets undo wss-acme -c worker.yaml
      wellhead offsets undo wss-acme --stream access_log -c worker.yaml --yes
    """
    from wellhead.clock import SystemClock  # noqa: PLC0415
    from wellhead.recovery.known import look_up  # noqa: PLC0415
    from wellhead.recovery.planning import Wish, plan_of  # noqa: PLC0415
    from wellhead.recovery.undo import undoable  # noqa: PLC0415

    opened = open_kafka(files, overrides)
    say(f"warning: {warning}" for warning in opened.warnings)
    known, places = look_up(opened.worker, connector), opened.places(connector)
    chosen = partitions_of(ctx, known, places, streams, tenants)
    partitions = [partition for partition in chosen if undoable(known.steps(partition))] or chosen
    wishes = [Wish(partition, None, "undo") for partition in partitions]
    plan = plan_of(opened.worker, connector, wishes, places, now_ms=SystemClock().now_ms(), known=known)
    if not yes or not plan.moving:
        show_plan(plan, output)
        say(["nothing was changed; with --yes it is" if plan.moving else "there is nothing to move"])
        return
    tell_applied(plan, carry_out(plan, files, overrides, url, author(by)), output)


def carry_out(
    plan: Plan, files: tuple[Path, ...], overrides: tuple[str, ...], url: str | None, by: Author, *, unfenced: bool = False
) -> Applied:
    """Apply a plan, through the worker at `url` where there is one, else straight against Kafka."""
    if url is not None:
        from wellhead.tools.offsets_rest import open_rest  # noqa: PLC0415

        with open_rest(url) as rest:
            return rest.apply(plan)
    from wellhead.clock import SystemClock  # noqa: PLC0415
    from wellhead.recovery.apply import Overrides, apply_plan, unaltered  # noqa: PLC0415

    opened = open_kafka(files, overrides)
    unaltered(plan, opened.places(plan.connector))
    override = Overrides(opened.producer_override(plan.connector))
    return apply_plan(opened.worker, plan, by=by, now_ms=SystemClock().now_ms, overrides=override, unfenced=unfenced)


def sure(plan: Plan, *, yes: bool) -> None:
    """Let a person say yes to a plan; where none can be asked, refuse.

    Raises:
        Refused: Nobody said yes.
    """
    from wellhead.recovery.errors import Refused  # noqa: PLC0415
    from wellhead.tools.offsets_text import plan_lines  # noqa: PLC0415

    if yes:
        return
    say(plan_lines(plan))
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(f"{plan.id} moves {len(plan.moving)} cursors of {plan.connector}; say that it is meant with --yes")
    if not click.confirm("Move them?", err=True):
        raise Refused("nothing was changed")


def tell_applied(plan: Plan, applied: Applied | None, output: str) -> None:
    """Print what became of a plan."""
    moved, already = ((), ()) if applied is None else (applied.moved, applied.already)
    if output == "json":
        click.echo(json.dumps({"plan_id": plan.id, "connector": plan.connector, "moved": moved, "already": already}, indent=2))
        return
    for name in moved:
        click.echo(f"moved {plan.connector}, {name}")
    for name in already:
        click.echo(f"stood there already: {plan.connector}, {name}")
    if not moved and not already:
        click.echo("no cursor moves: nothing was changed")


def author(by: str | None) -> Author:
    """Give who applies, as history and audit will name them."""
    from wellhead.recovery.apply import Author  # noqa: PLC0415

    return Author(by or f"{_user()}@{socket.gethostname()}", f"wellhead offsets on {socket.gethostname()}")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"
