"""Takes `wellhead simulate NAME` with the options of that vendor's simulator, gives its API on a local port, never knows a vendor."""

from __future__ import annotations

import signal
import threading
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Union, cast, get_args, get_origin

import click
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from wellhead import plugins
from wellhead.errors import ConfigError, PermanentError, Problem
from wellhead.testing.server import serve
from wellhead.testing.simulator import Simulator, SimulatorSettings
from wellhead.testing.truth import write_truth

OWN_OPTIONS = ("host", "port", "truth", "truth_values", "list_faults")


class _Vendors(click.Group):
    """A group with one command for each connector that has a simulator, made from that simulator's settings."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Give the names of the installed sources and targets that have a simulator."""
        return plugins.simulated()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:  # noqa: ARG002 - click's signature
        """Make the command of one vendor."""
        return vendor_command(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the names without importing a simulator."""
        with formatter.section("Vendors"):
            formatter.write_text(", ".join(self.list_commands(ctx)) or "none installed")


@click.group(cls=_Vendors, subcommand_metavar="NAME [OPTIONS]")
def simulate() -> None:
    r"""Serve a vendor's API as we know it, faults included, until Ctrl-C.

    \b
    Examples:
      wellhead simulate wss --port 8080 --rows 100000 --hours 6
      wellhead simulate wss --fault abort:2 --fault broken_rows:7 --truth truth.jsonl
      wellhead simulate wss --list-faults
    """


def vendor_command(name: str) -> click.Command:
    """Make the command that serves the simulator of one source or target; its options are the simulator's settings.

    Raises:
        PermanentError: There is none of that name, or it has no simulator.
    """
    settings_model, create = contract_of(plugins.simulator_of(name))

    def callback(**given: Any) -> None:
        own = {option: given.pop(option) for option in OWN_OPTIONS}
        simulator = create(settings_from(name, settings_model, given))
        if own["list_faults"]:
            _list_faults(simulator)
        else:
            _run(simulator, own["host"], own["port"], own["truth"], values=own["truth_values"])

    own_options: list[click.Parameter] = [
        click.Option(["--host"], default="127.0.0.1", show_default=True, help="Address to listen on."),
        click.Option(["--port"], type=click.IntRange(0, 65_535), default=0, help="Port to listen on. [default: a free one]"),
        click.Option(
            ["--truth"],
            type=click.Path(dir_okay=False, path_type=Path),
            help="Write what must be published and dead-lettered to this file (.jsonl or .parquet), and again at the end.",
        ),
        click.Option(["--truth-values"], is_flag=True, help="Write each record's values too, not only what names it."),
        click.Option(["--list-faults"], is_flag=True, help="List the faults that can be armed, and leave."),
    ]
    vendor_options: list[click.Parameter] = [option_of(field, info) for field, info in settings_model.model_fields.items()]
    return click.Command(name, callback=callback, params=own_options + vendor_options, help=f"Serve the vendor of {name}.")


def contract_of(module: types.ModuleType) -> tuple[type[SimulatorSettings], Callable[[SimulatorSettings], Simulator]]:
    """Give what a simulator's module must export: its settings, and what makes a simulator of them.

    Raises:
        PermanentError: It does not export them.
    """
    settings_model, create = getattr(module, "Settings", None), getattr(module, "create", None)
    if settings_model is None or create is None:
        raise PermanentError(
            f"{module.__name__}: a simulator's module exports Settings and create; see wellhead.testing.simulator"
        )
    return cast("type[SimulatorSettings]", settings_model), cast("Callable[[SimulatorSettings], Simulator]", create)


def option_of(name: str, field: FieldInfo) -> click.Option:
    """Make the option of one setting: lists and mappings are given once per entry, in the singular."""
    kind = _bare(field.annotation)
    flag = "--" + name.replace("_", "-")
    if kind in (tuple, dict):
        entry = "KEY=VALUE" if kind is dict else "TEXT"
        return click.Option([_singular(flag), name], multiple=True, metavar=entry, help=field.description)
    shown = "" if field.default is None else f" [default: {field.default}]"
    told = (field.description or "") + shown
    if kind is bool:
        return click.Option([f"{flag}/--no-{flag[2:]}", name], default=None, help=told)
    if get_origin(kind) is Literal:
        return click.Option([flag, name], type=click.Choice([str(choice) for choice in get_args(kind)]), help=told)
    metavar = {int: "INTEGER", float: "NUMBER"}.get(cast("type", kind), "TEXT")
    return click.Option([flag, name], metavar=metavar, help=told)


def _singular(flag: str) -> str:
    """Give the name of one entry.

    >>> _singular("--faults"), _singular("--repositories")
    ('--fault', '--repository')
    """
    return f"{flag[:-3]}y" if flag.endswith("ies") else flag.removesuffix("s")


def _bare(annotation: Any) -> Any:
    """Give the type without `| None` and without what it holds."""
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(choice for choice in get_args(annotation) if choice is not type(None))
    origin = get_origin(annotation)
    return origin if origin in (tuple, dict) else annotation


def settings_from(name: str, model: type[SimulatorSettings], given: Mapping[str, Any]) -> SimulatorSettings:
    """Validate what was given on the command line; what was not keeps its default.

    Raises:
        ConfigError: Something given cannot be; lists everything.
    """
    wanted: dict[str, Any] = {}
    for option, value in given.items():
        if value is None or value == ():
            continue
        if value == "":
            wanted[option] = None
            continue
        is_mapping = _bare(model.model_fields[option].annotation) is dict
        wanted[option] = dict(entry.partition("=")[::2] for entry in value) if is_mapping else value
    try:
        return model.model_validate(wanted)
    except ValidationError as error:
        problems = [Problem(".".join(map(str, problem["loc"])) or name, problem["msg"]) for problem in error.errors()]
        raise ConfigError(f"simulator {name}", problems) from None


def _list_faults(simulator: Simulator) -> None:
    known = simulator.known_faults()
    width = max(map(len, known))
    for fault, told in known.items():
        click.echo(f"{fault:<{width}}  {told}")


def _run(simulator: Simulator, host: str, port: int, truth: Path | None, *, values: bool) -> None:
    with serve(simulator, host=host, port=port) as url, _StopSignals() as stop:
        click.echo(f"simulating {simulator.name} at {url}")
        click.echo("\n".join(f"  {line}" for line in simulator.hint(url).splitlines()))
        _tell_truth(simulator, truth, values=values)
        click.echo(f"state: {url}/_sim/state (Ctrl-C stops it)")
        stop.wait()
    _tell_truth(simulator, truth, values=values)
    click.echo(f"stopped after {len(simulator.requests)} requests")


def _tell_truth(simulator: Simulator, path: Path | None, *, values: bool) -> None:
    if path is not None:
        counts = write_truth(simulator.truth(values=values), path)
        click.echo(f"truth: {path} ({counts['record']:,} records, {counts['broken']:,} broken)")


class _StopSignals:
    """An event set by the first SIGINT or SIGTERM while the block lasts."""

    def __enter__(self) -> threading.Event:
        stop = threading.Event()
        self._before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
        return stop

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
