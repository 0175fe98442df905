"""Takes files, answers questions about attacks over HTTP until told to stop; reads its shares again when a file changes."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wellhead.signals import stop_on_signals
from wellhead.tools.run_service import FILES, SET

if TYPE_CHECKING:
    from wellhead.config.attacks import AttacksSettings
    from wellhead.config.deployment import Deployment


@click.command()
@FILES
@SET
@click.option("--name", metavar="NAME", help="Which entry of `attacks` to serve, where the files have several.")
def serve(files: tuple[Path, ...], overrides: tuple[str, ...], name: str | None) -> None:
    r"""Answer questions about attacks and hits over HTTP until stopped; the stores are only read.

    It listens at 'serve.listeners', http://127.0.0.1:8086 unless set otherwise, and describes itself at /openapi.json.
    'serve.shift.percent', 'serve.mirror.percent' and what else stands under 'serve' are read again when a file changes,
    or on SIGHUP; a file that cannot be used changes nothing. Ctrl-C (or SIGTERM) stops within five seconds.

    \b
    Examples:
      wellhead attacks serve examples/05-attacks.yaml
      wellhead attacks serve examples/05-attacks.yaml --set attacks.wallarm.serve.page.max=200
      curl 'http://127.0.0.1:8086/v1/attacks?client=4242&type=sqli&limit=20'
    """
    deployment, attacks = _load(files, overrides, name)
    asyncio.run(_serve(deployment, attacks, files, overrides))


async def _serve(deployment: Deployment, attacks: AttacksSettings, files: tuple[Path, ...], overrides: tuple[str, ...]) -> None:
    from wellhead.consumers.attacks.api.service import AttacksApi  # noqa: PLC0415

    def read() -> AttacksSettings:
        return _load(files, overrides, attacks.name)[1]

    api = AttacksApi(deployment, attacks, read, files)
    async with api:
        stop_on_signals(api.stop)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, api.reread)
        await api.run()


def _load(files: tuple[Path, ...], overrides: tuple[str, ...], name: str | None) -> tuple[Deployment, AttacksSettings]:
    from wellhead.config.load import load  # noqa: PLC0415 - the verb is listed without loading what it runs
    from wellhead.errors import ConfigError, Problem  # noqa: PLC0415

    deployment = load(files, overrides=overrides, environ=os.environ)
    found = [each for each in deployment.attacks if name in (None, each.name)]
    if len(found) == 1:
        return deployment, found[0]
    names = ", ".join(each.name for each in deployment.attacks)
    message = (
        f"there are several: say --name with one of {names}"
        if found
        else f"there is none of that name; there are: {names or 'none'}"
    )
    raise ConfigError(", ".join(map(str, files)), [Problem("attacks", message)])
