"""Takes options, schemas, verbs, metrics and errors as the code declares them, gives the generated pages; never touches prose."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import click
from pydantic import BaseModel

import wellhead
from wellhead import plugins
from wellhead.api import SourceConnector, Stream
from wellhead.cli import VERBS, cli, load_verb
from wellhead.config import ConnectorSettings, WorkerSettings
from wellhead.config.describe import Option, options_of
from wellhead.config.predicates import PREDICATES, PredicateOptions
from wellhead.config.transforms import TRANSFORMS, TransformOptions
from wellhead.config.words import variable_of
from wellhead.errors import PermanentError, WellheadError
from wellhead.telemetry.reference import rows
from wellhead.tools.connectors import fields_of, streams_of
from wellhead.tools.docs.attacks import attack_pages
from wellhead.tools.docs.chart import chart_pages
from wellhead.tools.docs.dashboards import dashboard_pages
from wellhead.tools.docs.floods import flood_pages
from wellhead.tools.docs.lookups import lookup_pages
from wellhead.tools.docs.markdown import OPTION_HEAD, between, codes, marker, option_rows, page, table
from wellhead.tools.docs.rest import rest_pages
from wellhead.tools.docs.targets import target_pages

STALE: Final = "docs are stale: run 'make docs'"


@click.group()
def docs() -> None:
    r"""Write the generated pages, or check that they are fresh.

    \b
    Examples:
      wellhead docs build
      wellhead docs check
    """


_ROOT = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="Root of a checkout. [default: .]",
)


@docs.command()
@_ROOT
def build(root: Path) -> None:
    r"""Write docs/reference, the tables in connectors/*/README.md, the chart's dashboards and the schema of its values; name what changed.

    \b
    Examples:
      wellhead docs build
    """
    pages = generated(root)
    for path in stale(pages):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pages[path], encoding="utf-8")
        click.echo(f"wrote {path}")


@docs.command()
@_ROOT
def check(root: Path) -> None:
    r"""Exit with 1, naming the files, when a generated page differs from the code.

    \b
    Examples:
      wellhead docs check
    """
    found = stale(generated(root))
    if found:
        raise PermanentError("\n  ".join([STALE, *map(str, found)]))
    click.echo("docs are fresh")


def generated(root: Path) -> dict[Path, str]:
    """Give the text every generated page of a checkout should have, by path.

    Raises:
        PermanentError: `root` is no checkout, or a connector's README is missing or has no markers.
    """
    if not (root / "connectors").is_dir():
        raise PermanentError(f"{root.resolve()} has no connectors/ folder: run this at the root of a checkout, or give --root")
    strangers = [name for name in plugins.simulated() if not (root / "connectors" / name).is_dir()]
    reference = root / "docs" / "reference"
    pages = {
        reference / "worker-options.md": worker_page(),
        reference / "connector-options.md": connector_page(),
        reference / "transforms.md": transforms_page(),
        reference / "cli.md": cli_page(((name, load_verb(name)) for name in VERBS), strangers),
        reference / "metrics.md": metrics_page(),
        reference / "errors.md": errors_page(),
    }
    for name in plugins.names():
        if name not in strangers:
            path = root / "connectors" / name / "README.md"
            pages[path] = readme(path, plugins.load(name))
    pages |= target_pages(root) | lookup_pages(root) | attack_pages(root) | flood_pages(root) | rest_pages(root)
    return pages | dashboard_pages(root) | chart_pages(root)


def stale(pages: dict[Path, str]) -> list[Path]:
    """Give the paths whose file is missing or differs, sorted."""
    return sorted(path for path, text in pages.items() if not path.is_file() or path.read_text(encoding="utf-8") != text)


def readme(path: Path, source: SourceConnector) -> str:
    """Give a connector's README with fresh tables between its markers.

    Raises:
        PermanentError: The file or a marker is missing.
    """
    if not path.is_file():
        raise PermanentError(
            f"{path} is missing: write one with the markers {marker('options', 'start')} and {marker('fields', 'start')}"
        )
    text = path.read_text(encoding="utf-8")
    text = between(text, "options", _options(source), path)
    return between(text, "fields", _streams(streams_of(source)), path)


def _options(source: SourceConnector) -> Iterator[str]:
    yield from table(OPTION_HEAD, option_rows(options_of(source.config)))
    if source.defaults:
        yield from ("", "Where you do not set them, these options of every connector are other than usual:", "")
        yield from table(["Option", "Default here"], ([f"`{word}`", f"`{value}`"] for word, value in source.defaults.items()))


def _streams(streams: Sequence[Stream]) -> Iterator[str]:
    first: dict[str, str] = {}
    for at, stream in enumerate(streams):
        known = fields_of(stream)
        if at:
            yield ""
        yield f"### Stream `{stream.name}`"
        yield ""
        yield stream.description
        yield ""
        yield from table(["Fact", "Value"], _facts(stream, known["schema_version"]))
        yield ""
        if stream.subject in first:
            yield f"Its fields are those of stream `{first[stream.subject]}`."
            continue
        first[stream.subject] = stream.name
        yield from table(
            ["Field", "Type", "ECS", "Description"],
            (
                [f"`{field['name']}`", f"`{field['type']}`", f"`{field['ecs']}`" if field["ecs"] else "", field["doc"]]
                for field in known["fields"]
            ),
        )


def _facts(stream: Stream, version: int) -> Iterator[list[str]]:
    yield ["Topic", f"`<topic.prefix>{stream.subject}`"]
    yield ["Schema", f"`schemas/{stream.subject}/v{version}.avsc`"]
    yield ["Key", codes(stream.key)]
    yield ["Identity", codes(stream.identity)]
    yield ["Event time", codes([stream.time] if stream.time else [])]
    yield ["Cleanup", f"`{stream.cleanup}`"]
    yield ["Interval", f"{stream.interval_secs:g} s once caught up"]
    yield ["Cursor", codes(list(stream.cursor.model_fields))]


def worker_page() -> str:
    """Give the page of the worker's options."""
    options = options_of(WorkerSettings)
    pairs = zip(options, option_rows(options), strict=True)
    described = [[row[0], f"`{variable_of(option.word)}`", *row[1:]] for option, row in pairs]
    return page(
        "Worker options",
        [
            (
                "They stand under `worker:` in a file, in the environment under the name given here, or after `--set` on the command line; "
                "later wins: files in order, environment, flags."
            ),
            "",
            *table(["Option", "Environment", "Type", "Default", "Description"], described),
        ],
    )


def connector_page() -> str:
    """Give the page of the options every connector has."""
    return page(
        "Connector options",
        [
            (
                "Every connector has these, under `connectors: <name>:` in a file, beside the options of its own (see its README). "
                "On the command line: `--set connectors.<name>.<option>=<value>`. "
                "Options of transforms and predicates: [transforms](transforms.md)."
            ),
            "",
            *table(OPTION_HEAD, option_rows(_without_name(ConnectorSettings))),
        ],
    )


def _without_name(model: type[BaseModel]) -> list[Option]:
    # The name is the key of the entry, never written in it.
    return [option for option in options_of(model) if option.word != "name"]


def transforms_page() -> str:
    """Give the page of transforms and predicates: what all have, then what each type adds."""
    body = [
        (
            "What a transform does to records before they are encoded, and what a predicate selects; how to use them: "
            "[the guide](../guide/transform.md). The words stand under `connectors: <name>:`."
        ),
        "",
    ]
    for title, model, types in (
        ("transforms", TransformOptions, TRANSFORMS),
        ("predicates", PredicateOptions, PREDICATES),
    ):
        shared = options_of(model)
        body += [f"## `{title}.<alias>.*`", "", *table(OPTION_HEAD, option_rows(shared))]
        for name, of_type in types.items():
            body += ["", f"### `{name}`", "", inspect.cleandoc(of_type.__doc__ or "")]
            own = [option for option in options_of(of_type) if option not in shared]
            body += ["", *table(OPTION_HEAD, option_rows(own))] if own else []
        body.append("")
    return page("Transforms", body[:-1])


def cli_page(verbs: Iterable[tuple[str, click.Command]], strangers: Collection[str] = ()) -> str:
    """Give the page of the command line: every verb's help as the terminal shows it.

    Args:
        verbs: The verbs in order.
        strangers: Installed connectors that are not of this checkout; commands made for them are left out.
    """
    body = list(_command(cli, "wellhead", strangers))
    for name, command in verbs:
        body += _command(command, f"wellhead {name}", strangers)
    return page("Command line", body[:-1])


def _command(command: click.Command, path: str, strangers: Collection[str]) -> Iterator[str]:
    words = path.split(" ")
    context = click.Context(
        command, info_name=path, terminal_width=100, max_content_width=100, help_option_names=["-h", "--help"]
    )
    command._help_option = None  # noqa: SLF001 - click keeps the one it made first, which may have had other names
    yield f"{'#' * (len(words) + 1)} `{path}`"
    yield ""
    yield "```text"
    yield command.get_help(context)
    yield "```"
    yield ""
    if isinstance(command, click.Group) and command is not cli:
        for name in command.list_commands(context):
            if name in strangers and name not in command.commands:
                continue
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                yield from _command(inner, f"{path} {name}", strangers)


def metrics_page() -> str:
    """Give the page of the metrics, from their declarations."""
    described = (
        [f"`{row.name}`", f"`{row.prometheus}`", row.kind, f"`{row.unit}`", codes(row.attributes), row.description]
        for row in rows()
    )
    return page("Metrics", table(["Name", "On /metrics", "Kind", "Unit", "Attributes", "Meaning"], described))


def errors_page() -> str:
    """Give the page of the errors: the tree, each with what happens next."""
    for module in pkgutil.walk_packages(wellhead.__path__, "wellhead."):
        if module.name.endswith(".errors"):
            importlib.import_module(module.name)
    return page(
        "Errors",
        [
            "The type of an error says what happens next; its message says what happened, where, and the next step.",
            "A command that fails for a configuration exits with 2, for any other error with 1.",
            "",
            *table(["Error", "Is a", "Raised in", "Meaning"], _error_rows(WellheadError)),
        ],
    )


def _error_rows(root: type[WellheadError]) -> Iterator[list[str]]:
    first = (inspect.getdoc(root) or "").splitlines()[0]
    bases = [base.__name__ for base in root.__bases__ if issubclass(base, WellheadError)]
    yield [f"`{root.__name__}`", codes(bases) if bases else "", f"`{root.__module__}`", first]
    for child in sorted(root.__subclasses__(), key=lambda each: (each.__module__, each.__name__)):
        if child.__module__.endswith(".errors"):
            yield from _error_rows(child)
