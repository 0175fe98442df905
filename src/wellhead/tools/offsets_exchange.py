"""Takes `wellhead offsets export|import`, gives cursors as JSON and takes them back; writes only what was shown."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wellhead.tools.offsets_apply import author, carry_out, tell_applied
from wellhead.tools.offsets_open import kafka_options, open_kafka, open_worker, output_option, say, url_option, yes_option
from wellhead.tools.offsets_plan import show_plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wellhead.config.worker import WorkerSettings
    from wellhead.recovery.exchange import Entry

_TOPIC = click.option(
    "--topic", help="Another offsets topic, such as that of a Kafka Connect. [default: the worker's offset.storage.topic]"
)


@click.command()
@click.argument("connector", required=False)
@_TOPIC
@kafka_options
@url_option
def export(
    connector: str | None, *, topic: str | None, files: tuple[Path, ...], overrides: tuple[str, ...], url: str | None
) -> None:
    r"""Print the cursors of CONNECTOR, or of all, as the JSON that Connect's offsets endpoints speak.

    With CONNECTOR it is {"offsets": [...]}, the body of PATCH /connectors/<name>/offsets; without, one of these for each connector.

    \b
    Examples:
      wellhead offsets export wss-acme -c worker.yaml > wss-acme.json
      wellhead offsets export -c worker.yaml > all.json
      wellhead offsets export feed -c worker.yaml --topic connect-offsets > from-connect.json
    """
    from wellhead.recovery.exchange import exported  # noqa: PLC0415

    if url is not None and not files:
        from wellhead.tools.offsets_rest import open_rest  # noqa: PLC0415

        with open_rest(url) as rest:
            stored = [each for name in ([connector] if connector else rest.names()) for each in rest.stored(name)]
    else:
        from wellhead.kafka.settings import consumer_config  # noqa: PLC0415
        from wellhead.recovery.stored import read_stored  # noqa: PLC0415

        worker = open_worker(files, overrides)
        stored = read_stored(consumer_config(worker), topic or worker.offset_storage_topic, connector)
    click.echo(json.dumps(exported(stored, connector), indent=2, ensure_ascii=False))


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.argument("connector", required=False)
@_TOPIC
@click.option("--unfenced", is_flag=True, help="Also where it is not known who runs a stream: I made sure that nobody does.")
@click.option("--by", help="Who does it, for history and audit. [default: user@host]")
@yes_option
@kafka_options
@url_option
@output_option
def import_(
    file: Path,
    connector: str | None,
    *,
    topic: str | None,
    unfenced: bool,
    by: str | None,
    yes: bool,
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    url: str | None,
    output: str,
) -> None:
    r"""Set cursors to those of FILE (- is stdin): an export, or what GET /connectors/<name>/offsets of any Connect answered.

    Without --yes only what would change is shown. Into the worker's own offsets topic it is a plan like any other: checked, fenced, kept in
    the history, and undone with 'wellhead offsets undo'. Into the topic of a Kafka Connect (--topic) the cursors are written under the very
    bytes of the keys that are there; stop the connector there first.

    \b
    Examples:
      wellhead offsets import all.json -c worker.yaml
      wellhead offsets import wss-acme.json wss-acme -c worker.yaml --yes
      wellhead offsets import from-connect.json feed --topic connect-offsets -c worker.yaml --yes
    """
    from wellhead.recovery.exchange import parse_entries  # noqa: PLC0415

    text = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    entries = parse_entries(text, connector, where=str(file))
    worker = open_worker(files, overrides)
    if topic is not None and topic != worker.offset_storage_topic:
        _into_another(worker, topic, entries, yes=yes, output=output)
        return
    _into_ours(entries, files, overrides, url, by, yes=yes, unfenced=unfenced, output=output)


def _into_another(worker: WorkerSettings, topic: str, entries: Sequence[Entry], *, yes: bool, output: str) -> None:
    from wellhead.recovery.exchange import apply_import, plan_import  # noqa: PLC0415
    from wellhead.tools.connectors import columns  # noqa: PLC0415
    from wellhead.tools.offsets_text import short  # noqa: PLC0415

    rewrites = [rewrite for rewrite in plan_import(worker, topic, entries) if rewrite.before != rewrite.entry.cursor]
    if yes and rewrites:
        apply_import(worker, topic, rewrites)
    if output == "json":
        told = [{"key": each.key.decode(), "from": each.before, "to": each.entry.cursor} for each in rewrites]
        click.echo(
            json.dumps({"topic": topic, "written": bool(yes and rewrites), "changes": told}, indent=2, ensure_ascii=False)
        )
    else:
        rows = [(each.key.decode(), short(each.before), short(each.entry.cursor)) for each in rewrites]
        click.echo("\n".join(columns([("KEY", "FROM", "TO"), *rows])))
    say([_outcome(len(rewrites), yes=yes)])


def _into_ours(
    entries: Sequence[Entry],
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    url: str | None,
    by: str | None,
    *,
    yes: bool,
    unfenced: bool,
    output: str,
) -> None:
    from wellhead.clock import SystemClock  # noqa: PLC0415
    from wellhead.recovery.aim import ToCursor, ToStart  # noqa: PLC0415
    from wellhead.recovery.planning import Wish, plan_of  # noqa: PLC0415

    opened = open_kafka(files, overrides)
    say(f"warning: {warning}" for warning in opened.warnings)
    plans = []
    for name in dict.fromkeys(entry.connector for entry in entries):
        wishes = [
            Wish(entry.partition, ToStart() if entry.cursor is None else ToCursor(entry.cursor), "import")
            for entry in entries
            if entry.connector == name
        ]
        plans.append(plan_of(opened.worker, name, wishes, opened.places(name), now_ms=SystemClock().now_ms()))
    for plan in plans:
        if yes and plan.moving:
            tell_applied(plan, carry_out(plan, files, overrides, url, author(by), unfenced=unfenced), output)
        else:
            show_plan(plan, output)
    say([_outcome(sum(len(plan.moving) for plan in plans), yes=yes)])


def _outcome(count: int, *, yes: bool) -> str:
    if not count:
        return "every cursor stands there already: nothing was changed"
    return f"{count} cursors were written" if yes else f"{count} cursors would change; nothing was changed. With --yes they are"
