"""Takes the options that say where cursors are kept, gives the worker's settings and what is known of its connectors; asks no vendor."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from wellhead.config.deployment import LoadedConnector
    from wellhead.config.worker import WorkerSettings
    from wellhead.recovery.place import Place

Command = TypeVar("Command", bound=Callable[..., Any])
EXIT_REFUSED = 3
DEFAULT_URL = "http://127.0.0.1:8083"

# Stands for a secret that is not set where the tool runs: the tool needs none of them.
_ABSENT = "not-set-where-this-tool-runs"


def kafka_options(command: Command) -> Command:
    """Add -c and --set to a command."""
    config = click.option(
        "-c",
        "--config",
        "files",
        multiple=True,
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="File of a worker or a deployment, as 'wellhead run' reads it; may be repeated.",
    )
    overrides = click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="Set an option, over file and environment; may be repeated.",
    )
    return config(overrides(command))


url_option = click.option(
    "--url",
    envvar="WELLHEAD_URL",
    metavar="URL",
    help="Go through the REST API of a running worker, such as http://127.0.0.1:8083. [env: WELLHEAD_URL]",
)
output_option = click.option(
    "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="For people or for machines."
)
yes_option = click.option("--yes", is_flag=True, help="Do it, without asking.")


@dataclass(frozen=True, slots=True)
class Opened:
    """Where cursors are kept, and what is known of those who keep them.

    Attributes:
        worker: Whose group and topics.
        connectors: Those that files and config topic name and that could be loaded, once for each tenant.
        warnings: Why others could not.
    """

    worker: WorkerSettings
    connectors: Sequence[LoadedConnector] = ()
    warnings: Sequence[str] = field(default=())

    def places(self, connector: str | None = None) -> list[Place]:
        """Give where the streams of a connector, or of all, keep their cursors."""
        from wellhead.recovery.place import places_of  # noqa: PLC0415
        from wellhead.runtime.identity import writer_ids  # noqa: PLC0415

        wanted = [loaded for loaded in self.connectors if connector in (None, loaded.name)]
        return [place for loaded in wanted for place in places_of(loaded, writer_ids(loaded, self.worker.group_id))]

    def producer_override(self, connector: str) -> Mapping[str, Any]:
        """Give a connector's own producer settings."""
        return next((dict(each.settings.producer_override) for each in self.connectors if each.name == connector), {})


def open_worker(files: Sequence[Path], overrides: Sequence[str]) -> WorkerSettings:
    """Give the worker's settings.

    Raises:
        ConfigError: They cannot be used.
    """
    from wellhead.config.load import load_worker  # noqa: PLC0415

    return load_worker(files, overrides=overrides, environ=os.environ)


def open_kafka(files: Sequence[Path], overrides: Sequence[str]) -> Opened:
    """Give the worker's settings and every connector of the files and of the group's config topic; blocking.

    Raises:
        ConfigError: The worker's settings cannot be used.
        TemporaryError: The broker cannot be reached.
    """
    worker = open_worker(files, overrides)
    loaded, warnings = _of_files(files, overrides)
    named = {each.name for each in loaded}
    for connector in _of_topic(worker, warnings):
        if connector.name not in named:
            loaded.append(connector)
    return Opened(worker, loaded, warnings)


def _of_files(files: Sequence[Path], overrides: Sequence[str]) -> tuple[list[LoadedConnector], list[str]]:
    from wellhead.config.load import load  # noqa: PLC0415
    from wellhead.errors import ConfigError  # noqa: PLC0415

    try:
        return list(load(files, overrides=overrides, environ=_Environment(os.environ)).connectors), []
    except ConfigError as error:
        return [], [f"the connectors of the files cannot be loaded, so their cursors are not checked: {error.problems[0]}"]


def _of_topic(worker: WorkerSettings, warnings: list[str]) -> Iterator[LoadedConnector]:
    from wellhead.config.single import load_connector  # noqa: PLC0415
    from wellhead.errors import ConfigError  # noqa: PLC0415
    from wellhead.kafka.consumer import read_to_end  # noqa: PLC0415
    from wellhead.kafka.settings import consumer_config  # noqa: PLC0415
    from wellhead.storage.configtopic import ConfigTopic  # noqa: PLC0415

    topic = ConfigTopic()
    read_to_end(consumer_config(worker), worker.config_storage_topic, topic.fold)
    for name, entry in topic.view.connectors.items():
        try:
            yield from load_connector(name, entry.config, worker, _Environment(os.environ))
        except ConfigError as error:
            warnings.append(f"connector {name} cannot be loaded, so its cursors are not checked: {error.problems[0]}")


class _Environment(dict[str, str]):
    """The environment, in which every variable is set."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__(given)

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return _ABSENT


def say(lines: Iterable[str]) -> None:
    """Write lines for people to stderr, so that stdout stays what a script reads."""
    for line in lines:
        click.echo(line, err=True)
