"""Takes `wellhead offsets groups`, gives how far downstream readers are and moves one on request; never while it reads."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wellhead.tools.offsets_open import kafka_options, open_kafka, open_worker, output_option, say, yes_option
from wellhead.tools.offsets_plan import parsed

if TYPE_CHECKING:
    from wellhead.recovery.groups import GroupAim


@click.group()
def groups() -> None:
    r"""See and move the consumer groups that read the record topics.

    \b
    Examples:
      wellhead offsets groups list -c worker.yaml
      wellhead offsets groups reset detector --topic wss.access_log --to-datetime 2026-05-01T00:00Z -c worker.yaml
    """


@groups.command("list")
@click.option("--connector", help="Only topics of this connector.")
@click.option("--topic", "topics", multiple=True, help="These topics instead of those of the connectors; may be repeated.")
@click.option("--group", help="Only this group.")
@kafka_options
@output_option
def list_(
    *,
    connector: str | None,
    topics: tuple[str, ...],
    group: str | None,
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    output: str,
) -> None:
    r"""List the consumer groups that read the connectors' topics, and their lag.

    \b
    Examples:
      wellhead offsets groups list -c deployment.yaml
      wellhead offsets groups list --connector wss-acme -c deployment.yaml --output json
      wellhead offsets groups list --topic wss.access_log -c worker.yaml
    """
    from wellhead.kafka.settings import admin_config  # noqa: PLC0415
    from wellhead.recovery.groups import membership  # noqa: PLC0415
    from wellhead.recovery.readers import progress  # noqa: PLC0415
    from wellhead.tools.offsets_text import group_table  # noqa: PLC0415

    worker, wanted = open_worker(files, overrides), list(topics)
    if not wanted:
        opened = open_kafka(files, overrides)
        say(f"warning: {warning}" for warning in opened.warnings)
        wanted = sorted({place.topic for place in opened.places(connector) if place.topic is not None})
    config = admin_config(worker)
    found = progress(config, wanted, group=group)
    inside = {name: membership(config, name) for name in sorted({each.group for each in found})}
    if output == "json":
        told = [{**asdict(each), "lag": each.lag, "state": inside[each.group].state} for each in found]
        click.echo(json.dumps(told, indent=2))
        return
    click.echo("\n".join(group_table(found)))
    for name, who in inside.items():
        click.echo(f"{name}: {who.state}, {len(who.members)} members")
    if not found:
        say([f"no consumer group has committed offsets on {', '.join(wanted) or 'any topic: no connector is known here'}"])


@groups.command()
@click.argument("group")
@click.option("--topic", "topics", multiple=True, required=True, help="The topic; may be repeated.")
@click.option("--to-earliest", is_flag=True, help="Read everything that is there.")
@click.option("--to-latest", is_flag=True, help="Read only what comes.")
@click.option("--to-offset", type=click.IntRange(min=0), help="Read on at this offset of each partition.")
@click.option("--to-datetime", metavar="TIME", help="Read on at the first record published then or later (ISO 8601).")
@yes_option
@kafka_options
@output_option
@click.pass_context
def reset(
    ctx: click.Context,
    group: str,
    *,
    topics: tuple[str, ...],
    to_earliest: bool,
    to_latest: bool,
    to_offset: int | None,
    to_datetime: str | None,
    yes: bool,
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    output: str,
) -> None:
    r"""Move consumer group GROUP; without --yes only what would change is shown. Refused while the group has members.

    \b
    Examples:
      wellhead offsets groups reset detector --topic wss.access_log --to-earliest -c worker.yaml
      wellhead offsets groups reset detector --topic wss.access_log --to-datetime 2026-05-01T00:00Z -c worker.yaml --yes
    """
    from wellhead.kafka.settings import admin_config  # noqa: PLC0415
    from wellhead.recovery.groups import ToEarliest, ToLatest, ToMoment, ToOffset, apply_moves, plan_moves  # noqa: PLC0415

    aims: list[GroupAim] = []
    if to_earliest:
        aims.append(ToEarliest())
    if to_latest:
        aims.append(ToLatest())
    if to_offset is not None:
        aims.append(ToOffset(to_offset))
    if to_datetime is not None:
        from wellhead.recovery.aim import parse_time  # noqa: PLC0415

        aims.append(ToMoment(parsed(ctx, "--to-datetime", to_datetime, parse_time)))
    if len(aims) != 1:
        raise click.UsageError("say where to go with one of --to-earliest, --to-latest, --to-offset, --to-datetime", ctx)
    config = admin_config(open_worker(files, overrides))
    moves = plan_moves(config, group, topics, aims[0])
    if yes:
        apply_moves(config, group, moves)
    _tell(group, [asdict(move) for move in moves], yes=yes, output=output)


def _tell(group: str, moves: list[dict[str, object]], *, yes: bool, output: str) -> None:
    from wellhead.tools.connectors import columns  # noqa: PLC0415

    if output == "json":
        click.echo(json.dumps({"group": group, "written": yes, "moves": moves}, indent=2))
    else:
        names = ("topic", "partition", "before", "after", "records")
        rows = [tuple("-" if move[name] is None else str(move[name]) for name in names) for move in moves]
        click.echo("\n".join(columns([("TOPIC", "PARTITION", "FROM", "TO", "AGAIN"), *rows])))
    say([f"group {group} was moved" if yes else "nothing was changed; with --yes the group is moved"])
