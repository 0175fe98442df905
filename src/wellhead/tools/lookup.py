"""Takes files, builds and delivers their lookups until told to stop, or tells how they are; exits 0 after a clean stop."""

from __future__ import annotations

import json
from pathlib import Path

import click

from wellhead.tools.run_service import FILES, SET, loaded, until_stopped


@click.group()
def lookup() -> None:
    r"""Build lookup files from topics and deliver them; the vendor is never asked.

    \b
    Examples:
      wellhead lookup run examples/03-lookups.yaml
      wellhead lookup status examples/03-lookups.yaml
    """


@lookup.command()
@FILES
@SET
@click.option("--once", is_flag=True, help="One run of each lookup, then exit; exit 1 if a file is not as it should be.")
@click.option("--force", is_flag=True, help="Deliver in the first run what the guard against shrunken files would hold back.")
def run(files: tuple[Path, ...], overrides: tuple[str, ...], *, once: bool, force: bool) -> None:
    r"""Keep the lookup files of FILES current and delivered until stopped.

    Ctrl-C (or SIGTERM) stops within five seconds, a second one at once; the next start goes on from there either way.
    /health and /metrics are served at the worker's 'listeners'.

    \b
    Examples:
      wellhead lookup run examples/03-lookups.yaml
      wellhead lookup run --once examples/03-lookups.yaml           # for a CronJob
      wellhead lookup run --once --force examples/03-lookups.yaml   # yes, the file is that much smaller
    """
    from wellhead.consumers.lookup.service import LookupService  # noqa: PLC0415

    deployment = loaded(files, overrides, "lookups")
    until_stopped(lambda: LookupService(deployment, force=force), once=once)


@lookup.command()
@FILES
@SET
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def status(files: tuple[Path, ...], overrides: tuple[str, ...], *, as_json: bool) -> None:
    r"""Tell of each file its rows, bytes, newest indicator, last delivery and next run, and what is wrong; exit 1 if something is.

    It reads what the last run left in 'state.dir', whether the service runs or not; nobody is asked.

    \b
    Examples:
      wellhead lookup status examples/03-lookups.yaml
      wellhead lookup status --json examples/03-lookups.yaml
    """
    from wellhead.clock import SystemClock  # noqa: PLC0415
    from wellhead.consumers.lookup.status import status_of, table_of  # noqa: PLC0415

    deployment = loaded(files, overrides, "lookups")
    now_ms = SystemClock().now_ms()
    states = [status_of(each.settings, now_ms) for each in deployment.lookups]
    if as_json:
        click.echo(json.dumps({"lookups": states}, indent=1))
    else:
        click.echo("\n\n".join("\n".join(table_of(state, now_ms)) for state in states))
    if any(state["wrong"] for state in states):
        raise SystemExit(1)
