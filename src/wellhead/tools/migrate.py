"""Takes the ends of a migration and what is to be copied, copies it or shares in it until done; exits 0 when the target has all of it."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wellhead.signals import STOPPED, stopped_by_signals
from wellhead.tools.migrate_words import job_options, pace_options
from wellhead.tools.offsets_open import kafka_options

if TYPE_CHECKING:
    from wellhead.config.store import StoreSettings
    from wellhead.config.worker import WorkerSettings
    from wellhead.migration.copy.job import Job
    from wellhead.migration.copy.report import Report

_FAILED = 1
_MOST_ROWS = 60


@dataclass(frozen=True, slots=True)
class Setting:
    """What the files say.

    Attributes:
        worker: Whose group and Kafka it is.
        stores: The stores that have a name.
    """

    worker: WorkerSettings
    stores: Mapping[str, StoreSettings]

    def find(self, wanted: str, option: str) -> StoreSettings:
        """Give the settings of the store of a name."""
        from wellhead.migration.stores import find_store  # noqa: PLC0415

        return find_store(wanted, self.stores, os.environ, option=option)


@click.group(invoke_without_command=True)
@job_options
@pace_options
@click.option("--job", "name", metavar="NAME", help="Name of the job; made of the request unless given.")
@click.option("--join", "joined", metavar="JOB", help="Share in a job that another process has started.")
@click.option("--detach", is_flag=True, help="Write the job and its slices and leave; processes with --join copy.")
@click.option("--dry-run", is_flag=True, help="Count what would be copied by client and month; nothing is written anywhere.")
@click.option("--report", "report_path", type=click.Path(path_type=Path, dir_okay=False), help="[default: migrate-<job>.json]")
@kafka_options
@click.pass_context
def migrate(context: click.Context, /, **given: Any) -> None:
    r"""Copy documents of clients and dates from one store, or from the documents topic, into another while both are live.

    A store is a name under attacks.<name>.stores, the path of a YAML file with the words of one store, or an address that needs no login.
    A document that the target has in the same or a newer version stays as it is there. The same command given again goes on where it
    stopped, after a kill too; any number of processes may share the job. Exit 0: the target has everything; 1: something was refused;
    130: stopped before the end.

    \b
    Examples:
      wellhead migrate --from old --to new --dry-run -c attacks.yaml
      wellhead migrate --from old --to new --clients 12,100-199 --from-date 2026-01-01 --parallel 8 -c attacks.yaml
      wellhead migrate --join old-to-new-1a2b3c4d -c attacks.yaml
      wellhead migrate --from topic:wallarm.attack_document --to rebuilt.yaml -c attacks.yaml
      wellhead migrate status old-to-new-1a2b3c4d -c attacks.yaml
    """
    if context.invoked_subcommand is not None:
        return
    setting = _setting(given["files"], given["overrides"])
    if given["joined"]:
        _only_join(given)
        job, name = None, given["joined"]
    else:
        job = _job(given)
        name = job.name
    if given["dry_run"]:
        if job is None:
            raise click.UsageError("--dry-run counts what --from has; --join takes part in a job that is planned")
        _survey(setting, job)
        return
    report = _copy(setting, name, job, given)
    if report is not None:
        _finish(report, given["report_path"])


@migrate.command()
@click.argument("job")
@kafka_options
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def status(job: str, files: tuple[Path, ...], overrides: tuple[str, ...], *, as_json: bool) -> None:
    r"""Tell how far a job is, whether processes work at it or not; exit 1 unless the target has everything.

    \b
    Examples:
      wellhead migrate status old-to-new-1a2b3c4d -c attacks.yaml
      wellhead migrate status --json old-to-new-1a2b3c4d -c attacks.yaml
    """
    from wellhead.migration.copy.opening import opened  # noqa: PLC0415
    from wellhead.migration.copy.report import lines_of, report_of  # noqa: PLC0415
    from wellhead.tools.offsets_open import open_worker  # noqa: PLC0415

    with opened(open_worker(files, overrides), job) as found:
        report = report_of(found.job, found.state)
    click.echo(json.dumps(report.fields(), indent=1) if as_json else "\n".join(lines_of(report)))
    if not report.is_good:
        raise SystemExit(_FAILED)


def _setting(files: tuple[Path, ...], overrides: tuple[str, ...]) -> Setting:
    from wellhead.config.load import load  # noqa: PLC0415 - the verb is listed without loading what it runs
    from wellhead.migration.stores import named_stores  # noqa: PLC0415
    from wellhead.telemetry.logs import configure  # noqa: PLC0415

    deployment = load(files, overrides=overrides, environ=os.environ)
    configure(deployment.worker.log_level, "console", deployment.secrets())
    return Setting(deployment.worker, named_stores(deployment.attacks))


def _only_join(given: dict[str, Any]) -> None:
    named = [
        f"--{word}"
        for word in ("from", "to", "detach", "job")
        if given[{"from": "source", "to": "target", "job": "name"}.get(word, word)]
    ]
    if named:
        raise click.UsageError(f"--join takes part in a job as it is; leave out {', '.join(named)}")


def _job(given: dict[str, Any]) -> Job:
    from wellhead.errors import ConfigError, Problem  # noqa: PLC0415
    from wellhead.migration.copy.clients import parse_clients  # noqa: PLC0415
    from wellhead.migration.copy.job import NAME, TOPIC, Caps, Job, named  # noqa: PLC0415
    from wellhead.migration.copy.mappings import load_mapping  # noqa: PLC0415

    problems = [
        Problem(f"--{word}", "is required: a store, see --help")
        for word, key in (("from", "source"), ("to", "target"))
        if not given[key]
    ]
    if given["name"] and not NAME.fullmatch(given["name"]):
        problems.append(
            Problem("--job", "must be 1 to 100 letters, digits, '.', '_' and '-', beginning with a letter or digit")
        )
    if given["offsets"] and not str(given["source"]).startswith(TOPIC):
        problems.append(Problem("--offsets", f"are those of a topic; give --from {TOPIC}<name>"))
    first_ms, end_ms = given["from_ms"], given["to_ms"]
    if first_ms is not None and end_ms is not None and first_ms >= end_ms:
        problems.append(Problem("--to-date", "must be after --from-date; it is not included itself"))
    if problems:
        raise ConfigError("migrate", problems)
    job = Job(
        name="",
        source=given["source"],
        target=given["target"],
        mapping=load_mapping(given["mapping"]),
        clients=parse_clients(given["clients"]).text,
        from_ms=first_ms,
        to_ms=end_ms,
        offsets=dict(given["offsets"]) or None,
        slice_docs=given["slice_docs"] or 0,
        page_docs=given["page_docs"],
        caps=Caps(docs_per_sec=given["source_docs_per_sec"], searches=given["source_searches"]),
    )
    return named(job, given["name"])


def _copy(setting: Setting, name: str, job: Job | None, given: dict[str, Any]) -> Report | None:
    """Take part in the job; None where it was only written."""
    from wellhead.clock import SystemClock  # noqa: PLC0415
    from wellhead.migration.copy.ends import open_ends  # noqa: PLC0415
    from wellhead.migration.copy.opening import opened  # noqa: PLC0415
    from wellhead.migration.copy.process import Pace  # noqa: PLC0415
    from wellhead.migration.copy.run import copy_all, patiently  # noqa: PLC0415
    from wellhead.migration.copy.show import shown  # noqa: PLC0415

    clock, stop, detach = SystemClock(), threading.Event(), given["detach"]
    if job is not None:
        open_ends(
            job, setting.worker, setting.find, clock
        ).close()  # what is wrong with the stores is said before anything is written
    with ExitStack() as held:
        held.enter_context(stopped_by_signals(stop))
        found = patiently(lambda: held.enter_context(opened(setting.worker, name, job)), stop)
        ends = open_ends(found.job, setting.worker, setting.find, clock)
        click.echo(
            f"migration {name}: 'wellhead migrate --join {name}' takes part, 'wellhead migrate status {name}' tells how far it is",
            err=True,
        )
        try:
            report = copy_all(
                found,
                setting.worker,
                ends,
                Pace(given["parallel"], given["slow_secs"]),
                clock=clock,
                stop=stop,
                show=lambda process: shown(found.state, process, clock, live=sys.stderr.isatty()),
                plan_only=detach,
            )
        finally:
            ends.close()
    if detach and report.slices and not report.complete:
        click.echo(f"migration {name}: {report.slices:,} slices, {report.docs:,} documents; nobody copies them yet")
        return None
    return report


def _finish(report: Report, path: Path | None) -> None:
    from wellhead.migration.copy.report import lines_of  # noqa: PLC0415

    path = path or Path(f"migrate-{report.job}.json")
    click.echo("\n".join(lines_of(report)))
    try:
        path.write_text(json.dumps(report.fields(), indent=1) + "\n")
        click.echo(f"report: {path}", err=True)
    except OSError as error:
        click.echo(
            f"the report cannot be written to {path}: {(error.strerror or 'unknown error').lower()}; see status --json",
            err=True,
        )
    if not report.complete:
        click.echo("stopped; the same command goes on from there", err=True)
        raise SystemExit(STOPPED)
    if not report.is_good:
        raise SystemExit(_FAILED)


def _survey(setting: Setting, job: Job) -> None:
    from wellhead.clock import SystemClock  # noqa: PLC0415
    from wellhead.migration.copy.survey import survey  # noqa: PLC0415

    counted = survey(job, setting.worker, setting.find, SystemClock())
    rows = sorted(counted.items())
    width = max([6, *(len(client) for (_, client, _), _ in rows)])
    lines = [f"{kind:<9}  client {client:<{width}}  {month}  {docs:>14,}" for (kind, client, month), docs in rows[:_MOST_ROWS]]
    if len(rows) > _MOST_ROWS:
        lines.append(f"... and {len(rows) - _MOST_ROWS:,} more rows")
    lines.append(f"{counted.total():,} documents of {len({client for _, client, _ in counted}):,} clients; nothing was written")
    click.echo("\n".join(lines))
