"""Takes `wellhead dlq`, gives the dead letters of connectors, counted, one by one or whole; changes nothing but by its `redrive`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wellhead.tools.dlq_open import place_of, selecting, selection_of
from wellhead.tools.dlq_redrive import redrive
from wellhead.tools.offsets_open import kafka_options, open_kafka, open_worker, output_option, say

if TYPE_CHECKING:
    from wellhead.recovery.dlq import Survey
    from wellhead.recovery.letter import StoredLetter


@click.group()
def dlq() -> None:
    r"""See the records that could not be published, and publish them once what was wrong is mended.

    Works straight against Kafka, whether a worker runs or not. Exit codes: 0 done, 1 failed, or letters stay open after a redrive,
    2 the command line or configuration is wrong.

    \b
    Examples:
      wellhead dlq list -c worker.yaml
      wellhead dlq list -c worker.yaml --connector wss-acme --each --since 2h
      wellhead dlq show wss.access_log.dlq/0/12 -c worker.yaml
      wellhead dlq redrive wss-acme -c worker.yaml
      wellhead dlq redrive wss-acme -c worker.yaml --yes
    """


dlq.add_command(redrive)


@dlq.command("list")
@click.option("--connector", help="Only letters of this connector.")
@selecting
@click.option("--each", is_flag=True, help="One line a letter, the newest first, instead of counts.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="Letters shown with --each.")
@click.option("--all", "settled", is_flag=True, help="Letters that were redriven, too.")
@kafka_options
@output_option
@click.pass_context
def list_(
    ctx: click.Context,
    /,
    *,
    connector: str | None,
    topics: tuple[str, ...],
    each: bool,
    limit: int,
    settled: bool,
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    output: str,
    **given: str | None,
) -> None:
    r"""Count the open dead letters by connector, stream, tenant, stage and reason, or list them.

    Reasons are counted without the values and numbers in them. A letter's id is topic/partition/offset and never changes.

    \b
    Examples:
      wellhead dlq list -c worker.yaml
      wellhead dlq list -c worker.yaml --connector wss-acme --stage poll --since 2026-05-01T00:00Z
      wellhead dlq list -c worker.yaml --each --reason 'longer than' --limit 20
      wellhead dlq list -c worker.yaml --topic old.access_log.dlq --all --output json
    """
    from wellhead.kafka.settings import consumer_config  # noqa: PLC0415 - the verb is listed without loading what it does
    from wellhead.recovery.dlq import newest, survey  # noqa: PLC0415
    from wellhead.tools.dlq_text import count_table, letter_table  # noqa: PLC0415

    selection = selection_of(ctx, (), connector=connector, **given)
    worker, found = _topics(files, overrides, connector, topics)
    config = consumer_config(worker)
    surveys = [survey(config, topic, selection) for topic in found]
    if not each:
        counts = sorted(
            (count for looked in surveys for count in looked.counts(settled=settled)), key=lambda count: -count.letters
        )
        _print([count.as_json() for count in counts], count_table(counts), output)
        return
    letters = newest(config, surveys, limit, settled=settled)
    marks = [_mark(surveys, letter) for letter in letters]
    rows = [
        letter.summary() | {"state": "open" if mark is None else mark.outcome}
        for letter, mark in zip(letters, marks, strict=True)
    ]
    _print(rows, letter_table(letters, marks), output)
    left = sum(1 for looked in surveys for _ in looked.places(settled=settled)) - len(letters)
    if left > 0:
        say([f"{left:,} more are older; see them with --limit, or select fewer"])


@dlq.command()
@click.argument("letter_id", metavar="ID")
@click.option("--raw", is_flag=True, help="Write its exact bytes to stdout, and nothing else.")
@click.option("--hex", "as_hex", is_flag=True, help="Show its bytes as a hexdump.")
@kafka_options
@output_option
@click.pass_context
def show(
    ctx: click.Context,
    letter_id: str,
    *,
    raw: bool,
    as_hex: bool,
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    output: str,
) -> None:
    r"""Show the dead letter ID: why it is one, its headers, the cursor after its batch, and its bytes.

    What is not printable is shown as an escape. It holds what the vendor sent, unmasked: mind who looks.

    \b
    Examples:
      wellhead dlq show wss.access_log.dlq/0/12 -c worker.yaml
      wellhead dlq show wss.access_log.dlq/0/12 -c worker.yaml --hex
      wellhead dlq show wss.access_log.dlq/0/12 -c worker.yaml --raw > line.txt
    """
    from wellhead.errors import PermanentError  # noqa: PLC0415
    from wellhead.kafka.settings import consumer_config  # noqa: PLC0415
    from wellhead.recovery.dlq import letters_at, survey  # noqa: PLC0415
    from wellhead.recovery.letter import Selection  # noqa: PLC0415
    from wellhead.tools.dlq_text import letter_page  # noqa: PLC0415

    place = place_of(ctx, letter_id)
    config = consumer_config(open_worker(files, overrides))
    found: list[StoredLetter] = []
    letters_at(config, [place], found.append)
    if not found:
        raise PermanentError(
            f"there is no letter at {place}: it may have been deleted by the topic's retention. See 'wellhead dlq list --each'"
        )
    (letter,) = found
    if raw:
        click.echo(letter.raw, nl=False)
        return
    mark = survey(config, place.topic, Selection(places=frozenset([place]), since_ms=letter.at_ms)).mark(place)
    if output == "json":
        click.echo(
            json.dumps(_whole(letter) | {"state": "open" if mark is None else mark.outcome}, indent=2, ensure_ascii=False)
        )
    else:
        click.echo("\n".join(letter_page(letter, mark, as_hex=as_hex)))


def _whole(letter: StoredLetter) -> dict[str, Any]:
    import base64  # noqa: PLC0415

    headers = [
        [name, None if content is None else content.decode(errors="backslashreplace")] for name, content in letter.headers
    ]
    raw = base64.b64encode(letter.raw).decode()
    return letter.summary() | {"cursor": letter.cursor, "headers": headers, "raw_base64": raw}


def _topics(
    files: Sequence[Path], overrides: Sequence[str], connector: str | None, topics: Sequence[str]
) -> tuple[Any, Sequence[str]]:
    """Give the worker's settings and the dead-letter topics to look through."""
    from wellhead.config.deployment import dead_letter_topics  # noqa: PLC0415
    from wellhead.errors import PermanentError  # noqa: PLC0415

    if topics:
        return open_worker(files, overrides), tuple(dict.fromkeys(topics))
    opened = open_kafka(files, overrides)
    say(f"warning: {warning}" for warning in opened.warnings)
    chosen = [each for each in opened.connectors if connector in (None, each.name)]
    if not chosen:
        known = ", ".join(sorted({each.name for each in opened.connectors})) or "none"
        wanted = "no connector is known" if connector is None else f"there is no connector {connector!r}; known: {known}"
        raise PermanentError(f"{wanted}. Name its file with -c, or the dead-letter topic with --topic")
    return opened.worker, dead_letter_topics(chosen)


def _mark(surveys: Sequence[Survey], letter: StoredLetter) -> Any:
    return next((looked.mark(letter.place) for looked in surveys if looked.topic == letter.place.topic), None)


def _print(rows: list[dict[str, Any]], lines: list[str], output: str) -> None:
    if output == "json":
        click.echo(json.dumps({"letters": rows}, indent=2, ensure_ascii=False))
    elif rows:
        click.echo("\n".join(lines))
    else:
        say(["no dead letters"])
