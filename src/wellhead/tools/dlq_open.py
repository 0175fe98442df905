"""Takes the options that select dead letters, gives the selection and the connector as it is configured now; asks no vendor."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from wellhead.config.deployment import LoadedConnector
    from wellhead.config.worker import WorkerSettings
    from wellhead.recovery.letter import Place, Selection

Command = TypeVar("Command", bound=Callable[..., Any])
Parsed = TypeVar("Parsed")

_SELECTING = (
    click.option("--stream", help="Only letters of this stream."),
    click.option("--tenant", help="Only letters of this tenant."),
    click.option("--stage", type=click.Choice(["poll", "encode", "produce"]), help="Only letters refused at this stage."),
    click.option("--reason", metavar="TEXT", help="Only letters with this text in their reason, whatever its case."),
    click.option(
        "--since",
        metavar="TIME",
        help="Only letters since then: ISO 8601 (UTC unless it says otherwise), or a span such as 2h.",
    ),
    click.option("--until", metavar="TIME", help="Only letters before then, likewise."),
    click.option("--topic", "topics", multiple=True, help="Look through this dead-letter topic instead; may be repeated."),
)


def selecting(command: Command) -> Command:
    """Add the options that select letters to a command."""
    for option in reversed(_SELECTING):
        command = option(command)
    return command


def selection_of(ctx: click.Context, ids: Iterable[str], **given: str | None) -> Selection:
    """Give what the options select; `given` are theirs, and `connector`.

    Raises:
        UsageError: A time or an id is none.
    """
    from wellhead.recovery.letter import Selection  # noqa: PLC0415 - the verb is listed without loading what it does

    places = frozenset(place_of(ctx, each) for each in ids)
    return Selection(
        connector=given.get("connector"),
        stream=given["stream"],
        tenant=given["tenant"],
        stage=given["stage"],
        reason=given["reason"],
        since_ms=_moment(ctx, "--since", given["since"]),
        until_ms=_moment(ctx, "--until", given["until"]),
        places=places or None,
    )


def place_of(ctx: click.Context, text: str) -> Place:
    """Read a letter's id.

    Raises:
        UsageError: It is none.
    """
    from wellhead.recovery.letter import Place  # noqa: PLC0415

    try:
        return Place.parse(text)
    except ValueError as error:
        raise click.UsageError(str(error), ctx) from error


def _moment(ctx: click.Context, option: str, text: str | None) -> int | None:
    from wellhead.clock import SystemClock  # noqa: PLC0415
    from wellhead.recovery.aim import parse_span, parse_time  # noqa: PLC0415

    if text is None:
        return None
    try:
        return SystemClock().now_ms() - abs(parse_span(text))
    except ValueError:
        pass
    try:
        return parse_time(text)
    except ValueError as error:
        message = f"{option}: {text!r} is neither a time such as 2026-05-01T00:00Z nor a span such as 2h"
        raise click.UsageError(message, ctx) from error


def open_connector(name: str, files: Sequence[Path], overrides: Sequence[str]) -> tuple[WorkerSettings, list[LoadedConnector]]:
    """Give the worker's settings and one connector, once for each tenant: of the files, else of the group's config topic. Blocking.

    Every reference to a secret must stand for one: a transform may need it.

    Raises:
        ConfigError: The files or the connector cannot be used.
        PermanentError: There is no such connector.
        TemporaryError: The broker cannot be reached.
    """
    from wellhead.config.load import load, load_worker  # noqa: PLC0415
    from wellhead.config.single import load_connector  # noqa: PLC0415
    from wellhead.errors import PermanentError  # noqa: PLC0415
    from wellhead.kafka.consumer import read_to_end  # noqa: PLC0415
    from wellhead.kafka.settings import consumer_config  # noqa: PLC0415
    from wellhead.storage.configtopic import ConfigTopic  # noqa: PLC0415

    worker = load_worker(files, overrides=overrides, environ=os.environ)
    loaded = load(files, overrides=overrides, environ=os.environ).connectors
    names = {each.name for each in loaded}
    if name in names:
        return worker, [each for each in loaded if each.name == name]
    topic = ConfigTopic()
    read_to_end(consumer_config(worker), worker.config_storage_topic, topic.fold)
    entry = topic.view.connectors.get(name)
    if entry is None:
        known = ", ".join(sorted(names | set(topic.view.connectors))) or "none"
        raise PermanentError(
            f"there is no connector {name!r} in the files given with -c nor in {worker.config_storage_topic}; known: {known}"
        )
    return worker, list(load_connector(name, entry.config, worker, os.environ))
