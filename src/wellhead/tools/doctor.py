"""Takes the files of a deployment, tells whether what they need is there and what to do where it is not; changes nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from wellhead.tools.doctor_finding import Finding, Scrub, lines, worst
from wellhead.tools.offsets_open import output_option

if TYPE_CHECKING:
    from wellhead.config.deployment import Deployment

FAILED: Final = 1
UNUSABLE: Final = 2


@click.command(
    epilog="""\b
Examples:
  wellhead doctor -c examples/01-wss.yaml
  wellhead doctor -c worker.yaml -c connectors.yaml --strict
  wellhead doctor -c worker.yaml --output json
  wellhead doctor -c examples/01-wss.yaml --ask-vendor

\b
Exit codes:
  0  nothing failed; with --strict: nothing is to be warned of either
  1  something failed
  2  the configuration cannot be used
"""
)
@click.option(
    "-c",
    "--config",
    "files",
    multiple=True,
    required=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of a worker or a deployment, as 'wellhead run' reads it; may be repeated.",
)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Set an option, over file and environment.")
@click.option(
    "--timeout",
    "timeout_secs",
    metavar="SECS",
    type=click.FloatRange(min=0.1),
    default=5.0,
    show_default=True,
    help="How long to wait for an answer of Kafka.",
)
@click.option(
    "--ask-vendor", is_flag=True, help="Ask each vendor one cheap question, to try the credentials; it counts for its quota."
)
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings, too.")
@output_option
def doctor(
    files: tuple[Path, ...], overrides: tuple[str, ...], *, timeout_secs: float, ask_vendor: bool, strict: bool, output: str
) -> int:
    """Check configuration, Kafka, rights, topics, registry, clock, disk, Redis and stores from where this runs, and say what to do.

    Nothing is changed, and no vendor is asked unless you say so. What cannot be told from here is skipped, and says so.
    """
    found = list(checked(files, overrides, timeout_secs, ask_vendor=ask_vendor))
    if output == "json":
        click.echo(json.dumps({"status": worst(found), "findings": [each.told() for each in found]}, indent=2))
    else:
        click.echo("\n".join(lines(found)))
    if any(each.check == "config" and each.status == "fail" for each in found):
        return UNUSABLE
    bad = {"fail", "warn"} if strict else {"fail"}
    return FAILED if worst(found) in bad else 0


def checked(files: tuple[Path, ...], overrides: tuple[str, ...], timeout_secs: float, *, ask_vendor: bool) -> Iterator[Finding]:
    """Yield what every check finds; where the configuration cannot be used, that alone."""
    from wellhead.config.load import load  # noqa: PLC0415 - the verb is listed without loading what it does
    from wellhead.errors import ConfigError  # noqa: PLC0415
    from wellhead.telemetry.logs import configure  # noqa: PLC0415
    from wellhead.tools.config import preflight  # noqa: PLC0415

    place = ", ".join(map(str, files))
    try:
        deployment = load(files, overrides=overrides, environ=os.environ)
        problems = list(preflight(deployment))
    except ConfigError as error:
        problems = list(error.problems)
        deployment = None
    for problem in problems:
        advice = "change it; 'wellhead config check' tells whether it is right"
        yield Finding("fail", "config", problem.path or place, problem.message, advice)
    if deployment is None or problems:
        return
    configure("ERROR", "console", deployment.secrets())
    yield Finding("ok", "config", place, f"{_counted(deployment)}, nothing wrong")
    for warned in deployment.warnings:
        yield Finding("warn", "config", warned.path, warned.message, "change it, unless it is meant")
    scrub = Scrub(deployment.secrets())
    for finding in _around(deployment, timeout_secs, ask_vendor=ask_vendor):
        yield finding.scrubbed(scrub)


def _counted(deployment: Deployment) -> str:
    parts = {
        "connectors": deployment.connectors,
        "lookups": deployment.lookups,
        "attack groupings": deployment.attacks,
        "flood detections": deployment.floods,
    }
    return ", ".join(f"{len(held)} {what}" for what, held in parts.items() if held or what == "connectors")


def _around(deployment: Deployment, timeout_secs: float, *, ask_vendor: bool) -> Iterator[Finding]:
    from wellhead.clock import SystemClock  # noqa: PLC0415 - as above
    from wellhead.tools import doctor_around as around  # noqa: PLC0415
    from wellhead.tools.doctor_consumers import check_consumers  # noqa: PLC0415
    from wellhead.tools.doctor_kafka import check_kafka  # noqa: PLC0415
    from wellhead.tools.doctor_vendor import check_vendors, not_asked  # noqa: PLC0415

    yield from check_kafka(deployment, timeout_secs)
    yield from around.check_registry(deployment)
    yield from around.check_clock(around.registry_address(deployment.worker), SystemClock(), around.date_of)
    needed_bytes = max((each.settings.http.min_free_bytes for each in deployment.connectors), default=0)
    yield from around.check_disk(deployment.worker.spool_dir, needed_bytes)
    yield from check_consumers(deployment, SystemClock())
    yield from check_vendors(deployment, SystemClock()) if ask_vendor else not_asked(deployment)
