"""Takes files, watches gateways for floods of connections until told to stop, or tells what was found; exits 0 after a clean stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from wellhead.tools.floods_look import bypass, explain, looked_at
from wellhead.tools.run_service import FILES, SET, loaded, until_stopped
from wellhead.tools.run_status import JSON, TIMEOUT, URL, Around, Wanted, quietly, tell


@click.group()
def floods() -> None:
    r"""Watch gateways for floods of connections, and tell what to do about one.

    \b
    Examples:
      wellhead floods run examples/06-floods.yaml
      wellhead floods status examples/06-floods.yaml
      wellhead floods explain proxy-1 examples/06-floods.yaml
      wellhead floods bypass examples/06-floods.yaml
    """


floods.add_command(explain)
floods.add_command(bypass)


@floods.command()
@FILES
@SET
@click.option("--once", is_flag=True, help="Watch what the topics hold now, then exit; exit 1 if something cannot go on.")
def run(files: tuple[Path, ...], overrides: tuple[str, ...], *, once: bool) -> None:
    r"""Watch the gateways of FILES, write findings to their topic and keep the bypass file, until stopped.

    Ctrl-C (or SIGTERM) stops within five seconds, a second one at once; the next start goes on from there either way.
    Start it several times to share the work. /health and /metrics are served at the worker's 'listeners'.

    \b
    Examples:
      wellhead floods run examples/06-floods.yaml
      wellhead floods run --once examples/06-floods.yaml       # what is there now, then exit
      wellhead floods run --set floods.proxies.limits.established.max=5000 examples/06-floods.yaml
    """
    from wellhead.consumers.floods.service import FloodsService  # noqa: PLC0415

    deployment = loaded(files, overrides, "floods")
    until_stopped(lambda: FloodsService(deployment), once=once)


@floods.command()
@FILES
@SET
@URL
@JSON
@TIMEOUT
def status(files: tuple[Path, ...], overrides: tuple[str, ...], *, url: str | None, as_json: bool, timeout_secs: float) -> None:
    r"""Tell which gateways are watched, what they hold open, and which floods stand; exit 1 if the watching is not well.

    Gateways and findings are read from the state topic and lags from Kafka, whether a process runs or not; the state of a watch is what
    the process at --url says of itself.

    \b
    Examples:
      wellhead floods status examples/06-floods.yaml
      wellhead floods status --json --url http://pod-1:8087 examples/06-floods.yaml
    """
    from wellhead.consumers.floods.status import status_of, table_of  # noqa: PLC0415

    def state_of(around: Around) -> dict[str, Any]:
        looked = {each.name: around.silence or looked_at(each, deployment.worker) for each in deployment.floods}
        state.update(status_of(deployment, around.probe, looked, around.health.get("floods", {}), around.clock))
        return state

    state: dict[str, Any] = {}
    deployment = quietly(files, overrides, "floods")
    is_heard = tell(deployment, "floods", Wanted(url, as_json, timeout_secs), state_of, table_of)
    if not is_heard or any(watch["wrong"] for watch in state["floods"]):
        raise SystemExit(1)
