"""Takes `wellhead offsets plan`, gives what a move of cursors would do; never makes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wellhead.tools.offsets_open import kafka_options, open_kafka, output_option, say, url_option

if TYPE_CHECKING:
    from wellhead.recovery.aim import Aim
    from wellhead.recovery.known import Known
    from wellhead.recovery.place import Place
    from wellhead.recovery.plan import Plan, Why

Parsed = TypeVar("Parsed")
_OF_A_STREAM = {"stream", "tenant"}


@click.command()
@click.argument("connector")
@click.option("--to-earliest", is_flag=True, help="Forget the cursor: begin anew from the configured start.")
@click.option("--to-cursor", metavar="JSON", help="Set the cursor to these fields; needs one stream.")
@click.option(
    "--to-datetime", metavar="TIME", help="Set the cursor to where it stood then (ISO 8601, UTC unless it says otherwise)."
)
@click.option("--shift", metavar="SPAN", help="Set the cursor to where it stood so long before its last move, such as -2h.")
@click.option("--stream", "streams", multiple=True, help="Only this stream; may be repeated.")
@click.option("--tenant", "tenants", multiple=True, help="Only this tenant; may be repeated.")
@kafka_options
@url_option
@output_option
@click.pass_context
def plan(
    ctx: click.Context,
    connector: str,
    *,
    to_earliest: bool,
    to_cursor: str | None,
    to_datetime: str | None,
    shift: str | None,
    streams: tuple[str, ...],
    tenants: tuple[str, ...],
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    url: str | None,
    output: str,
) -> None:
    r"""Show what moving CONNECTOR's cursors would do; nothing is changed.

    Told are the old and the new cursor, how many records and dead letters come again, the API calls, minutes and quota it takes, and which
    consumer groups see the records twice. What the history does not reach is said to be unknown. Save the plan with --output json and
    carry it out with 'wellhead offsets apply'.

    \b
    Examples:
      wellhead offsets plan wss-acme --to-earliest -c worker.yaml
      wellhead offsets plan wss-acme --to-datetime 2026-05-01T00:00Z -c worker.yaml
      wellhead offsets plan wss-acme --shift -2h --stream access_log --tenant acme -c worker.yaml
      wellhead offsets plan feed --to-cursor '{"next": 100}' -c worker.yaml --output json > plan.json
    """
    chosen = [_aim(ctx, *given) for given in _given(to_earliest, to_cursor, to_datetime, shift)]
    if len(chosen) != 1:
        raise click.UsageError("say where to go with one of --to-earliest, --to-cursor, --to-datetime, --shift", ctx)
    aim, why = chosen[0]
    made = _planned(ctx, connector, aim, why, streams=streams, tenants=tenants, files=files, overrides=overrides, url=url)
    show_plan(made, output)


def show_plan(made: Plan, output: str) -> None:
    """Print a plan."""
    from wellhead.tools.offsets_text import plan_lines  # noqa: PLC0415

    if output == "json":
        click.echo(json.dumps(made.as_json(), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(plan_lines(made)))


def partitions_of(
    ctx: click.Context, known: Known, places: Sequence[Place], streams: Sequence[str], tenants: Sequence[str]
) -> list[dict[str, Any]]:
    """Give the partitions that are chosen, of those that are stored or configured.

    Beside the cursors of its streams a connector may keep others, such as a backfill's: those are left alone, unless nothing is known of it.
    """
    configured = [dict(place.partition) for place in places]
    stored = [each.partition for each in known.stored if each.partition not in configured]
    every = configured + [partition for partition in stored if not configured or partition.keys() == _OF_A_STREAM]
    chosen = [
        partition
        for partition in every
        if (not streams or partition.get("stream") in streams) and (not tenants or partition.get("tenant") in tenants)
    ]
    if not chosen:
        there = "; there are: " + ", ".join(json.dumps(each, ensure_ascii=False) for each in every) if every else ""
        raise click.UsageError(f"connector {known.connector!r} has no such stream or no cursor at all{there}", ctx)
    return chosen


def _planned(
    ctx: click.Context,
    connector: str,
    aim: Aim,
    why: Why,
    *,
    streams: Sequence[str],
    tenants: Sequence[str],
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    url: str | None,
) -> Plan:
    from wellhead.clock import SystemClock  # noqa: PLC0415
    from wellhead.recovery.known import look_up  # noqa: PLC0415
    from wellhead.recovery.planning import Wish, plan_of  # noqa: PLC0415

    if url is not None and not files:
        return _planned_over_rest(ctx, connector, aim, why, streams=streams, tenants=tenants, url=url)
    opened = open_kafka(files, overrides)
    say(f"warning: {warning}" for warning in opened.warnings)
    known, places = look_up(opened.worker, connector), opened.places(connector)
    partitions = _chosen(ctx, aim, partitions_of(ctx, known, places, streams, tenants))
    wishes = [Wish(partition, aim, why) for partition in partitions]
    return plan_of(opened.worker, connector, wishes, places, now_ms=SystemClock().now_ms(), known=known)


def _planned_over_rest(
    ctx: click.Context, connector: str, aim: Aim, why: Why, *, streams: Sequence[str], tenants: Sequence[str], url: str
) -> Plan:
    from wellhead.clock import SystemClock  # noqa: PLC0415
    from wellhead.recovery.aim import ToCursor, ToStart  # noqa: PLC0415
    from wellhead.recovery.known import Known  # noqa: PLC0415
    from wellhead.recovery.planning import Planner, Wish  # noqa: PLC0415
    from wellhead.tools.offsets_rest import open_rest  # noqa: PLC0415

    if not isinstance(aim, ToStart | ToCursor):
        raise click.UsageError("the history is read from Kafka: name the worker's file (-c) as well", ctx)
    with open_rest(url) as rest:
        known = Known(connector, rest.stored(connector), (), {})
        partitions = _chosen(ctx, aim, partitions_of(ctx, known, (), streams, tenants))
        cursor = aim.cursor if isinstance(aim, ToCursor) else None
        made = rest.dry_run(connector, [{"partition": partition, "offset": cursor} for partition in partitions])
    if made is not None:
        return made
    wishes = [Wish(partition, aim, why) for partition in partitions]
    return Planner(connector, known, (), SystemClock().now_ms(), fences=False).plan(wishes, lambda _topics: [])


def _chosen(ctx: click.Context, aim: Aim, partitions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    from wellhead.recovery.aim import ToCursor  # noqa: PLC0415

    if isinstance(aim, ToCursor) and len(partitions) != 1:
        raise click.UsageError(f"a cursor is of one stream, and {len(partitions)} are chosen: name --stream and --tenant", ctx)
    return partitions


def _given(to_earliest: bool, *texts: str | None) -> list[tuple[str, str]]:  # noqa: FBT001 - the flag among the options
    names = ("--to-cursor", "--to-datetime", "--shift")
    chosen = [("--to-earliest", "")] if to_earliest else []
    return chosen + [(name, text) for name, text in zip(names, texts, strict=True) if text is not None]


def _aim(ctx: click.Context, option: str, text: str) -> tuple[Aim, Why]:
    from wellhead.recovery.aim import Shift, ToCursor, ToStart, ToTime, parse_span, parse_time  # noqa: PLC0415

    match option:
        case "--to-earliest":
            return ToStart(), "reset"
        case "--to-datetime":
            return ToTime(parsed(ctx, option, text, parse_time)), "alter"
        case "--shift":
            return Shift(parsed(ctx, option, text, parse_span)), "alter"
        case _:
            cursor = parsed(ctx, option, text, json.loads)
            if not isinstance(cursor, dict):
                raise click.BadParameter("must be a JSON object", ctx, param_hint=option)
            return ToCursor(cursor), "alter"


def parsed(ctx: click.Context, option: str, text: str, read: Callable[[str], Parsed]) -> Parsed:
    """Give what `read` makes of an option's text, or end with what is wrong about it."""
    try:
        return read(text)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param_hint=option) from None
