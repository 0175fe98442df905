"""Takes files, runs their connectors in this process until told to stop; exits 0 after a clean stop, never by a traceback."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wellhead.signals import stop_on_signals

if TYPE_CHECKING:
    from wellhead.config.deployment import Deployment


@click.command(
    epilog="""\b
Examples:
  wellhead run examples/01-wss.yaml
  wellhead run worker.yaml connectors/*.yaml
  wellhead run --once examples/01-wss.yaml          # until caught up, then exit: for a CronJob
  wellhead run --set log.format=console examples/01-wss.yaml
"""
)
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Set an option, over file and environment; may be repeated."
)
@click.option("--once", is_flag=True, help="End when every stream is caught up once; exit 1 if one failed.")
def run(files: tuple[Path, ...], overrides: tuple[str, ...], *, once: bool) -> None:
    """Pull the connectors in FILES and publish them, exactly once, until stopped.

    Ctrl-C (or SIGTERM) stops cleanly: the vendor is no longer asked, what is here is committed, and the next start goes on
    from there. A second Ctrl-C stops at once; nothing is lost then either, the open transaction is not committed.
    /health and /metrics are served at the worker's 'listeners'.
    """
    from wellhead.config.load import load  # noqa: PLC0415 - the verb is listed without loading what it runs
    from wellhead.errors import ConfigError, Problem  # noqa: PLC0415
    from wellhead.tools.config import preflight  # noqa: PLC0415

    deployment = load(files, overrides=overrides, environ=os.environ)
    problems = list(preflight(deployment))
    if not deployment.connectors:
        problems.append(Problem("connectors", "there is none: a file needs a section `connectors` with at least one"))
    if problems:
        raise ConfigError(", ".join(map(str, files)), problems)
    if asyncio.run(_run(deployment, once=once)):
        raise SystemExit(1)


async def _run(deployment: Deployment, *, once: bool) -> bool:
    """Run until stopped; True where a task has failed for good."""
    from wellhead.runtime.process import Process  # noqa: PLC0415

    worker_id = f"{socket.gethostname()}:{os.getpid()}"
    async with Process(deployment, worker_id=worker_id, once=once) as process:
        stop_on_signals(process.worker.stop)
        await process.worker.run()
        return process.worker.failed
