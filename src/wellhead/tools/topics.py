"""Takes the files of a deployment, makes the topics it needs before anything runs; never changes or deletes one that is there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from wellhead.config.deployment import Deployment
    from wellhead.kafka.topics import TopicSpec


@click.group()
def topics() -> None:
    r"""Make the topics of a deployment, where workers may not.

    \b
    Examples:
      wellhead topics create examples/01-wss.yaml --dry-run
      wellhead topics create worker.yaml connectors.yaml --group
    """


@topics.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="WORD=VALUE", help="Override one option; may be repeated.")
@click.option("--group", is_flag=True, help="The internal topics of a group, too: FILES are those of 'wellhead worker'.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
def create(files: tuple[Path, ...], overrides: tuple[str, ...], *, group: bool, dry_run: bool) -> None:
    r"""Create what is missing of the topics that the connectors of FILES write, as their first run would.

    Shows the plan before it acts; what is there stays as it is, and where that would lose what it holds (a cleanup.policy)
    nothing is created. Needs Create and DescribeConfigs; workers then need neither. Consumers (attacks, floods) make their
    topics beside the one they read, with as many partitions.

    \b
    Examples:
      wellhead topics create examples/01-wss.yaml --dry-run
      wellhead topics create worker.yaml connectors.yaml --group
      wellhead topics create examples/01-wss.yaml --set worker.kafka.sasl.username=admin
    """
    from wellhead.config.load import load  # noqa: PLC0415 - the verb is listed without loading what it does
    from wellhead.kafka.settings import admin_config  # noqa: PLC0415
    from wellhead.kafka.topics import ensure, missing  # noqa: PLC0415
    from wellhead.telemetry.logs import configure  # noqa: PLC0415

    deployment = load(files, overrides=overrides, environ=os.environ)
    configure("ERROR", "console", deployment.secrets())
    specs, config = needed(deployment, group=group), admin_config(deployment.worker)
    lacking = missing(config, specs)
    new = {spec.name for spec in lacking}
    for spec in specs:
        click.echo(f"+ {spec.name}: to create, {_shape(spec)}" if spec.name in new else f"  {spec.name}: there already")
    if dry_run:
        click.echo("dry run: nothing was created")
        return
    for name in ensure(config, lacking) if lacking else ():
        click.echo(f"created {name}")


def needed(deployment: Deployment, *, group: bool) -> Sequence[TopicSpec]:
    """Give every topic that the connectors write, and with `group` that workers share, each once."""
    from wellhead.runtime.budgetlog import budget_spec  # noqa: PLC0415 - as above
    from wellhead.runtime.topics import topic_specs  # noqa: PLC0415
    from wellhead.storage.topics import storage_specs  # noqa: PLC0415

    worker = deployment.worker
    specs = storage_specs(worker) if group else []
    for connector in deployment.connectors:
        for stream in connector.streams:
            specs += topic_specs(worker, connector.settings, stream)
        if connector.settings.http.budget_group:
            specs.append(budget_spec(worker))
    return list({spec.name: spec for spec in reversed(specs)}.values())[::-1]


def _shape(spec: TopicSpec) -> str:
    sizes = (("partitions", spec.partitions), ("replication.factor", spec.replication_factor))
    told = [f"{name} {'the default' if count < 0 else count}" for name, count in sizes]
    return ", ".join([*told, *(f"{name}={value}" for name, value in sorted(spec.config.items()))])
