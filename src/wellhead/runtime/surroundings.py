"""Gives what all tasks of a process share; never anything of one task."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from wellhead.clock import Clock
from wellhead.config.worker import WorkerSettings
from wellhead.http.admission import Admission
from wellhead.kafka.broker import Broker
from wellhead.runtime.doors import Doors
from wellhead.runtime.keeper import TopicKeeper
from wellhead.runtime.lease import FOREVER, Lease
from wellhead.runtime.registrar import Registrar
from wellhead.runtime.sharedbudget import SharedBudgets
from wellhead.storage.cursors import OffsetsTopic
from wellhead.telemetry.setup import Telemetry

STARTING_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all tasks of a process share.

    Attributes:
        worker: The process's settings.
        telemetry: Its meters.
        broker: Tells whether Kafka answers.
        clock: Its time.
        random: Where jitter comes from.
        step: Called at the named points where a crash must do no harm; crash tests strike there.
        redact: Takes secrets out of a text.
        budgets: What connectors share with others of their vendor, in whatever process.
        once: Whether tasks end once caught up.
        lease: What must hold while the vendor is asked or a transaction commits; it always does for a process of its own.
        placed: Whether a group of workers has placed the tasks here.
        worker_id: How the process is named in the history of cursors.
        topics: Makes topics that are missing.
        registrar: Connects to the schema registry.
        starting: How many tasks may start at once: a thousand at once would only wait for each other.
        streams: Admits live connections; None admits all.
        doors: Lets backfills through beside their live streams.
        cursors: Gives what the offsets topic holds, where that is followed anyway; None where each task reads it.
    """

    worker: WorkerSettings
    telemetry: Telemetry
    broker: Broker
    clock: Clock
    random: Random
    step: Callable[[str], None]
    redact: Callable[[str], str]
    budgets: SharedBudgets
    once: bool = False
    lease: Lease = FOREVER
    placed: bool = False
    worker_id: str = ""
    topics: TopicKeeper = field(kw_only=True)
    registrar: Registrar = field(kw_only=True)
    starting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(STARTING_AT_ONCE))
    cursors: Callable[[float], OffsetsTopic] | None = None
    doors: Doors = field(default_factory=Doors)
    streams: Admission | None = None

    def owned(self) -> bool:
        """Whether the tasks are proven to be this process's."""
        return self.placed and self.lease.valid()
