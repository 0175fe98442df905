"""Takes files, tells what floods stand and what to do about them, as the state topic has it; asks no gateway and changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wellhead.tools.run_service import FILES, SET
from wellhead.tools.run_status import JSON, TIMEOUT, quietly, silence_in

if TYPE_CHECKING:
    from wellhead.config.deployment import Deployment
    from wellhead.config.floods import FloodsSettings
    from wellhead.config.worker import WorkerSettings
    from wellhead.consumers.floods.known import GatewayView
    from wellhead.consumers.floods.status import Looked


@click.command()
@click.argument("what", metavar="FINDING|GATEWAY")
@FILES
@SET
@JSON
@TIMEOUT
def explain(what: str, files: tuple[Path, ...], overrides: tuple[str, ...], *, as_json: bool, timeout_secs: float) -> None:
    r"""Tell what a finding, or what stands at a gateway, is: what was counted, since when, by which limit, what to do now.

    FINDING may be the beginning of an id. Findings that closed are kept for a day.

    \b
    Examples:
      wellhead floods explain proxy-1 examples/06-floods.yaml
      wellhead floods explain 5f0c1a9b examples/06-floods.yaml
      wellhead floods explain --json proxy-1 examples/06-floods.yaml
    """
    from dataclasses import asdict  # noqa: PLC0415

    from wellhead.clock import SystemClock  # noqa: PLC0415
    from wellhead.consumers.floods.explain import explained, matching  # noqa: PLC0415

    deployment, now_ms = _asked(files, overrides, timeout_secs), SystemClock().now_ms()
    known = [(settings, _gateways(settings, deployment.worker)) for settings in deployment.floods]
    found = [(settings, finding) for settings, gateways in known for finding in matching(gateways, what)]
    if as_json:
        click.echo(json.dumps([asdict(finding) for _, finding in found], indent=1))
        return
    for at, (settings, finding) in enumerate(found):
        click.echo("\n".join([*([""] if at else []), *explained(finding, settings, now_ms)]))
    if not found:
        _nothing(what, [view for _, gateways in known for view in gateways])


def _nothing(what: str, gateways: list[GatewayView]) -> None:
    """Say that there is nothing to explain; exit 1 where not even the gateway is known."""
    names = sorted({view.gateway for view in gateways})
    if what in names:
        click.echo(f"{what} is watched, and nothing was found at it in the last day")
        return
    shown = ", ".join(names[:20]) or "none yet: see 'wellhead floods status'"
    click.echo(f"no finding or gateway is called {what}. Gateways: {shown}", err=True)
    raise SystemExit(1)


@click.command()
@FILES
@SET
@click.option("--why", is_flag=True, help="Tell of each entry why, and what bypass.allow keeps out.")
@TIMEOUT
def bypass(files: tuple[Path, ...], overrides: tuple[str, ...], *, why: bool, timeout_secs: float) -> None:
    r"""Print the destinations that gateways are to let past now, one a line: what the bypass file holds, or would hold.

    'floods run' keeps the file of 'bypass.file' as this prints it; nothing is written here.

    \b
    Examples:
      wellhead floods bypass examples/06-floods.yaml
      wellhead floods bypass --why examples/06-floods.yaml
    """
    from wellhead.clock import SystemClock  # noqa: PLC0415
    from wellhead.consumers.floods.bypass import bypass_of  # noqa: PLC0415
    from wellhead.consumers.floods.explain import headline  # noqa: PLC0415

    deployment, now_ms = _asked(files, overrides, timeout_secs), SystemClock().now_ms()
    for settings in deployment.floods:
        findings = [each for view in _gateways(settings, deployment.worker) for each in view.findings]
        words = settings.bypass
        made = bypass_of(findings, allow=words.allow, grace_secs=words.grace_secs, now_ms=now_ms)
        if not why:
            click.echo(made.text(settings.name), nl=False)
            continue
        for text, entries in (("let past", made.entries), ("kept out by bypass.allow", made.kept_out)):
            for entry, reasons in entries.items():
                click.echo(f"{entry}  {text}")
                for each in reasons:
                    click.echo(f"  {each.id}  {'closed, ' if each.kind == 'closed' else ''}{headline(each)}")


def looked_at(settings: FloodsSettings, worker: WorkerSettings) -> Looked:
    """Give what is known of the gateways of a watch, or why that could not be read."""
    from wellhead.errors import PermanentError, TemporaryError  # noqa: PLC0415

    try:
        return _gateways(settings, worker)
    except (TemporaryError, PermanentError) as error:
        return error


def _asked(files: tuple[Path, ...], overrides: tuple[str, ...], timeout_secs: float) -> Deployment:
    """Load the files, and see that Kafka answers before it is asked for all that is known."""
    deployment = quietly(files, overrides, "floods")
    if (silence := silence_in(deployment.worker, timeout_secs)) is not None:
        raise silence
    return deployment


def _gateways(settings: FloodsSettings, worker: WorkerSettings) -> list[GatewayView]:
    from wellhead.consumers.floods.known import look  # noqa: PLC0415

    return look(settings, worker).gateways
