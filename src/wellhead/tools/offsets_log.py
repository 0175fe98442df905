"""Takes `wellhead offsets log|diff`, gives the moves that cursors made; never changes one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wellhead.tools.offsets_open import kafka_options, open_worker, output_option
from wellhead.tools.offsets_plan import parsed

if TYPE_CHECKING:
    from wellhead.recovery.way import CursorFields
    from wellhead.storage.history import Move


@click.command()
@click.argument("connector")
@click.option("--stream", "streams", multiple=True, help="Only this stream; may be repeated.")
@click.option("--tenant", "tenants", multiple=True, help="Only this tenant; may be repeated.")
@click.option(
    "--why",
    "reasons",
    multiple=True,
    type=click.Choice(["commit", "reset", "alter", "undo", "import", "backfill", "replay"]),
    help="Only moves of this kind; may be repeated.",
)
@click.option("--since", metavar="TIME", help="Only moves at this time or later (ISO 8601).")
@click.option("--until", metavar="TIME", help="Only moves until this time.")
@click.option("--last", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many, the newest.")
@kafka_options
@output_option
@click.pass_context
def log(
    ctx: click.Context,
    connector: str,
    *,
    streams: tuple[str, ...],
    tenants: tuple[str, ...],
    reasons: tuple[str, ...],
    since: str | None,
    until: str | None,
    last: int,
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    output: str,
) -> None:
    r"""Show the moves of CONNECTOR's cursors: when, from where to where, why, by whom, with how many records; the newest last.

    \b
    Examples:
      wellhead offsets log wss-acme -c worker.yaml
      wellhead offsets log wss-acme --why reset --why undo -c worker.yaml
      wellhead offsets log wss-acme --since 2026-05-01 --last 1000 -c worker.yaml --output json
    """
    from wellhead.recovery.aim import parse_time  # noqa: PLC0415
    from wellhead.tools.offsets_text import move_table  # noqa: PLC0415

    since_ms = None if since is None else parsed(ctx, "--since", since, parse_time)
    until_ms = None if until is None else parsed(ctx, "--until", until, parse_time)
    moves = [
        move
        for move in _moves(connector, files, overrides, since_ms, until_ms)
        if _is_of(move, streams, tenants) and (not reasons or move.why in reasons)
    ][-last:]
    if output == "json":
        click.echo(json.dumps([as_json(move) for move in moves], indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(move_table(moves)))


@click.command()
@click.argument("connector")
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@click.option("--stream", "streams", multiple=True, help="Only this stream; may be repeated.")
@click.option("--tenant", "tenants", multiple=True, help="Only this tenant; may be repeated.")
@kafka_options
@output_option
@click.pass_context
def diff(
    ctx: click.Context,
    connector: str,
    one: str,
    other: str,
    *,
    streams: tuple[str, ...],
    tenants: tuple[str, ...],
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    output: str,
) -> None:
    r"""Compare CONNECTOR's cursors at A with those at B; each is a time (ISO 8601), the id of a move in the log, or 'now'.

    \b
    Examples:
      wellhead offsets diff wss-acme 2026-05-01T06:00Z now -c worker.yaml
      wellhead offsets diff wss-acme 0-4711 0-4802 -c worker.yaml --output json
    """
    moves = [move for move in _moves(connector, files, overrides, None, None) if _is_of(move, streams, tenants)]
    rows = differences(moves, _moment(ctx, "A", one, moves), _moment(ctx, "B", other, moves))
    if output == "json":
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        click.echo(
            f"{row['stream']}: {row['records']:,} records, {row['rejects']:,} dead letters, {row['moves']} moves in between"
        )
        for name, (before, after) in row["fields"].items():
            click.echo(f"  {name}: {json.dumps(before, ensure_ascii=False)} -> {json.dumps(after, ensure_ascii=False)}")
        if not row["known"]:
            click.echo("  the history does not reach back to both moments: what it does not hold is shown as null")
        elif not row["fields"]:
            click.echo("  the same cursor")


def differences(moves: Sequence[Move], one_ms: int, other_ms: int) -> list[dict[str, Any]]:
    """Give, for each stream of `moves`, the fields of its cursor that differ between two moments, and what was published between."""
    from wellhead.kafka.offsets import offset_key  # noqa: PLC0415
    from wellhead.recovery.known import step_of  # noqa: PLC0415
    from wellhead.recovery.plan import name_of  # noqa: PLC0415
    from wellhead.recovery.way import cursor_at  # noqa: PLC0415

    streams: dict[bytes, list[Move]] = {}
    for move in moves:
        streams.setdefault(offset_key(move.connector, move.partition), []).append(move)
    rows = []
    for _, own in sorted(streams.items()):
        steps = [step_of(move) for move in own]
        ends = [cursor_at(steps, at_ms) for at_ms in (one_ms, other_ms)]
        before, after = (None if found is None else found[0] for found in ends)
        between = [step for step in steps if min(one_ms, other_ms) < step.at_ms <= max(one_ms, other_ms)]
        rows.append(
            {
                "stream": name_of(dict(own[0].partition)),
                "partition": dict(own[0].partition),
                "from": before,
                "to": after,
                "fields": _fields(before, after),
                "moves": len(between),
                "records": sum(step.records for step in between),
                "rejects": sum(step.rejects for step in between),
                "known": None not in ends,
            }
        )
    return rows


def as_json(move: Move) -> dict[str, Any]:
    """Give a move as JSON can say it."""
    return {
        "id": move.history_id,
        "connector": move.connector,
        "partition": dict(move.partition),
        "from": move.before,
        "to": move.after,
        "at_ms": move.at_ms,
        "by": move.by,
        "why": move.why,
        "run_id": move.run_id,
        "records": move.records,
        "rejects": move.rejects,
        "plan_id": move.plan_id,
    }


def _fields(before: CursorFields, after: CursorFields) -> dict[str, tuple[Any, Any]]:
    one, other = before or {}, after or {}
    return {name: (one.get(name), other.get(name)) for name in {**one, **other} if one.get(name) != other.get(name)}


def _moment(ctx: click.Context, argument: str, text: str, moves: Sequence[Move]) -> int:
    from wellhead.clock import SystemClock  # noqa: PLC0415
    from wellhead.recovery.aim import parse_time  # noqa: PLC0415

    if text == "now":
        return SystemClock().now_ms()
    for move in moves:
        if move.history_id == text:
            return move.at_ms
    return parsed(ctx, argument, text, parse_time)


def _moves(
    connector: str, files: tuple[Path, ...], overrides: tuple[str, ...], since_ms: int | None, until_ms: int | None
) -> Sequence[Move]:
    from wellhead.kafka.settings import consumer_config  # noqa: PLC0415
    from wellhead.storage.history import read_history  # noqa: PLC0415

    worker = open_worker(files, overrides)
    config, topic = consumer_config(worker), worker.offset_history_topic
    return read_history(config, topic, connector=connector, since_ms=since_ms, until_ms=until_ms)


def _is_of(move: Move, streams: Sequence[str], tenants: Sequence[str]) -> bool:
    return (not streams or move.partition.get("stream") in streams) and (not tenants or move.partition.get("tenant") in tenants)
