"""Takes a deployment, gives the parts of its flood watches: which group reads which topic, who keeps a bypass file, and how each is made."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from wellhead.clock import Clock
from wellhead.config.deployment import Deployment
from wellhead.config.floods import FloodsSettings
from wellhead.config.worker import WorkerSettings
from wellhead.consumers import parts as every
from wellhead.consumers.parts import Reading
from wellhead.consumers.supervise import Runs
from wellhead.telemetry.floods import BypassTally, FlowTally


@dataclass(frozen=True, slots=True)
class Part:
    """One part: of which watch, what it reads, what it reports, and how it is made anew for each run."""

    entry: str
    reader: Reading
    tally: FlowTally | BypassTally
    make: Callable[[], AbstractContextManager[Runs]]


Surroundings = every.Surroundings[FloodsSettings]
"""What every part is given."""


class Makers(Protocol):
    """How the parts are made; tests give their own."""

    def flow(self, around: Surroundings, topic: str, tally: FlowTally) -> AbstractContextManager[Runs]:
        """Make what watches a topic."""
        ...

    def bypass(self, around: Surroundings, tally: BypassTally) -> AbstractContextManager[Runs]:
        """Make what keeps the bypass file."""
        ...


def group_of(settings: FloodsSettings, worker: WorkerSettings, topic: str) -> str:
    """Give the consumer group that watches a topic for an entry."""
    return f"{worker.group_id}-{settings.name}-{topic}"


def readers_of(settings: FloodsSettings, worker: WorkerSettings) -> list[Reading]:
    """Give what reads for an entry, in all its processes together."""
    return [
        Reading(f"{settings.name}/{topic}", group_of(settings, worker, topic), topic, settings.start)
        for topic in settings.topics
    ]


def parts_of(deployment: Deployment, makers: Makers, clock: Clock, stop: threading.Event) -> list[Part]:
    """Give the parts this process runs."""
    return [
        part
        for settings in deployment.floods
        for part in _parts(Surroundings(settings, deployment.worker, clock, stop), makers)
    ]


def _parts(around: Surroundings, makers: Makers) -> list[Part]:
    settings = around.settings
    parts = [_flow(around, reader, makers) for reader in readers_of(settings, around.worker)]
    if settings.bypass.file is None:
        return parts
    tally = BypassTally(settings.name, around.clock)
    # Of no group: every process reads all of the state topic, and keeps a file of its own.
    reader = Reading(f"{settings.name}/bypass", "", settings.state_topic, needs_topic=False)
    return [*parts, Part(settings.name, reader, tally, lambda: makers.bypass(around, tally))]


def _flow(around: Surroundings, reader: Reading, makers: Makers) -> Part:
    tally = FlowTally(around.settings.name, around.clock, around.settings.alert_lag_secs, topic=reader.topic)
    return Part(around.settings.name, reader, tally, lambda: makers.flow(around, reader.topic, tally))
