"""Takes the files of a service over topics, tells how it is, for people or machines; exits 1 where something is wrong, and soon where Kafka is away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from wellhead.consumers.healthpage import health_of, own_address
from wellhead.tools.run_service import loaded

if TYPE_CHECKING:
    from wellhead.clock import Clock
    from wellhead.config.deployment import Deployment
    from wellhead.config.worker import WorkerSettings
    from wellhead.consumers.asking import Silence
    from wellhead.consumers.watch import Probe

URL = click.option(
    "--url", metavar="URL", help="Where a process answers /health. [default: the first of the worker's listeners]"
)
JSON = click.option("--json", "as_json", is_flag=True, help="For machines.")
TIMEOUT = click.option(
    "--timeout",
    "timeout_secs",
    metavar="SECS",
    type=click.FloatRange(min=0.1),
    default=2.5,
    show_default=True,
    help="How long to wait for Kafka's first answer.",
)


@dataclass(frozen=True, slots=True)
class Around:
    """What the state of a service is made of.

    Attributes:
        deployment: What there is.
        probe: Looks up where groups stand.
        silence: Why Kafka says nothing; None where it answers.
        health: What the health page of one process says.
        clock: The time.
    """

    deployment: Deployment
    probe: Probe
    silence: Silence | None
    health: Mapping[str, Any]
    clock: Clock


@dataclass(frozen=True, slots=True)
class Wanted:
    """How somebody asked: about which process, for whom, and how long Kafka may take."""

    url: str | None
    as_json: bool
    timeout_secs: float


def quietly(files: tuple[Path, ...], overrides: tuple[str, ...], section: Literal["attacks", "floods"]) -> Deployment:
    """Load a deployment for a verb that tells something: what clients have to say goes to standard error.

    Raises:
        ConfigError: It cannot be used, or has nothing in `section`.
    """
    from wellhead.telemetry.logs import configure  # noqa: PLC0415

    deployment = loaded(files, overrides, section)
    configure("WARNING", "console", deployment.secrets())
    return deployment


def silence_in(worker: WorkerSettings, timeout_secs: float) -> Silence | None:
    """Give why Kafka does not answer in time; None where it does."""
    from wellhead.consumers.asking import silence_of  # noqa: PLC0415
    from wellhead.kafka.settings import consumer_config  # noqa: PLC0415

    return silence_of(consumer_config(worker, client_id=f"{worker.group_id}-status"), timeout_secs)


def tell(
    deployment: Deployment,
    section: Literal["attacks", "floods"],
    wanted: Wanted,
    state_of: Callable[[Around], dict[str, Any]],
    table_of: Callable[[Mapping[str, Any]], Iterable[str]],
) -> bool:
    """Print the state; False where nobody answers for the process.

    Args:
        deployment: What there is.
        section: The section of the file.
        wanted: How it was asked for.
        state_of: Makes the state, a JSON object.
        table_of: Makes the lines for people of it.
    """
    from wellhead.clock import SystemClock  # noqa: PLC0415
    from wellhead.consumers.asking import UntilSilence  # noqa: PLC0415
    from wellhead.consumers.lag import LagProbe  # noqa: PLC0415
    from wellhead.kafka.settings import consumer_config  # noqa: PLC0415

    worker, clock = deployment.worker, SystemClock()
    health, unheard = health_of(wanted.url or own_address(worker), section)
    silence = silence_in(worker, wanted.timeout_secs)
    probe = UntilSilence(LagProbe(consumer_config(worker, client_id=f"{worker.group_id}-status"), clock), silence)
    try:
        state = state_of(Around(deployment, probe, silence, health, clock))
    finally:
        probe.close()
    state["silence"] = unheard
    if wanted.as_json:
        click.echo(json.dumps(state, indent=1))
    else:
        click.echo("\n".join([*table_of(state), *([f"! {unheard}"] if unheard else [])]))
    return unheard is None
