"""Takes a deployment, gives the parts of attack grouping that one process runs: which group reads which topic, and how each is made."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from wellhead.clock import Clock
from wellhead.config.attacks import AttacksSettings
from wellhead.config.deployment import Deployment
from wellhead.config.worker import WorkerSettings
from wellhead.consumers import parts as every
from wellhead.consumers.supervise import Runs
from wellhead.telemetry.attacks import GrouperTally, StoreTally
from wellhead.telemetry.parts import PartTally


@dataclass(frozen=True, slots=True)
class Reader:
    """Which consumer group a part is, and what it reads.

    Attributes:
        attacks: Name of the entry in the `attacks` section.
        role: `group` for the grouper, `store` for a store's writer.
        store: Name of the store; empty for the grouper.
        group: The consumer group.
        topic: The topic.
        start: Where a new group begins, earliest or latest.
    """

    attacks: str
    role: Literal["group", "store"]
    store: str
    group: str
    topic: str
    start: str

    @property
    def name(self) -> str:
        """What people call it: `wallarm/group`, `wallarm/primary`."""
        return f"{self.attacks}/{self.store or 'group'}"

    @property
    def waits_for(self) -> tuple[str, ...]:
        """What the stores have to hold is known once the grouper is done."""
        return (f"{self.attacks}/group",) if self.role == "store" else ()

    @property
    def needs_topic(self) -> bool:
        """No documents are none to write; no hits are a mistake."""
        return self.role == "group"


@dataclass(frozen=True, slots=True)
class Part:
    """One part: what it reads, what it reports, and how it is made anew for each run."""

    reader: Reader
    tally: PartTally
    make: Callable[[], AbstractContextManager[Runs]]


Surroundings = every.Surroundings[AttacksSettings]
"""What every part is given."""


class Makers(Protocol):
    """How the parts are made; tests give their own."""

    def grouper(self, around: Surroundings, tally: GrouperTally) -> AbstractContextManager[Runs]:
        """Make a grouper."""
        ...

    def writer(self, around: Surroundings, reader: Reader, tally: StoreTally) -> AbstractContextManager[Runs]:
        """Make a store's writer."""
        ...


def readers_of(settings: AttacksSettings, worker: WorkerSettings) -> list[Reader]:
    """Give the parts an entry has in all its processes, whatever this one's roles are."""
    grouper = Reader(settings.name, "group", "", worker.group_id, settings.topic, settings.start)
    return [
        grouper,
        *(
            Reader(settings.name, "store", store, f"{worker.group_id}-{store}", settings.document_topic, "earliest")
            for store in settings.stores
        ),
    ]


def parts_of(deployment: Deployment, makers: Makers, clock: Clock, stop: threading.Event) -> list[Part]:
    """Give the parts this process runs, by the roles of each entry."""
    return [
        _part(reader, Surroundings(settings, deployment.worker, clock, stop), makers)
        for settings in deployment.attacks
        for reader in readers_of(settings, deployment.worker)
        if reader.role in settings.roles
    ]


def _part(reader: Reader, around: Surroundings, makers: Makers) -> Part:
    name, alert_secs = around.settings.name, around.settings.alert_lag_secs
    if reader.role == "group":
        grouping = GrouperTally(name, around.clock, alert_secs)
        return Part(reader, grouping, lambda: makers.grouper(around, grouping))
    writing = StoreTally(name, around.clock, alert_secs, store=reader.store)
    return Part(reader, writing, lambda: makers.writer(around, reader, writing))
