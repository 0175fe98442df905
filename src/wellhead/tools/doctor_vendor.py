"""Takes a deployment, tries each connector's credentials where it was asked to and the source has a question that takes nothing; never polls."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wellhead.api import SourceTask, Stream, TaskContext
from wellhead.errors import PermanentError, TemporaryError
from wellhead.http import HttpClient
from wellhead.tools.doctor_finding import Finding

if TYPE_CHECKING:
    from wellhead.clock import Clock
    from wellhead.config.deployment import Deployment, LoadedConnector

CHECK = "credentials"


def not_asked(deployment: Deployment) -> Iterator[Finding]:
    """Yield for each connector that its credentials are there, and that nobody asked the vendor about them."""
    for connector in deployment.connectors:
        message = "every reference gives something; the vendor was not asked"
        yield Finding(
            "skip", CHECK, connector.name, message, "--ask-vendor asks it one cheap question, which counts for its quota"
        )


def check_vendors(deployment: Deployment, clock: Clock) -> Iterator[Finding]:
    """Yield what each connector's vendor says to one question, or that there is none to ask."""
    for connector in deployment.connectors:
        yield asyncio.run(_asked(connector, clock))


async def _asked(connector: LoadedConnector, clock: Clock) -> Finding:
    where = connector.name
    told: list[str] = []
    with tempfile.TemporaryDirectory(prefix="wellhead-doctor-") as folder:
        async with HttpClient(connector.settings.http, clock=clock, secrets=connector.secrets()) as http:
            context = TaskContext(http, clock, Path(folder), _heard)
            try:
                for stream in _one_of_a_kind(connector):
                    task: SourceTask[Any, Any] = stream.task(connector.config, stream.name, context)
                    told += filter(None, [await task.probe()])
            except PermanentError as error:
                return Finding("fail", CHECK, where, str(error), "do what it says: until then the task fails")
            except TemporaryError as error:
                return Finding(
                    "warn", CHECK, where, str(error), "try again; if it stays so, see that the vendor can be reached from here"
                )
    if told:
        return Finding("ok", CHECK, where, f"the vendor answers: {', '.join(told)}")
    message = "every reference gives something; the source has no question that would take nothing from who reads"
    return Finding("skip", CHECK, where, message, f"after the start: wellhead explain {where}")


def _one_of_a_kind(connector: LoadedConnector) -> list[Stream]:
    """Give one stream of each class of task: the others would only ask the same again."""
    return list({stream.task: stream for stream in reversed(connector.streams)}.values())


def _heard(event: str, message: str, **fields: str | float) -> None:
    """A question that reports something has no one to report to."""
