"""Takes files, groups hits into attacks and keeps them in stores until told to stop, or tells how that goes; exits 0 after a clean stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from wellhead.tools.attacks_serve import serve
from wellhead.tools.run_service import FILES, SET, loaded, until_stopped
from wellhead.tools.run_status import JSON, TIMEOUT, URL, Around, Wanted, quietly, tell


@click.group()
def attacks() -> None:
    r"""Group hits into attacks as they arrive, keep them in search stores, and serve them.

    \b
    Examples:
      wellhead attacks run examples/05-attacks.yaml
      wellhead attacks status examples/05-attacks.yaml
      wellhead attacks serve examples/05-attacks.yaml
    """


attacks.add_command(serve)


@attacks.command()
@FILES
@SET
@click.option(
    "--once", is_flag=True, help="Group and store what the topics hold now, then exit; exit 1 if something cannot go on."
)
def run(files: tuple[Path, ...], overrides: tuple[str, ...], *, once: bool) -> None:
    r"""Group the hits of FILES and write attacks and hits to every store, until stopped.

    Ctrl-C (or SIGTERM) stops within five seconds, a second one at once; the next start goes on from there either way.
    Start it several times to share the work. /health and /metrics are served at the worker's 'listeners'.

    \b
    Examples:
      wellhead attacks run examples/05-attacks.yaml
      wellhead attacks run --once examples/05-attacks.yaml                             # what is there now, then exit
      wellhead attacks run --set attacks.wallarm.roles=group examples/05-attacks.yaml  # leave the stores to other processes
    """
    from wellhead.consumers.attacks.service import AttacksService  # noqa: PLC0415

    deployment = loaded(files, overrides, "attacks")
    until_stopped(lambda: AttacksService(deployment), once=once)


@attacks.command()
@FILES
@SET
@URL
@JSON
@TIMEOUT
def status(files: tuple[Path, ...], overrides: tuple[str, ...], *, url: str | None, as_json: bool, timeout_secs: float) -> None:
    r"""Tell of each part its state, how far it is behind, open attacks and last error; exit 1 if something is wrong.

    How far a part is behind is asked of Kafka, for all processes together, whether one runs or not; the rest is what the process at
    --url says of itself.

    \b
    Examples:
      wellhead attacks status examples/05-attacks.yaml
      wellhead attacks status --json --url http://pod-1:8085 examples/05-attacks.yaml
    """
    from wellhead.consumers.attacks.status import status_of, table_of  # noqa: PLC0415

    def state_of(around: Around) -> dict[str, Any]:
        state.update(status_of(around.deployment, around.probe, around.health, around.clock))
        return state

    state: dict[str, Any] = {}
    is_heard = tell(quietly(files, overrides, "attacks"), "attacks", Wanted(url, as_json, timeout_secs), state_of, table_of)
    if not is_heard or any(part["wrong"] for entry in state["attacks"] for part in entry["parts"]):
        raise SystemExit(1)
