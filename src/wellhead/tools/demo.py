"""Takes an output folder, shows on real servers that a killed worker loses and doubles nothing and that hits become attacks; exits 1 if not."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import Console
    from rich.progress import Progress

    from wellhead.demo.act import Verdict
    from wellhead.demo.attackverdict import AttackVerdict
    from wellhead.demo.beside import Beside
    from wellhead.demo.floods import FloodVerdict
    from wellhead.demo.lookups import FileVerdict
    from wellhead.stack import Stack


@dataclass
class Outcome:
    """What the acts of the demo came to, by topic and by file, and what the read API was asked and said."""

    streams: dict[str, Verdict] = field(default_factory=dict)
    lookups: dict[str, FileVerdict] = field(default_factory=dict)
    attacks: dict[str, AttackVerdict] = field(default_factory=dict)
    floods: dict[str, FloodVerdict] = field(default_factory=dict)
    floods_status: list[str] = field(default_factory=list)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def wrong(self) -> list[str]:
        """What is not as it must be: topics, and files."""
        return [name for section in self._sections.values() for name, verdict in section.items() if not verdict.ok]

    def as_json(self) -> dict[str, object]:
        """Give the report."""
        told = {name: {key: each.as_json() for key, each in section.items()} for name, section in self._sections.items()}
        return {**told, "ok": not self.wrong}

    @property
    def _sections(self) -> Mapping[str, Mapping[str, Verdict | FileVerdict | AttackVerdict | FloodVerdict]]:
        return {"streams": self.streams, "lookups": self.lookups, "attacks": self.attacks, "floods": self.floods}


@click.command(
    epilog="""\b
Examples:
  wellhead demo
  wellhead demo --out /tmp/demo      # then look at /tmp/demo/report.json
"""
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/demo"),
    show_default=True,
    help="Folder for the report, logs and samples; it is emptied first.",
)
def demo(out: Path) -> None:
    """Pull every simulated vendor through real servers, with a kill -9 in the middle.

    Starts a Kafka broker and a schema registry in a throw-away folder, a simulator of each vendor with faults on, and two
    workers of a group; kills the one that pulls with SIGKILL, so that the other goes on; then reads the topics back with plain confluent-kafka and
    fastavro, and compares them with what the vendor held. Then builds the lookup files of every source that ships some, from the
    topics alone, and compares them with what stands there. Where a source's records form attacks, they are grouped in a Redis and an
    OpenSearch beside it as they arrive, compared with the attacks the simulator knows it made, and timed until a search finds them. Where its records show floods of connections, they are looked for and
    compared with those the simulator knows it made.
    """
    from rich.console import Console  # noqa: PLC0415 - only this verb shows a table

    console = Console(width=None if sys.stdout.isatty() else 140)
    for signum in (signal.SIGTERM, signal.SIGHUP):
        # As Ctrl-C does it: every block ends what it has started.
        signal.signal(signum, signal.default_int_handler)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    outcome = Outcome()
    _play(out, outcome, live=console.is_terminal)
    _show(console, outcome)
    (out / "report.json").write_text(json.dumps(outcome.as_json(), indent=2) + "\n")
    click.echo(
        f"left to look at in {out}: report.json, attacks.jsonl, floods.jsonl, lookups/, and of each source its logs and the first records"
    )
    for name in outcome.wrong:
        click.echo(f"NOT OK: {name}: a number above is not what it must be; the logs are in the folder of its source in {out}")
    if outcome.wrong:
        raise SystemExit(1)
    click.echo("ok: nothing was lost, nothing came twice, every file and every attack is as it must be")


def _play(out: Path, outcome: Outcome, *, live: bool) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    from wellhead import plugins  # noqa: PLC0415
    from wellhead.demo.aside import aside  # noqa: PLC0415
    from wellhead.demo.beside import Beside  # noqa: PLC0415
    from wellhead.stack import Stack  # noqa: PLC0415
    from wellhead.stack.stack import prepare  # noqa: PLC0415

    # All that is downloaded is downloaded before the first server starts, one after the other.
    prepare(beside=("redis", "search"))
    began = time.monotonic()
    click.echo("starting a Kafka broker and a schema registry, and beside them a Redis and an OpenSearch ...")
    columns = (TextColumn("{task.description:<42}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Beside() as beside, Stack.start() as stack:
        click.echo(f"broker {stack.bootstrap_servers}, registry {stack.registry_url}, {time.monotonic() - began:.1f} s")
        with Progress(*columns, disable=not live) as progress:
            building = []
            for name in plugins.installed().names():
                tell = _teller(progress, name, live=live)
                _pull(name, (stack, beside), out, outcome, tell)
                # Beside the next pull: it takes a process of its own, and half of a pull is waiting for the group.
                building.append(aside("lookups", partial(_build, name, stack, out, tell)))
            for built in building:
                outcome.lookups |= built.result()


def _pull(name: str, servers: tuple[Stack, Beside], out: Path, outcome: Outcome, tell: Callable[[int, int, str], None]) -> None:
    """Pull one source; group its records where they form attacks, look for floods where they show some."""
    from wellhead import plugins  # noqa: PLC0415
    from wellhead.demo.act import Act  # noqa: PLC0415
    from wellhead.demo.attacks import Attacks  # noqa: PLC0415
    from wellhead.demo.floods import Floods  # noqa: PLC0415

    module = plugins.installed().simulator_of(name)
    stack, beside = servers
    act = Act(plugins.installed().load(name), module, stack, out / name)
    if not module.DEMO.rules:
        outcome.streams |= (played := act.play(tell))
        if module.DEMO.flood_limits:
            tell(0, 0, "looking for floods of connections")
            floods = Floods(name, next(iter(played)), module.DEMO.flood_limits, stack, out)
            outcome.floods[floods.topic] = floods.judge(act.simulator)
            outcome.floods_status.append(floods.status)
        return
    tell(0, 0, "waiting for Redis and OpenSearch")
    with Attacks(name, tuple(module.DEMO.rules), stack, beside, out) as attacks:
        outcome.streams |= act.play(tell)
        outcome.attacks[attacks.topic] = attacks.judge(act.simulator, tell)
        outcome.answers[attacks.question] = attacks.answer


def _build(name: str, stack: Stack, out: Path, tell: Callable[[int, int, str], None]) -> dict[str, FileVerdict]:
    """Build the lookup files that a source ships mappings for."""
    from wellhead import plugins  # noqa: PLC0415
    from wellhead.demo.lookups import Lookups  # noqa: PLC0415

    mappings = Path(plugins.installed().simulator_of(name).__file__ or "").parent / "lookups"
    if not mappings.is_dir():
        return {}
    tell(0, 0, "building lookup files")
    return Lookups(name, mappings, stack, out / "lookups", out / name / "lookups").build()


def _teller(progress: Progress, name: str, *, live: bool) -> Callable[[int, int, str], None]:
    """Give what shows how far an act is: a bar on a terminal, elsewhere a line for each new thing that happens."""
    line = progress.add_task(name)
    said: list[str] = []

    def tell(here: int, total: int, what: str) -> None:
        progress.update(line, description=f"{name}: {what}")
        if total:
            progress.update(line, completed=here, total=total)
        if not live and what not in said:
            said.append(what)
            click.echo(f"{name}: {what}" + (f" ({here:,} of {total:,})" if total else ""))

    return tell


def _show(console: Console, outcome: Outcome) -> None:
    from wellhead.demo import tables  # noqa: PLC0415 - only this verb shows a table

    console.print(tables.of_topics(outcome.streams))
    if outcome.lookups:
        console.print(tables.of_files(outcome.lookups))
    if outcome.attacks:
        console.print(tables.of_attacks(outcome.attacks))
    if outcome.floods:
        console.print(tables.of_floods(outcome.floods))
    for text in outcome.floods_status:
        click.echo(f"\nwhat `wellhead floods status` says\n{text.rstrip()}")
    for question, answer in outcome.answers.items():
        click.echo(f"\nwhat `wellhead attacks serve` answers to GET {question}")
        console.print_json(data=answer, indent=None)
