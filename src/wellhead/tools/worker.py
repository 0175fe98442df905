"""Takes a worker's file, joins its group and runs what falls to it until told to stop; exits 0 after a clean stop."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wellhead.signals import stop_on_signals

if TYPE_CHECKING:
    from wellhead.config.worker import WorkerSettings


@click.command(
    epilog="""\b
Examples:
  wellhead worker -c worker.yaml
  wellhead worker -c worker.yaml --set listeners=http://127.0.0.1:8084      # a second one on this machine
  wellhead worker -c worker.yaml connectors/*.yaml                          # connectors kept in files
  curl -X POST -H 'Content-Type: application/json' http://127.0.0.1:8083/connectors -d @connector.json
"""
)
@click.option(
    "-c",
    "--config",
    "config",
    required=True,
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with a section 'worker'; may be repeated, later ones win.",
)
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Set an option, over file and environment; may be repeated."
)
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def worker(config: tuple[Path, ...], overrides: tuple[str, ...], files: tuple[Path, ...]) -> None:
    """Be one of the workers of a group: share its connectors' tasks with the others, and answer Kafka Connect's REST API.

    Connectors are kept in Kafka and made over REST, by any Connect client. Those in FILES are made, or brought to what the files say,
    once this worker has joined; others are left alone. Start as many workers with the same group.id as you like: when one dies, the
    others have its tasks within session.timeout.ms, and no vendor is ever asked by two of them.

    Ctrl-C (or SIGTERM) stops cleanly and gives the tasks away; a second Ctrl-C stops at once, which loses nothing either.
    """
    from wellhead.config.load import load  # noqa: PLC0415 - the verb is listed without loading what it runs
    from wellhead.config.written import connector_words  # noqa: PLC0415

    deployment = load((*config, *files), overrides=overrides, environ=os.environ)
    if asyncio.run(_run(deployment.worker, connector_words((*config, *files), overrides))):
        raise SystemExit(1)


async def _run(settings: WorkerSettings, connectors: dict[str, dict[str, str]]) -> bool:
    """Run until stopped; True where the worker could not go on."""
    from wellhead.storage.group import Storage  # noqa: PLC0415

    # Kafka takes as long to answer as the rest takes to load.
    storage = Storage(settings)
    opening = asyncio.get_running_loop().run_in_executor(None, storage.start)
    from wellhead.cluster.process import GroupProcess  # noqa: PLC0415

    async with GroupProcess(settings, environ=os.environ, connectors=connectors, opening=(storage, opening)) as process:
        stop_on_signals(process.stop)
        await process.run()
        return process.failure is not None
