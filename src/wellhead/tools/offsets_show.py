"""Takes `wellhead offsets list|show`, gives where cursors stand and how they came there; never changes one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wellhead.tools.offsets_open import kafka_options, open_kafka, open_worker, output_option, say, url_option

if TYPE_CHECKING:
    from wellhead.recovery.known import Known
    from wellhead.recovery.place import Place
    from wellhead.recovery.stored import Stored

_MOVES_SHOWN = 10


@click.command("list")
@click.argument("connector", required=False)
@click.option("--reset", "with_reset", is_flag=True, help="Also list cursors that were reset and not written since.")
@kafka_options
@url_option
@output_option
def list_(
    connector: str | None,
    *,
    with_reset: bool,
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    url: str | None,
    output: str,
) -> None:
    r"""List the cursors of every connector, or of CONNECTOR.

    \b
    Examples:
      wellhead offsets list -c worker.yaml
      wellhead offsets list wss-acme --url http://127.0.0.1:8083
      wellhead offsets list -c worker.yaml --output json
    """
    from wellhead.clock import SystemClock  # noqa: PLC0415 - a verb's module is read without what it needs
    from wellhead.tools.offsets_text import cursor_table  # noqa: PLC0415

    found = [each for each in _stored(connector, files, overrides, url) if with_reset or each.cursor is not None]
    if output == "json":
        click.echo(json.dumps([_as_json(each) for each in found], indent=2, ensure_ascii=False))
        return
    click.echo("\n".join(cursor_table(found, SystemClock().now_ms())))
    if not found:
        say(["no cursor is stored" + (f" for connector {connector}" if connector else "")])


@click.command()
@click.argument("connector")
@kafka_options
@output_option
def show(connector: str, *, files: tuple[Path, ...], overrides: tuple[str, ...], output: str) -> None:
    r"""Show everything known of CONNECTOR's cursors: fields, place in the offsets topic, owner's id, last moves.

    \b
    Examples:
      wellhead offsets show wss-acme -c worker.yaml
      wellhead offsets show wss-acme -c worker.yaml --output json
    """
    from wellhead.recovery.known import look_up  # noqa: PLC0415
    from wellhead.tools.offsets_text import move_table  # noqa: PLC0415

    opened = open_kafka(files, overrides)
    known = look_up(opened.worker, connector)
    streams = [
        _stream(known, partition, opened.places(connector)) for partition in _partitions(known, opened.places(connector))
    ]
    if output == "json":
        click.echo(json.dumps({"connector": connector, "streams": streams}, indent=2, ensure_ascii=False))
        return
    for stream in streams:
        click.echo(f"{stream['name']}")
        for name in ("cursor", "written_at", "stored_at", "transactional_id", "topic", "runs_on_record", "history_since"):
            click.echo(f"  {name.replace('_', ' '):18}{_text(stream[name])}")
    click.echo("")
    click.echo("\n".join(move_table(known.moves[-_MOVES_SHOWN:])))
    say(opened.warnings)


def _stored(connector: str | None, files: tuple[Path, ...], overrides: tuple[str, ...], url: str | None) -> list[Stored]:
    if url is not None:
        from wellhead.tools.offsets_rest import open_rest  # noqa: PLC0415

        with open_rest(url) as rest:
            return [each for name in ([connector] if connector else rest.names()) for each in rest.stored(name)]
    from wellhead.kafka.settings import consumer_config  # noqa: PLC0415
    from wellhead.recovery.stored import read_stored  # noqa: PLC0415

    worker = open_worker(files, overrides)
    return read_stored(consumer_config(worker), worker.offset_storage_topic, connector)


def _as_json(stored: Stored) -> dict[str, Any]:
    return {
        "connector": stored.connector,
        "partition": stored.partition,
        "offset": stored.cursor,
        "written_ms": stored.at_ms or None,
    }


def _partitions(known: Known, places: list[Place]) -> list[dict[str, Any]]:
    partitions = [dict(place.partition) for place in places]
    return partitions + [each.partition for each in known.stored if each.partition not in partitions]


def _stream(known: Known, partition: dict[str, Any], places: list[Place]) -> dict[str, Any]:
    from wellhead.recovery.aim import iso  # noqa: PLC0415
    from wellhead.recovery.place import place_of  # noqa: PLC0415
    from wellhead.recovery.plan import name_of  # noqa: PLC0415
    from wellhead.recovery.way import Way  # noqa: PLC0415

    stored, place = known.of(partition), place_of(places, known.connector, partition)
    since_ms = Way.of(known.steps(partition)).since_ms
    return {
        "name": name_of(partition),
        "partition": partition,
        "cursor": None if stored is None else stored.cursor,
        "written_at": None if stored is None else iso(stored.at_ms),
        "stored_at": None if stored is None else {"partition": stored.kafka_partition, "offset": stored.kafka_offset},
        "transactional_id": place.transactional_id,
        "topic": place.topic,
        "runs_on_record": len(known.runs_of(partition)),
        "history_since": None if since_ms is None else iso(since_ms),
    }


def _text(value: Any) -> str:
    if value is None:
        return "unknown"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
