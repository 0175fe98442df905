"""Takes the files of a verb that runs a service over topics, gives their deployment, or every problem at once; runs the service until told to stop."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

import click

from wellhead.signals import stop_on_signals

if TYPE_CHECKING:
    from wellhead.config.deployment import Deployment

FILES = click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
SET = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Set an option, over file and environment; may be repeated."
)


class Service(Protocol):
    """What can be run until it is told to stop."""

    abandoned: bool

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def stop(self) -> None: ...

    async def run(self, *, once: bool) -> bool: ...


def loaded(files: tuple[Path, ...], overrides: tuple[str, ...], section: Literal["attacks", "floods", "lookups"]) -> Deployment:
    """Load a deployment that has something in `section`.

    Raises:
        ConfigError: It cannot be used, or has nothing there.
    """
    from wellhead.config.load import load  # noqa: PLC0415 - a verb is listed without loading what it runs
    from wellhead.errors import ConfigError, Problem  # noqa: PLC0415
    from wellhead.tools.config import preflight  # noqa: PLC0415

    deployment = load(files, overrides=overrides, environ=os.environ)
    problems = list(preflight(deployment))
    if not getattr(deployment, section):
        problems.append(Problem(section, f"there is none: a file needs a section `{section}` with at least one"))
    if problems:
        raise ConfigError(", ".join(map(str, files)), problems)
    return deployment


def until_stopped(make: Callable[[], Service], *, once: bool) -> None:
    """Run a service until Ctrl-C or SIGTERM, or with `once` to its end; exit 1 where that was not good.

    Args:
        make: Makes it, on the event loop it runs on.
        once: Whether it ends by itself.
    """
    is_good, abandoned = asyncio.run(_run(make, once=once))
    code = 1 if once and not is_good else 0
    if abandoned:
        # A thread still waits for a server; what it was at is begun anew by the next start.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    if code:
        raise SystemExit(code)


async def _run(make: Callable[[], Service], *, once: bool) -> tuple[bool, bool]:
    """Run until stopped; give whether all was good, and whether a thread was left behind."""
    async with make() as service:
        stop_on_signals(service.stop)
        is_good = await service.run(once=once)
    return is_good, service.abandoned
