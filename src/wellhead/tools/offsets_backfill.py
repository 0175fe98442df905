"""Takes `wellhead offsets backfill|backfills`, has a span of time read beside the live stream; never without showing first what that is."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from wellhead.tools.offsets_open import kafka_options, output_option, url_option, yes_option
from wellhead.tools.offsets_plan import parsed

if TYPE_CHECKING:
    from wellhead.config.deployment import Deployment
    from wellhead.runtime.backfill import Backfill
    from wellhead.runtime.backfillplan import Asked
    from wellhead.runtime.process import Process

_LOOK_SECS = 0.2


@click.command()
@click.argument("connector")
@click.option(
    "--from", "since", required=True, metavar="TIME", help="First event time, ISO 8601, UTC unless it says otherwise."
)
@click.option("--to", "until", required=True, metavar="TIME", help="First event time that is left out; not in the future.")
@click.option("--stream", "streams", multiple=True, help="Only this stream; may be repeated. [default: all that can]")
@click.option("--tenant", "tenants", multiple=True, help="Only this tenant; may be repeated.")
@click.option(
    "--share",
    type=click.FloatRange(0.01, 1),
    default=0.2,
    show_default=True,
    help="How much of the time, and of the connector's calls, it may take.",
)
@click.option("--id", "name", default="", help="Its name; another one reads a span again that is done. [default: of the span]")
@click.option("--here", is_flag=True, help="Run it in this process, the live stream with it, until it is done.")
@yes_option
@kafka_options
@url_option
@output_option
@click.pass_context
def backfill(
    ctx: click.Context,
    connector: str,
    *,
    since: str,
    until: str,
    streams: tuple[str, ...],
    tenants: tuple[str, ...],
    share: float,
    name: str,
    here: bool,
    yes: bool,
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    url: str | None,
    output: str,
) -> None:
    r"""Read a span of time of CONNECTOR again, in a lane beside the live stream, which goes first; it ends by itself.

    Without --yes only the plan is shown. Through a worker (--url) the cluster runs it and goes on with it on another worker, should one
    fail. With --here this process runs it, together with the connector's live stream: a 'wellhead run' of the same connector elsewhere
    stops as fenced. Killed, it goes on where it stood when it is started again with the same words.

    \b
    Examples:
      wellhead offsets backfill wss-acme --from 2026-05-01T00:00Z --to 2026-05-02T00:00Z --url http://127.0.0.1:8083
      wellhead offsets backfill wss-acme --from 2026-05-01 --to 2026-05-02 --share 0.5 --url http://127.0.0.1:8083 --yes
      wellhead offsets backfill wss-acme --from 2026-05-01 --to 2026-05-02 -c deployment.yaml --here --yes
    """
    from wellhead.recovery.aim import parse_time  # noqa: PLC0415
    from wellhead.runtime.backfillplan import Asked  # noqa: PLC0415

    span = [parsed(ctx, option, text, parse_time) for option, text in (("--from", since), ("--to", until))]
    asked = Asked(span[0] // 1000 * 1000, span[1] // 1000 * 1000, streams, tenants, share, name)
    if url is not None and not here:
        _over_rest(url, connector, asked, yes=yes, output=output)
        return
    if yes and not here:
        raise click.UsageError("say who runs it: a worker (--url), or this process (--here)", ctx)
    deployment = _deployment(ctx, files, overrides, connector)
    chosen = _show(deployment, asked, output)
    if yes and asyncio.run(_run(deployment, connector, chosen)):
        raise SystemExit(1)


@click.command()
@click.argument("connector")
@click.option("--cancel", metavar="ID", help="End this one; what it has read stays.")
@click.option("--url", envvar="WELLHEAD_URL", required=True, metavar="URL", help="A running worker. [env: WELLHEAD_URL]")
@output_option
def backfills(connector: str, *, cancel: str | None, url: str, output: str) -> None:
    r"""List the backfills of CONNECTOR with how far they are, or cancel one.

    \b
    Examples:
      wellhead offsets backfills wss-acme --url http://127.0.0.1:8083
      wellhead offsets backfills wss-acme --cancel access_log-acme-20260501T000000Z-20260502T000000Z --url http://127.0.0.1:8083
    """
    from wellhead.tools.connectors import columns  # noqa: PLC0415
    from wellhead.tools.offsets_rest import open_rest  # noqa: PLC0415

    path = f"/connectors/{quote(connector, safe='')}/backfills"
    with open_rest(url) as rest:
        if cancel is not None:
            rest.ask("DELETE", f"{path}/{quote(cancel, safe='')}")
        found = rest.ask("GET", path)
    if output == "json":
        click.echo(json.dumps(found, indent=2))
        return
    rows = [(each["id"], each["state"], str(each["records"]), each["message"]) for each in found]
    for line in columns([("BACKFILL", "STATE", "RECORDS", ""), *rows]):
        click.echo(line)


def _deployment(ctx: click.Context, files: tuple[Path, ...], overrides: tuple[str, ...], connector: str) -> Deployment:
    """Give the deployment of one connector; it listens nowhere, so that it may run beside another process of it."""
    from wellhead.config.load import load  # noqa: PLC0415

    deployment = load(files, overrides=overrides, environ=os.environ)
    chosen = tuple(each for each in deployment.connectors if each.name == connector)
    if not chosen:
        known = ", ".join(sorted({each.name for each in deployment.connectors})) or "none"
        raise click.UsageError(f"the files name no connector {connector!r}; they name: {known}. Or ask a worker: --url", ctx)
    worker = deployment.worker.model_copy(update={"listeners": ()})
    return replace(deployment, worker=worker, connectors=chosen, lookups=())


def _show(deployment: Deployment, asked: Asked, output: str) -> list[Backfill]:
    from wellhead.clock import SystemClock  # noqa: PLC0415
    from wellhead.runtime.backfillplan import backfills_of, plan  # noqa: PLC0415

    now_ms = SystemClock().now_ms()
    _print(plan(deployment.worker, deployment.connectors, asked, now_ms), output)
    return [backfill for _, backfill in backfills_of(deployment.connectors, asked, now_ms)]


def _over_rest(url: str, connector: str, asked: Asked, *, yes: bool, output: str) -> None:
    from wellhead.tools.offsets_rest import open_rest  # noqa: PLC0415

    body: dict[str, Any] = {"from_ms": asked.from_ms, "to_ms": asked.to_ms, "share": asked.share}
    body |= {"streams": list(asked.streams), "tenants": list(asked.tenants), "id": asked.id or None}
    path = f"/connectors/{quote(connector, safe='')}/backfills"
    with open_rest(url) as rest:
        _print(rest.ask("POST", path if yes else f"{path}?dryRun=true", body), output)
    if yes:
        click.echo(f"begun; see 'wellhead offsets backfills {connector}'", err=True)


def _print(told: dict[str, Any], output: str) -> None:
    if output == "json":
        click.echo(json.dumps(told, indent=2))
        return
    for each in told["backfills"]:
        expected = each["expected"]
        numbers = [
            f"{expected[name]:,} {word}" if expected[name] is not None else f"{word} unknown"
            for name, word in (("records", "records"), ("api_calls", "calls"))
        ]
        click.echo(
            f"{told['connector']}, {each['stream']} of {each['tenant']}: {each['from']} to {each['to']} ({each['hours']:g} h)"
        )
        click.echo(f"  id         {each['id']} ({each['stands']})")
        click.echo(f"  expected   about {', '.join(numbers)} ({expected['note']})")
        click.echo(f"  share      {each['share']:g}: {each['live']}")
        click.echo(f"  duplicates {each['duplicates']}")


async def _run(deployment: Deployment, connector: str, chosen: Sequence[Backfill]) -> bool:
    """Run until all are done, or something failed, or stopped; True where one is not done."""
    from wellhead.runtime.process import Process  # noqa: PLC0415
    from wellhead.signals import stop_on_signals  # noqa: PLC0415

    worker_id = f"{socket.gethostname()}:{os.getpid()}"
    async with Process(deployment, worker_id=worker_id, backfills={connector: chosen}) as process:
        stop_on_signals(process.worker.stop)
        watching = asyncio.create_task(_stop_when_over(process))
        try:
            await process.worker.run()
        finally:
            watching.cancel()
        return not process.lanes_done


async def _stop_when_over(process: Process) -> None:
    while not (process.lanes_done or process.worker.failed):  # noqa: ASYNC110 - tasks tell their state when asked
        await asyncio.sleep(_LOOK_SECS)
    process.worker.stop()
